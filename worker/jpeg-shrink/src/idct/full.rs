//! 8 samples a side: the scaled transform of Arai, Agui and Nakajima (1988), which needs five
//! multiplications a row.

use super::{Factors, Inverse, Samples, Transform, flat, sample};

const SQRT_2: f32 = std::f32::consts::SQRT_2;
/// 2 cos(pi / 8).
const C2: f32 = 1.847_759_1;
/// 2 (cos(pi / 8) - cos(3 pi / 8)).
const C2_MINUS_C6: f32 = 1.082_392_2;
/// 2 (cos(pi / 8) + cos(3 pi / 8)).
const C2_PLUS_C6: f32 = 2.613_126;

type Rows = [[f32; 8]; 8];

impl Transform<8, 64> for Inverse {
    #[inline]
    fn samples(coefficients: &[i16; 64], factors: &Factors) -> Samples<8> {
        let [dc, ac @ ..] = coefficients;
        if ac.iter().fold(0, |any, value| any | value) == 0 {
            return [[flat(*dc, factors); 8]; 8];
        }
        let mut columns: Rows = [[0.0; 8]; 8];
        let (blocks, _) = coefficients.as_chunks::<8>();
        let (scales, _) = factors.by_place.as_chunks::<8>();
        for ((column, block), scale) in columns.iter_mut().zip(blocks).zip(scales) {
            for ((value, coefficient), factor) in column.iter_mut().zip(block).zip(scale) {
                *value = f32::from(*coefficient) * factor;
            }
        }
        let rows = transposed(&transformed(&columns));
        transformed(&rows).map(|row| row.map(sample))
    }
}

/// Transforms across the outer index; the inner one is for vector instructions.
#[inline(always)]
fn transformed(input: &Rows) -> Rows {
    let mut output = [[0.0; 8]; 8];
    for lane in 0..8 {
        let values = butterflies(input.map(|row| row[lane]));
        for (row, value) in output.iter_mut().zip(values) {
            row[lane] = value;
        }
    }
    output
}

#[inline(always)]
fn butterflies([a0, a1, a2, a3, a4, a5, a6, a7]: [f32; 8]) -> [f32; 8] {
    let (sum04, difference04) = (a0 + a4, a0 - a4);
    let sum26 = a2 + a6;
    let difference26 = (a2 - a6) * SQRT_2 - sum26;
    let (e0, e3) = (sum04 + sum26, sum04 - sum26);
    let (e1, e2) = (difference04 + difference26, difference04 - difference26);

    let (sum53, difference53) = (a5 + a3, a5 - a3);
    let (sum17, difference17) = (a1 + a7, a1 - a7);
    let o0 = sum17 + sum53;
    let middle = (sum17 - sum53) * SQRT_2;
    let both = (difference53 + difference17) * C2;
    let o1 = both - difference53 * C2_PLUS_C6 - o0;
    let o2 = middle - o1;
    let o3 = both - difference17 * C2_MINUS_C6 - o2;
    [
        e0 + o0,
        e1 + o1,
        e2 + o2,
        e3 + o3,
        e3 - o3,
        e2 - o2,
        e1 - o1,
        e0 - o0,
    ]
}

#[inline(always)]
fn transposed(input: &Rows) -> Rows {
    let mut output = [[0.0; 8]; 8];
    for (i, row) in output.iter_mut().enumerate() {
        for (value, from) in row.iter_mut().zip(input) {
            *value = from[i & 7];
        }
    }
    output
}
