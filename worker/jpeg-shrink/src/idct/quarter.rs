//! 2 samples a side: sums and differences.

use super::{Factors, Inverse, Samples, Transform, sample};

impl Transform<2, 4> for Inverse {
    #[inline(always)]
    fn samples(coefficients: &[i16; 4], factors: &Factors) -> Samples<2> {
        let mut values = [0.0; 4];
        for ((value, coefficient), factor) in
            values.iter_mut().zip(coefficients).zip(&factors.by_place)
        {
            *value = f32::from(*coefficient) * factor;
        }
        // By column, then row.
        let [mean, down, across, both] = values;
        let (left, right) = (mean + across, mean - across);
        let (left_down, right_down) = (down + both, down - both);
        [
            [sample(left + left_down), sample(right + right_down)],
            [sample(left - left_down), sample(right - right_down)],
        ]
    }
}
