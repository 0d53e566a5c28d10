//! Makes the pixels of a macroblock from its modes and coefficients: RFC 6386, sections 12 and 14.5.
//!
//! It knows the borders that prediction needs, and that they are taken before the loop filter.
#![expect(
    clippy::indexing_slicing,
    reason = "columns are below the length of the rows above, other places constants"
)]

use super::modes::{Luma, Macroblock};
use super::predict::{self, CHROMA, Inside, LUMA, STRIDE, Workbench};
use super::tokens::Residuals;
use super::transform;
use crate::{Error, budget::Budget};

/// What lies above and on the left of the picture.
const ABOVE: u8 = 127;
const LEFT: u8 = 129;

/// Builds macroblocks, one after the other, row by row.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) bench: Workbench,
    /// The last rows of the macroblocks above.
    above: Vec<Above>,
    row: usize,
}

#[derive(Clone, Copy, Debug)]
struct Above {
    luma: [u8; 16],
    chroma: [[u8; 8]; 2],
}

impl Builder {
    /// For rows of `columns` macroblocks.
    pub(super) fn new(columns: usize, budget: &mut Budget) -> Result<Self, Error> {
        let above = Above {
            luma: [ABOVE; 16],
            chroma: [[ABOVE; 8]; 2],
        };
        Ok(Self {
            bench: Workbench {
                luma: [ABOVE; 17 * STRIDE],
                chroma: [ABOVE; 9 * STRIDE],
            },
            above: budget.vec(above, columns)?,
            row: 0,
        })
    }

    /// Begins the macroblocks of `row`.
    pub(super) fn begin_row(&mut self, row: usize) {
        self.row = row;
        let corner = if row == 0 { ABOVE } else { LEFT };
        let bench = &mut self.bench;
        bench.luma[LUMA - STRIDE - 1] = corner;
        for y in 0..16 {
            bench.luma[LUMA + y * STRIDE - 1] = LEFT;
        }
        for at in CHROMA {
            bench.chroma[at - STRIDE - 1] = corner;
            for y in 0..8 {
                bench.chroma[at + y * STRIDE - 1] = LEFT;
            }
        }
    }

    /// Leaves the pixels of the macroblock at `column` on the bench.
    pub(super) fn build(&mut self, column: usize, block: &Macroblock, residuals: &Residuals) {
        if column > 0 {
            self.move_left();
        }
        self.bring_above(column);
        let inside = Inside {
            above: self.row > 0,
            left: column > 0,
        };
        let bench = &mut self.bench;
        match &block.luma {
            Luma::Whole(mode) => {
                predict::square::<16>(&mut bench.luma, LUMA, *mode, inside);
                for n in 0..16 {
                    add(&mut bench.luma, luma_place(n), residuals, n);
                }
            }
            Luma::Blocks(modes) => {
                for (n, mode) in modes.iter().enumerate() {
                    let at = luma_place(n);
                    let prediction = predict::block(&bench.luma, at, *mode);
                    put(&mut bench.luma, at, prediction, residuals, n);
                }
            }
        }
        for (plane, at) in CHROMA.into_iter().enumerate() {
            predict::square::<8>(&mut bench.chroma, at, block.chroma, inside);
            for n in 0..4 {
                let at = at + (n / 2) * 4 * STRIDE + (n % 2) * 4;
                add(&mut bench.chroma, at, residuals, 16 + 4 * plane + n);
            }
        }
        let above = &mut self.above[column];
        above
            .luma
            .copy_from_slice(&bench.luma[LUMA + 15 * STRIDE..][..16]);
        for (above, at) in above.chroma.iter_mut().zip(CHROMA) {
            above.copy_from_slice(&bench.chroma[at + 7 * STRIDE..][..8]);
        }
    }

    /// The right edge of the last macroblock is the left border of the next.
    fn move_left(&mut self) {
        let bench = &mut self.bench;
        for y in 0..17 {
            bench.luma[y * STRIDE + 7] = bench.luma[y * STRIDE + 23];
        }
        for y in 0..9 {
            bench.chroma[y * STRIDE + 7] = bench.chroma[y * STRIDE + 15];
            bench.chroma[y * STRIDE + 23] = bench.chroma[y * STRIDE + 31];
        }
    }

    fn bring_above(&mut self, column: usize) {
        let (bench, above) = (&mut self.bench, &self.above[column]);
        bench.luma[LUMA - STRIDE..][..16].copy_from_slice(&above.luma);
        for (above, at) in above.chroma.iter().zip(CHROMA) {
            bench.chroma[at - STRIDE..][..8].copy_from_slice(above);
        }
        let right = match self.above.get(column + 1) {
            _ if self.row == 0 => [ABOVE; 4],
            Some(right) => [right.luma[0], right.luma[1], right.luma[2], right.luma[3]],
            None => [above.luma[15]; 4],
        };
        // The blocks at the right edge all look at the row above the macroblock.
        for y in [0, 4, 8, 12] {
            bench.luma[y * STRIDE + LUMA - STRIDE + 16..][..4].copy_from_slice(&right);
        }
    }
}

#[inline(always)]
fn luma_place(n: usize) -> usize {
    LUMA + (n / 4) * 4 * STRIDE + (n % 4) * 4
}

/// Adds the residuals of block `n` to what lies on the bench.
#[inline(always)]
fn add(bench: &mut [u8], at: usize, residuals: &Residuals, n: usize) {
    if residuals.lengths[n] == 0 {
        return;
    }
    let mut prediction = [0; 16];
    for (y, row) in prediction.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        row.copy_from_slice(&bench[at + y * STRIDE..][..4]);
    }
    put(bench, at, prediction, residuals, n);
}

/// Puts `prediction` with the residuals of block `n` on the bench.
#[inline(always)]
fn put(bench: &mut [u8], at: usize, prediction: [u8; 16], residuals: &Residuals, n: usize) {
    let block = &residuals.blocks[n];
    let pixels = match residuals.lengths[n] {
        0 => prediction,
        1 => sum(prediction, [transform::inverse_dct_of_first(block[0]); 16]),
        _ => sum(prediction, transform::inverse_dct(block)),
    };
    for (y, row) in pixels.as_chunks::<4>().0.iter().enumerate() {
        bench[at + y * STRIDE..][..4].copy_from_slice(row);
    }
}

#[inline(always)]
fn sum(prediction: [u8; 16], residuals: [i16; 16]) -> [u8; 16] {
    let mut pixels = [0; 16];
    for ((pixel, prediction), residual) in pixels.iter_mut().zip(prediction).zip(residuals) {
        *pixel = i16::from(prediction).saturating_add(residual).clamp(0, 255) as u8;
    }
    pixels
}
