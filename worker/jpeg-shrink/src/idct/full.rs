//! 8 samples a side: the scaled transform of Arai, Agui and Nakajima (1988), which needs five
//! multiplications a row.

use super::lanes::{Lanes, add, dequantised, joined, samples, scale, subtract, transposed};
use super::{Factors, Inverse, Samples, Transform, flat};

const SQRT_2: f32 = std::f32::consts::SQRT_2;
/// 2 cos(pi / 8).
const C2: f32 = 1.847_759_1;
/// 2 (cos(pi / 8) - cos(3 pi / 8)).
const C2_MINUS_C6: f32 = 1.082_392_2;
/// 2 (cos(pi / 8) + cos(3 pi / 8)).
const C2_PLUS_C6: f32 = 2.613_126;

/// Four of eight columns or rows.
type Half = [Lanes; 8];

impl Transform<8, 64> for Inverse {
    #[inline(always)]
    fn samples(coefficients: &[i16; 64], factors: &Factors) -> Samples<8> {
        let [dc, ac @ ..] = coefficients;
        if ac.iter().fold(0, |any, value| any | value) == 0 {
            return [[flat(*dc, factors); 8]; 8];
        }
        let mut upper: Half = [[0.0; 4]; 8];
        let mut lower: Half = [[0.0; 4]; 8];
        let (blocks, _) = coefficients.as_chunks::<4>();
        let (scales, _) = factors.by_place.as_chunks::<4>();
        let columns = blocks
            .as_chunks::<2>()
            .0
            .iter()
            .zip(scales.as_chunks::<2>().0);
        let halves = upper.iter_mut().zip(&mut lower);
        for ((upper, lower), (block, scale)) in halves.zip(columns) {
            *upper = dequantised(block[0], scale[0]);
            *lower = dequantised(block[1], scale[1]);
        }
        let (left, right) = swapped(transformed(upper), transformed(lower));
        let (left, right) = (transformed(left), transformed(right));
        let mut rows = [[0; 8]; 8];
        for (row, (left, right)) in rows.iter_mut().zip(left.iter().zip(&right)) {
            *row = joined(samples(*left), samples(*right));
        }
        rows
    }
}

/// From columns, four rows of each, to rows, four columns of each.
#[inline(always)]
fn swapped(
    [a0, a1, a2, a3, a4, a5, a6, a7]: Half,
    [b0, b1, b2, b3, b4, b5, b6, b7]: Half,
) -> (Half, Half) {
    let [l0, l1, l2, l3] = transposed([a0, a1, a2, a3]);
    let [l4, l5, l6, l7] = transposed([b0, b1, b2, b3]);
    let [r0, r1, r2, r3] = transposed([a4, a5, a6, a7]);
    let [r4, r5, r6, r7] = transposed([b4, b5, b6, b7]);
    (
        [l0, l1, l2, l3, l4, l5, l6, l7],
        [r0, r1, r2, r3, r4, r5, r6, r7],
    )
}

/// Transforms across the lanes.
#[inline(always)]
fn transformed([a0, a1, a2, a3, a4, a5, a6, a7]: Half) -> Half {
    let (sum04, difference04) = (add(a0, a4), subtract(a0, a4));
    let sum26 = add(a2, a6);
    let difference26 = subtract(scale(subtract(a2, a6), SQRT_2), sum26);
    let (e0, e3) = (add(sum04, sum26), subtract(sum04, sum26));
    let (e1, e2) = (
        add(difference04, difference26),
        subtract(difference04, difference26),
    );

    let (sum53, difference53) = (add(a5, a3), subtract(a5, a3));
    let (sum17, difference17) = (add(a1, a7), subtract(a1, a7));
    let o0 = add(sum17, sum53);
    let middle = scale(subtract(sum17, sum53), SQRT_2);
    let both = scale(add(difference53, difference17), C2);
    let o1 = subtract(subtract(both, scale(difference53, C2_PLUS_C6)), o0);
    let o2 = subtract(middle, o1);
    let o3 = subtract(subtract(both, scale(difference17, C2_MINUS_C6)), o2);
    [
        add(e0, o0),
        add(e1, o1),
        add(e2, o2),
        add(e3, o3),
        subtract(e3, o3),
        subtract(e2, o2),
        subtract(e1, o1),
        subtract(e0, o0),
    ]
}
