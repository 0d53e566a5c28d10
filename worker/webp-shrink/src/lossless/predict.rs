//! The predictor transform: RFC 9649, section 3.5.1.

use super::transforms::{Blocks, add};
use crate::{Error, budget::Budget};

const OPAQUE_BLACK: u32 = 0xff00_0000;

/// Undoes predictions. It keeps the row above.
#[derive(Debug)]
pub(super) struct Predictor {
    modes: Blocks,
    above: Vec<u32>,
}

/// The pixels a pixel is predicted from.
#[derive(Clone, Copy)]
struct Around {
    left: u32,
    above_left: u32,
    above: u32,
    above_right: u32,
}

impl Predictor {
    /// For pictures of `width` pixels in a row.
    pub(super) fn new(modes: Blocks, width: usize, budget: &mut Budget) -> Result<Self, Error> {
        // The pixel right of the row above is the first one of the row itself.
        let above = budget.vec(0, width + 1)?;
        Ok(Self { modes, above })
    }

    /// Undoes the prediction of row `y`.
    pub(super) fn undo(&mut self, row: &mut [u32], y: usize) {
        let Some((first, rest)) = row.split_first_mut() else {
            return;
        };
        if y == 0 {
            *first = add(*first, OPAQUE_BLACK);
            let mut left = *first;
            for pixel in rest {
                *pixel = add(*pixel, left);
                left = *pixel;
            }
        } else {
            *first = add(*first, self.above.first().copied().unwrap_or(0));
            if let Some(last) = self.above.last_mut() {
                *last = *first;
            }
            self.undo_blocks(row, y);
        }
        if let Some(above) = self.above.get_mut(..row.len()) {
            above.copy_from_slice(row);
        }
    }

    /// Undoes all but the first pixel of a row.
    fn undo_blocks(&self, row: &mut [u32], y: usize) {
        let side = 1 << self.modes.log2;
        for (block, mode) in self.modes.row(y).iter().enumerate() {
            let begin = (block * side).max(1);
            let end = ((block + 1) * side).min(row.len());
            let (Some(from), true) = (begin.checked_sub(1), begin < end) else {
                continue;
            };
            let pixels = row.get_mut(from..end).unwrap_or_default();
            let above = self.above.get(from..=end).unwrap_or_default();
            undo_block(pixels, above, mode >> 8 & 0xf);
        }
    }
}

/// Undoes the pixels after the first, which is done. `above` begins above that one.
fn undo_block(pixels: &mut [u32], above: &[u32], mode: u32) {
    match mode {
        1 => run(pixels, above, |p| p.left),
        2 => run(pixels, above, |p| p.above),
        3 => run(pixels, above, |p| p.above_right),
        4 => run(pixels, above, |p| p.above_left),
        5 => run(pixels, above, |p| {
            mean(mean(p.left, p.above_right), p.above)
        }),
        6 => run(pixels, above, |p| mean(p.left, p.above_left)),
        7 => run(pixels, above, |p| mean(p.left, p.above)),
        8 => run(pixels, above, |p| mean(p.above_left, p.above)),
        9 => run(pixels, above, |p| mean(p.above, p.above_right)),
        10 => run(pixels, above, |p| {
            mean(mean(p.left, p.above_left), mean(p.above, p.above_right))
        }),
        11 => run(pixels, above, select),
        12 => run(pixels, above, |p| {
            channels(|n| byte(p.left, n) + byte(p.above, n) - byte(p.above_left, n))
        }),
        13 => run(pixels, above, |p| {
            let middle = mean(p.left, p.above);
            channels(|n| byte(middle, n) + (byte(middle, n) - byte(p.above_left, n)) / 2)
        }),
        _ => run(pixels, above, |_| OPAQUE_BLACK),
    }
}

#[inline(always)]
fn run(pixels: &mut [u32], above: &[u32], predict: impl Fn(Around) -> u32) {
    let Some((first, rest)) = pixels.split_first_mut() else {
        return;
    };
    let mut left = *first;
    for (pixel, above) in rest.iter_mut().zip(above.windows(3)) {
        let &[above_left, above, above_right] = above else {
            return;
        };
        *pixel = add(
            *pixel,
            predict(Around {
                left,
                above_left,
                above,
                above_right,
            }),
        );
        left = *pixel;
    }
}

/// Whichever of left and above is nearer to their sum less the pixel between them.
#[inline(always)]
fn select(p: Around) -> u32 {
    let distance = |a: u32, b: u32| (0..4).map(|n| (byte(a, n) - byte(b, n)).abs()).sum::<i32>();
    if distance(p.above, p.above_left) < distance(p.left, p.above_left) {
        p.left
    } else {
        p.above
    }
}

/// The mean of each channel, rounded down.
#[inline(always)]
fn mean(a: u32, b: u32) -> u32 {
    (((a ^ b) & 0xfefe_fefe) >> 1) + (a & b)
}

#[inline(always)]
fn byte(pixel: u32, n: u32) -> i32 {
    (pixel >> (8 * n) & 0xff) as i32
}

/// A pixel of four channels, each held to one byte.
#[inline(always)]
fn channels(channel: impl Fn(u32) -> i32) -> u32 {
    (0..4).fold(0, |pixel, n| {
        pixel | (channel(n).clamp(0, 255) as u32) << (8 * n)
    })
}
