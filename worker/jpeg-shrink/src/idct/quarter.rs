//! 2 samples a side: sums and differences.

use super::lanes::{dequantised, samples};
use super::{Factors, Inverse, Samples, Transform};

impl Transform<2, 4> for Inverse {
    #[inline(always)]
    fn samples(coefficients: &[i16; 4], factors: &Factors) -> Samples<2> {
        let [scales, ..] = factors.by_place.as_chunks::<4>().0 else {
            return [[0; 2]; 2];
        };
        // By column, then row.
        let [mean, down, across, both] = dequantised(*coefficients, *scales);
        let (left, right) = (mean + across, mean - across);
        let (left_down, right_down) = (down + both, down - both);
        let [a, b, c, d] = samples([
            left + left_down,
            right + right_down,
            left - left_down,
            right - right_down,
        ]);
        [[a, b], [c, d]]
    }
}
