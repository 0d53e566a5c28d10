//! Undoes the filters of rows (PNG, third edition, clause 9), as far to the right as is wanted.
//!
//! Most filters need the pixel to the left, so a row is a long chain of short steps. Two rows are
//! therefore done at once where they can be, the lower one pixel behind the upper: while a step of
//! one waits for its result, the processor works at the other.

mod steps;

use crate::errors::Error;
use steps::{AVERAGE, PAETH, SUB, each, each_of_two};

const NONE: u8 = 0;
const UP: u8 = 2;
const UNKNOWN: Error = Error::Corrupt("a row's filter");

/// A filtered row: the number of its filter, and its bytes.
pub(crate) type Filtered<'a> = (u8, &'a [u8]);

/// Undoes the filter of a row; `above` is the row before it (zeros for the first), `row` what it
/// becomes. All three are equally long, whole pixels of `pixel_bytes` (1, 2, 3, 4, 6 or 8).
pub(crate) fn one(
    pixel_bytes: usize,
    filtered: Filtered<'_>,
    above: &[u8],
    row: &mut [u8],
) -> Result<(), Error> {
    match pixel_bytes {
        1 => one_of::<1>(filtered, above, row),
        2 => one_of::<2>(filtered, above, row),
        3 => one_of::<3>(filtered, above, row),
        4 => one_of::<4>(filtered, above, row),
        6 => one_of::<6>(filtered, above, row),
        _ => one_of::<8>(filtered, above, row),
    }
}

/// The same for two rows, the upper first.
pub(crate) fn two(
    pixel_bytes: usize,
    filtered: [Filtered<'_>; 2],
    above: &[u8],
    rows: [&mut [u8]; 2],
) -> Result<(), Error> {
    match pixel_bytes {
        1 => two_of::<1>(filtered, above, rows),
        2 => two_of::<2>(filtered, above, rows),
        3 => two_of::<3>(filtered, above, rows),
        4 => two_of::<4>(filtered, above, rows),
        6 => two_of::<6>(filtered, above, rows),
        _ => two_of::<8>(filtered, above, rows),
    }
}

fn one_of<const N: usize>(
    (filter, raw): Filtered<'_>,
    above: &[u8],
    row: &mut [u8],
) -> Result<(), Error> {
    match filter {
        NONE => row.copy_from_slice(raw),
        SUB => each::<SUB, N>(raw, above, row),
        UP => {
            for ((row, raw), above) in row.iter_mut().zip(raw).zip(above) {
                *row = raw.wrapping_add(*above);
            }
        }
        AVERAGE => each::<AVERAGE, N>(raw, above, row),
        PAETH => each::<PAETH, N>(raw, above, row),
        _ => return Err(UNKNOWN),
    }
    Ok(())
}

fn two_of<const N: usize>(
    filtered: [Filtered<'_>; 2],
    above: &[u8],
    rows: [&mut [u8]; 2],
) -> Result<(), Error> {
    let [(first, upper), (second, lower)] = filtered;
    let raw = [upper, lower];
    match (first, second) {
        (SUB, SUB) => each_of_two::<SUB, SUB, N>(raw, above, rows),
        (SUB, AVERAGE) => each_of_two::<SUB, AVERAGE, N>(raw, above, rows),
        (SUB, PAETH) => each_of_two::<SUB, PAETH, N>(raw, above, rows),
        (AVERAGE, SUB) => each_of_two::<AVERAGE, SUB, N>(raw, above, rows),
        (AVERAGE, AVERAGE) => each_of_two::<AVERAGE, AVERAGE, N>(raw, above, rows),
        (AVERAGE, PAETH) => each_of_two::<AVERAGE, PAETH, N>(raw, above, rows),
        (PAETH, SUB) => each_of_two::<PAETH, SUB, N>(raw, above, rows),
        (PAETH, AVERAGE) => each_of_two::<PAETH, AVERAGE, N>(raw, above, rows),
        (PAETH, PAETH) => each_of_two::<PAETH, PAETH, N>(raw, above, rows),
        // One of them is no chain, or nothing at all.
        _ => {
            let [upper, lower] = rows;
            let [first, second] = filtered;
            one_of::<N>(first, above, upper)?;
            one_of::<N>(second, upper, lower)?;
        }
    }
    Ok(())
}
