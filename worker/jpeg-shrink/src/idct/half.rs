//! 4 samples a side: a transform with two multiplications a row.

use super::lanes::{Lanes, add, dequantised, samples, scale, subtract, transposed};
use super::{Factors, Inverse, Samples, Transform, flat};

/// tan(pi / 8).
const TANGENT: f32 = 0.414_213_57;

impl Transform<4, 16> for Inverse {
    #[inline(always)]
    fn samples(coefficients: &[i16; 16], factors: &Factors) -> Samples<4> {
        let [dc, ac @ ..] = coefficients;
        if ac.iter().fold(0, |any, value| any | value) == 0 {
            return [[flat(*dc, factors); 4]; 4];
        }
        let mut columns = [[0.0; 4]; 4];
        let (blocks, _) = coefficients.as_chunks::<4>();
        let (scales, _) = factors.by_place.as_chunks::<4>();
        for ((column, block), scale) in columns.iter_mut().zip(blocks).zip(scales) {
            *column = dequantised(*block, *scale);
        }
        let [a, b, c, d] = transformed(transposed(transformed(columns)));
        [samples(a), samples(b), samples(c), samples(d)]
    }
}

/// Transforms across the lanes.
#[inline(always)]
fn transformed([a0, a1, a2, a3]: [Lanes; 4]) -> [Lanes; 4] {
    let outer_even = add(a0, a2);
    let inner_even = subtract(a0, a2);
    let outer_odd = add(a1, scale(a3, TANGENT));
    let inner_odd = subtract(scale(a1, TANGENT), a3);
    [
        add(outer_even, outer_odd),
        add(inner_even, inner_odd),
        subtract(inner_even, inner_odd),
        subtract(outer_even, outer_odd),
    ]
}
