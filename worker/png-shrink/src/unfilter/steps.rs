//! The filters that need the pixel to the left, pixel by pixel. A pixel's samples are 16 bits wide
//! in between, so that the compiler takes all of them in one vector.

/// The pixel to the left.
pub(super) const SUB: u8 = 1;
/// Half of the pixel to the left and the one above.
pub(super) const AVERAGE: u8 = 3;
/// Whichever of three neighbours [`predict`] takes.
pub(super) const PAETH: u8 = 4;

/// A pixel, one byte in each number.
type Wide<const N: usize> = [i16; N];

/// What a row remembers from pixel to pixel.
#[derive(Clone, Copy)]
struct Chain<const N: usize> {
    left: Wide<N>,
    /// What was above the pixel to the left.
    corner: Wide<N>,
}

impl<const N: usize> Chain<N> {
    const START: Self = Self {
        left: [0; N],
        corner: [0; N],
    };

    /// The next pixel.
    #[inline(always)]
    fn step<const FILTER: u8>(&mut self, raw: &[u8; N], above: Wide<N>) {
        for (((left, corner), raw), above) in
            self.left.iter_mut().zip(self.corner).zip(raw).zip(above)
        {
            let predicted = match FILTER {
                SUB => *left,
                AVERAGE => (*left + above) >> 1,
                _ => predict(*left, above, corner),
            };
            *left = (predicted + i16::from(*raw)) & 0xff;
        }
        self.corner = above;
    }
}

#[inline(always)]
fn widen<const N: usize>(pixel: &[u8; N]) -> Wide<N> {
    pixel.map(i16::from)
}

#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "they are bytes"
)]
fn narrow<const N: usize>(pixel: Wide<N>) -> [u8; N] {
    pixel.map(|sample| sample as u8)
}

/// One row.
pub(super) fn each<const FILTER: u8, const N: usize>(raw: &[u8], above: &[u8], row: &mut [u8]) {
    let (raw, above) = (raw.as_chunks().0, above.as_chunks().0);
    let row = row.as_chunks_mut::<N>().0;
    let mut chain = Chain::START;
    for ((row, raw), above) in row.iter_mut().zip(raw).zip(above) {
        chain.step::<FILTER>(raw, widen(above));
        *row = narrow(chain.left);
    }
}

/// Two rows, the lower one pixel behind the upper.
pub(super) fn each_of_two<const UPPER: u8, const LOWER: u8, const N: usize>(
    [upper_raw, lower_raw]: [&[u8]; 2],
    above: &[u8],
    [upper, lower]: [&mut [u8]; 2],
) {
    let (mut upper_raw, above) = (upper_raw.as_chunks().0.iter(), above.as_chunks().0);
    let lower_raw = lower_raw.as_chunks().0;
    let mut upper = upper.as_chunks_mut::<N>().0.iter_mut();
    let lower = lower.as_chunks_mut::<N>().0;
    let (mut ahead, mut behind) = (Chain::START, Chain::START);
    let mut above = above.iter();
    if let (Some(upper), Some(raw), Some(above)) = (upper.next(), upper_raw.next(), above.next()) {
        ahead.step::<UPPER>(raw, widen(above));
        *upper = narrow(ahead.left);
    }
    let mut lower = lower.iter_mut().zip(lower_raw);
    // The upper row's iterator comes first: it is the one that is shorter by a pixel.
    for (((upper, raw), above), (lower, lower_raw)) in
        upper.zip(upper_raw).zip(above).zip(lower.by_ref())
    {
        behind.step::<LOWER>(lower_raw, ahead.left);
        ahead.step::<UPPER>(raw, widen(above));
        *lower = narrow(behind.left);
        *upper = narrow(ahead.left);
    }
    if let Some((lower, raw)) = lower.next() {
        behind.step::<LOWER>(raw, ahead.left);
        *lower = narrow(behind.left);
    }
}

/// The predictor of clause 9.4, of bytes: whichever of the three is nearest to
/// `left + up - corner`.
///
/// When the corner is not between the others, that is the one farther from it. Else it is the
/// corner, unless one of the two is at least twice as near to it as the other.
#[inline(always)]
fn predict(left: i16, up: i16, corner: i16) -> i16 {
    let bound = 3 * corner - up - left;
    let (low, high) = (left.min(up), left.max(up));
    let first = if high <= bound { low } else { corner };
    if bound <= low { high } else { first }
}

#[cfg(test)]
mod tests {
    use super::predict;

    #[test]
    fn the_predictor_is_the_one_of_the_standard() {
        for left in 0..256i16 {
            for up in 0..256i16 {
                for corner in 0..256i16 {
                    let estimate = left + up - corner;
                    let away = |from: i16| (estimate - from).abs();
                    let expected = if away(left) <= away(up) && away(left) <= away(corner) {
                        left
                    } else if away(up) <= away(corner) {
                        up
                    } else {
                        corner
                    };
                    assert_eq!(predict(left, up, corner), expected);
                }
            }
        }
    }
}
