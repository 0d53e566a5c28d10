//! The filters that need the pixel to the left, pixel by pixel. A pixel's bytes lie in lanes of
//! 16 bits; a vector of eight holds a pixel of each of two rows if they have up to four bytes.
#![expect(
    clippy::inline_always,
    reason = "a call for every pixel would cost more than the pixel"
)]

use wide::bytemuck::cast;
use wide::{i16x8, u8x16};

/// The pixel to the left.
pub(super) const SUB: u8 = 1;
/// Half of the pixel to the left and the one above.
pub(super) const AVERAGE: u8 = 3;
/// Whichever of three neighbours [`paeth`] takes.
pub(super) const PAETH: u8 = 4;

/// What a row, or two, remember from pixel to pixel.
#[derive(Clone, Copy, Default)]
struct Chain {
    left: i16x8,
    /// What was above the pixel to the left.
    corner: i16x8,
}

impl Chain {
    /// The next pixel: of filter `UPPER` in the lower lanes, `LOWER` in the upper ones.
    #[inline(always)]
    fn step<const UPPER: u8, const LOWER: u8>(&mut self, raw: i16x8, above: i16x8) {
        let Self { left, corner } = *self;
        let pixel = if UPPER == LOWER {
            undo::<UPPER>(raw, left, above, corner)
        } else {
            let upper = undo::<UPPER>(raw, left, above, corner) & cast::<_, i16x8>([u64::MAX, 0]);
            upper | undo::<LOWER>(raw, left, above, corner) & cast::<_, i16x8>([0, u64::MAX])
        };
        *self = Self {
            left: pixel,
            corner: above,
        };
    }
}

#[inline(always)]
fn undo<const FILTER: u8>(raw: i16x8, left: i16x8, above: i16x8, corner: i16x8) -> i16x8 {
    let bytes = i16x8::splat(0xff);
    match FILTER {
        SUB => (raw + left) & bytes,
        AVERAGE => (raw + ((left + above) >> 1)) & bytes,
        _ => paeth(raw, left, above, corner),
    }
}

/// Adds the predictor of clause 9.4: whichever of the three is nearest to `left + above - corner`.
///
/// When the corner is not between the others, that is the one farther from it. Else it is the
/// corner, unless one of the two is at least twice as near to it as the other. All three sums are
/// made before it is known which is wanted, since the next pixel waits for this one.
#[inline(always)]
fn paeth(raw: i16x8, left: i16x8, above: i16x8, corner: i16x8) -> i16x8 {
    let bytes = i16x8::splat(0xff);
    let bound = (corner + corner + corner - above) - left;
    let (low, high) = (left.min(above), left.max(above));
    let (not_low, not_high) = (high.simd_gt(bound), bound.simd_gt(low));
    let low = (low + raw) & bytes & !not_low;
    let high = (high + raw) & bytes & !not_high;
    let corner = (corner + raw) & bytes & (not_low & not_high);
    // If both are wanted they are the same.
    corner | low | high
}

/// Up to eight bytes into lanes.
#[inline(always)]
fn widen(bytes: u64) -> i16x8 {
    i16x8::from_u8x16_low(cast::<_, u8x16>([bytes, 0]))
}

#[inline(always)]
fn narrow(lanes: i16x8) -> u64 {
    let [bytes, _]: [u64; 2] = cast(u8x16::narrow_i16x8(lanes, lanes));
    bytes
}

#[inline(always)]
fn load<const N: usize>(pixel: &[u8; N]) -> u64 {
    let mut bytes = [0; 8];
    for (byte, pixel) in bytes.iter_mut().zip(pixel) {
        *byte = *pixel;
    }
    u64::from_le_bytes(bytes)
}

#[inline(always)]
fn store<const N: usize>(pixel: &mut [u8; N], bytes: u64) {
    for (pixel, byte) in pixel.iter_mut().zip(bytes.to_le_bytes()) {
        *pixel = byte;
    }
}

/// One row.
pub(super) fn each<const FILTER: u8, const N: usize>(raw: &[u8], above: &[u8], row: &mut [u8]) {
    let (raw, above) = (raw.as_chunks::<N>().0, above.as_chunks::<N>().0);
    let row = row.as_chunks_mut::<N>().0;
    let mut chain = Chain::default();
    for ((row, raw), above) in row.iter_mut().zip(raw).zip(above) {
        chain.step::<FILTER, FILTER>(widen(load(raw)), widen(load(above)));
        store(row, narrow(chain.left));
    }
}

/// Two rows, the lower one pixel behind the upper.
pub(super) fn each_of_two<const UPPER: u8, const LOWER: u8, const N: usize>(
    [upper_raw, lower_raw]: [&[u8]; 2],
    above: &[u8],
    [upper, lower]: [&mut [u8]; 2],
) {
    let (upper_raw, above) = (upper_raw.as_chunks::<N>().0, above.as_chunks::<N>().0);
    let lower_raw = lower_raw.as_chunks::<N>().0;
    let (upper, lower) = (upper.as_chunks_mut::<N>().0, lower.as_chunks_mut::<N>().0);
    let (
        Some((first_raw, upper_raw)),
        Some((first_above, above)),
        Some((first, upper)),
        Some((last_raw, lower_raw)),
        Some((last, lower)),
    ) = (
        upper_raw.split_first(),
        above.split_first(),
        upper.split_first_mut(),
        lower_raw.split_last(),
        lower.split_last_mut(),
    )
    else {
        return;
    };
    let rows = upper.iter_mut().zip(lower);
    let raw = upper_raw.iter().zip(lower_raw);
    let mut two = Two::<UPPER, LOWER, N>::default();
    store(first, two.step(load(first_raw), 0, load(first_above)).0);
    two.begin_lower();
    for (((upper, lower), (upper_raw, lower_raw)), above) in rows.zip(raw).zip(above) {
        let pixels = two.step(load(upper_raw), load(lower_raw), load(above));
        store(upper, pixels.0);
        store(lower, pixels.1);
    }
    store(last, two.step(0, load(last_raw), 0).1);
}

/// The chains of two rows: in one vector if there is room.
#[derive(Default)]
struct Two<const UPPER: u8, const LOWER: u8, const N: usize> {
    upper: Chain,
    /// Only of pixels of more than four bytes.
    lower: Chain,
}

impl<const UPPER: u8, const LOWER: u8, const N: usize> Two<UPPER, LOWER, N> {
    /// A pixel of the upper row, and of the lower row the one to the left of it.
    #[inline(always)]
    fn step(&mut self, upper_raw: u64, lower_raw: u64, above: u64) -> (u64, u64) {
        if N <= 4 {
            let [upper, _]: [u64; 2] = cast(self.upper.left);
            let [above, _]: [u64; 2] = cast(widen(above));
            let above = cast::<_, i16x8>([above, upper]);
            self.upper
                .step::<UPPER, LOWER>(widen(lower_raw << 32 | upper_raw), above);
            let pixels = narrow(self.upper.left);
            (pixels, pixels >> 32)
        } else {
            let upper = self.upper.left;
            self.lower.step::<LOWER, LOWER>(widen(lower_raw), upper);
            self.upper
                .step::<UPPER, UPPER>(widen(upper_raw), widen(above));
            (narrow(self.upper.left), narrow(self.lower.left))
        }
    }

    /// Left of the lower row's first pixel there is nothing, whatever the first step made of it.
    fn begin_lower(&mut self) {
        self.lower = Chain::default();
        if N <= 4 {
            let keep = cast::<_, i16x8>([u64::MAX, 0]);
            self.upper.left &= keep;
            self.upper.corner &= keep;
        }
    }
}

#[cfg(test)]
mod tests {
    use wide::i16x8;

    use super::paeth;

    #[test]
    fn the_predictor_is_the_one_of_the_standard() {
        let all = || 0..256i16;
        let sides = all().flat_map(|left| all().map(move |up| (left, up)));
        for ((left, up), corner) in sides.flat_map(|sides| all().map(move |c| (sides, c))) {
            let estimate = left + up - corner;
            let away = |from: i16| (estimate - from).abs();
            let expected = if away(left) <= away(up) && away(left) <= away(corner) {
                left
            } else if away(up) <= away(corner) {
                up
            } else {
                corner
            };
            let [raw, left, up, corner] = [77, left, up, corner].map(i16x8::splat);
            let found = paeth(raw, left, up, corner);
            assert_eq!(found, i16x8::splat((expected + 77) & 0xff));
        }
    }
}
