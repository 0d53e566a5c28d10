//! Copies of what was written before, in whole words where the pieces do not overlap.
#![expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::inline_always,
    reason = "the loops in here run for every match"
)]

/// For a distance below 8: how many bytes of its pattern, repeated, fit into 8 bytes.
const STEPS: [usize; 8] = [0, 8, 8, 6, 8, 5, 6, 7];

/// Writes `length` bytes (at most 258) at `at`, the same as those `distance` (1 to `at`) before.
/// May write up to 31 bytes more, which must be within `out`.
#[inline(always)]
pub(super) fn back(out: &mut [u8], at: usize, distance: usize, length: usize) {
    let from = at - distance;
    if distance >= 16 {
        out.copy_within(from..from + 16, at);
        let mut done = 16;
        while done < length {
            out.copy_within(from + done..from + done + 16, at + done);
            done += 16;
        }
    } else if distance >= 8 {
        let mut done = 0;
        while done < length {
            out.copy_within(from + done..from + done + 8, at + done);
            done += 8;
        }
    } else {
        repeat(out, at, distance, length);
    }
}

/// The same for a pattern shorter than a word.
#[inline(always)]
fn repeat(out: &mut [u8], at: usize, distance: usize, length: usize) {
    // The bytes from `at` on are not written yet: they are shifted out.
    let from = at - distance;
    let mut pattern = [0; 8];
    pattern.copy_from_slice(&out[from..from + 8]);
    let width = 8 * (distance & 7) as u32;
    let mut word = u64::from_le_bytes(pattern) & ((1 << width) - 1);
    word |= word.unbounded_shl(width);
    word |= word.unbounded_shl(2 * width);
    word |= word.unbounded_shl(4 * width);
    let pattern = word.to_le_bytes();
    let step = STEPS[distance & 7].max(1);
    let mut done = 0;
    while done < length {
        out[at + done..at + done + 8].copy_from_slice(&pattern);
        done += step;
    }
}
