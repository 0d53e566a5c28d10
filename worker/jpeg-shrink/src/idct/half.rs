//! 4 samples a side: a transform with two multiplications a row.

use super::{Factors, Inverse, Samples, Transform, flat, sample};

/// tan(pi / 8).
const TANGENT: f32 = 0.414_213_57;

type Rows = [[f32; 4]; 4];

impl Transform<4, 16> for Inverse {
    #[inline(always)]
    fn samples(coefficients: &[i16; 16], factors: &Factors) -> Samples<4> {
        let [dc, ac @ ..] = coefficients;
        if ac.iter().fold(0, |any, value| any | value) == 0 {
            return [[flat(*dc, factors); 4]; 4];
        }
        let mut columns: Rows = [[0.0; 4]; 4];
        let (blocks, _) = coefficients.as_chunks::<4>();
        let (scales, _) = factors.by_place.as_chunks::<4>();
        for ((column, block), scale) in columns.iter_mut().zip(blocks).zip(scales) {
            for ((value, coefficient), factor) in column.iter_mut().zip(block).zip(scale) {
                *value = f32::from(*coefficient) * factor;
            }
        }
        let [a, b, c, d] = transformed(columns);
        let rows = [0, 1, 2, 3].map(|lane| [a[lane], b[lane], c[lane], d[lane]]);
        transformed(rows).map(|row| row.map(sample))
    }
}

/// Transforms across the outer index; the inner one is for vector instructions.
#[inline(always)]
fn transformed([a0, a1, a2, a3]: Rows) -> Rows {
    let outer_even = add(a0, a2);
    let inner_even = subtract(a0, a2);
    let outer_odd = add(a1, a3.map(|value| value * TANGENT));
    let inner_odd = subtract(a1.map(|value| value * TANGENT), a3);
    [
        add(outer_even, outer_odd),
        add(inner_even, inner_odd),
        subtract(inner_even, inner_odd),
        subtract(outer_even, outer_odd),
    ]
}

#[inline(always)]
fn add(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]]
}

#[inline(always)]
fn subtract(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]]
}
