//! Undoes the filters of rows (PNG, third edition, clause 9), as far to the right as is wanted.
#![expect(
    clippy::indexing_slicing,
    reason = "the loops in here run for every byte of the picture"
)]

use crate::errors::Error;

const UNKNOWN: Error = Error::Corrupt("a row's filter");

/// Undoes the filter of one row: `filter` is its number, `raw` its bytes, `above` the row before
/// (zeros for the first), `row` what it becomes. All three are equally long, whole pixels of
/// `pixel_bytes` (1, 2, 3, 4, 6 or 8).
pub(crate) fn unfilter(
    filter: u8,
    pixel_bytes: usize,
    raw: &[u8],
    above: &[u8],
    row: &mut [u8],
) -> Result<(), Error> {
    match pixel_bytes {
        1 => pixels::<1>(filter, raw, above, row),
        2 => pixels::<2>(filter, raw, above, row),
        3 => pixels::<3>(filter, raw, above, row),
        4 => pixels::<4>(filter, raw, above, row),
        6 => pixels::<6>(filter, raw, above, row),
        _ => pixels::<8>(filter, raw, above, row),
    }
}

fn pixels<const N: usize>(
    filter: u8,
    raw: &[u8],
    above: &[u8],
    row: &mut [u8],
) -> Result<(), Error> {
    match filter {
        0 => row.copy_from_slice(raw),
        1 => sub::<N>(raw, row),
        2 => {
            for ((row, raw), above) in row.iter_mut().zip(raw).zip(above) {
                *row = raw.wrapping_add(*above);
            }
        }
        3 => average::<N>(raw, above, row),
        4 => paeth::<N>(raw, above, row),
        _ => return Err(UNKNOWN),
    }
    Ok(())
}

fn sub<const N: usize>(raw: &[u8], row: &mut [u8]) {
    let mut left = [0u8; N];
    let raw = raw.as_chunks::<N>().0;
    for (row, raw) in row.as_chunks_mut::<N>().0.iter_mut().zip(raw) {
        for (left, raw) in left.iter_mut().zip(raw) {
            *left = raw.wrapping_add(*left);
        }
        *row = left;
    }
}

fn average<const N: usize>(raw: &[u8], above: &[u8], row: &mut [u8]) {
    let mut left = [0u8; N];
    let (raw, above) = (raw.as_chunks::<N>().0, above.as_chunks::<N>().0);
    for ((row, raw), above) in row.as_chunks_mut::<N>().0.iter_mut().zip(raw).zip(above) {
        for channel in 0..N {
            left[channel] = raw[channel].wrapping_add(left[channel].midpoint(above[channel]));
        }
        *row = left;
    }
}

fn paeth<const N: usize>(raw: &[u8], above: &[u8], row: &mut [u8]) {
    let (mut left, mut corner) = ([0i16; N], [0i16; N]);
    let (raw, above) = (raw.as_chunks::<N>().0, above.as_chunks::<N>().0);
    for ((row, raw), above) in row.as_chunks_mut::<N>().0.iter_mut().zip(raw).zip(above) {
        for channel in 0..N {
            let up = i16::from(above[channel]);
            let predicted = predict(left[channel], up, corner[channel]);
            left[channel] = (predicted + i16::from(raw[channel])) & 0xff;
            corner[channel] = up;
            row[channel] = left[channel] as u8;
        }
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
