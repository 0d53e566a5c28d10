//! The coefficients of a macroblock: RFC 6386, section 13.
//!
//! This is where the time goes. One block's loop keeps the reader in registers, refills it without
//! a branch once a coefficient, and finds the probabilities by the coefficient's place directly.
#![expect(
    clippy::indexing_slicing,
    clippy::redundant_else,
    reason = "places are below 16, contexts below 3, block numbers constants' sums; and both ways \
              of a branch are written in the same place"
)]

use super::bool_reader::{BoolReader, branch};
use super::header::Steps;
use super::tables::{BANDS, PROBABILITIES, TokenProbabilities, ZIGZAG};
use super::transform;

/// Extra bits of the large values, the highest first (section 13.2).
const EXTRA: [&[u8]; 4] = [
    &[173, 148, 140],
    &[176, 155, 140, 135],
    &[180, 157, 141, 134, 130],
    &[254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129],
];

/// Kinds of blocks, as the probabilities are ordered.
const Y_WITHOUT_DC: usize = 0;
const Y2: usize = 1;
const CHROMA: usize = 2;
const Y_WITH_DC: usize = 3;

/// Probabilities by the place of a coefficient and its context.
type Places = [[[u8; PROBABILITIES]; 3]; 17];

/// The token probabilities of a frame, spread from bands to places.
#[derive(Debug)]
pub(super) struct TokenTable {
    kinds: [Places; 4],
}

impl TokenTable {
    pub(super) fn new(tokens: &TokenProbabilities) -> Self {
        let kinds = tokens.map(|bands| {
            std::array::from_fn(|place| {
                let band = BANDS.get(place).copied().unwrap_or(0);
                bands[usize::from(band)]
            })
        });
        Self { kinds }
    }
}

/// Which blocks beside a macroblock have coefficients: 1 if so, else 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Neighbours {
    y: [u8; 4],
    chroma: [[u8; 2]; 2],
    y2: u8,
}

impl Neighbours {
    /// What a macroblock without coefficients leaves. One without Y2 leaves that as it was.
    pub(super) fn skip(&mut self, has_y2: bool) {
        *self = Self {
            y2: if has_y2 { 0 } else { self.y2 },
            ..Self::default()
        };
    }
}

/// Dequantized coefficients of a macroblock: 16 blocks of luma, 4 of each chroma.
#[derive(Debug)]
pub(super) struct Residuals {
    pub(super) blocks: [[i16; 16]; 24],
    /// How far the blocks are filled: beyond this many in scan order all are zero.
    /// A block whose first coefficient came from Y2 has at least one.
    pub(super) lengths: [u8; 24],
}

impl Residuals {
    pub(super) fn new() -> Self {
        Self {
            blocks: [[0; 16]; 24],
            lengths: [0; 24],
        }
    }

    /// Does any block have coefficients?
    pub(super) fn any(&self) -> bool {
        self.lengths != [0; 24]
    }

    /// Makes all coefficients zero again, which costs only what was set.
    pub(super) fn clear(&mut self) {
        for (block, length) in self.blocks.iter_mut().zip(&mut self.lengths) {
            if *length > 0 {
                *block = [0; 16];
                *length = 0;
            }
        }
    }
}

/// What a macroblock's tokens are read with.
#[derive(Clone, Copy)]
pub(super) struct Macroblock<'a> {
    pub(super) table: &'a TokenTable,
    pub(super) steps: &'a Steps,
    pub(super) has_y2: bool,
}

impl Macroblock<'_> {
    /// Reads all blocks into `residuals`, which are zero before.
    pub(super) fn read(
        self,
        reader: &mut BoolReader<'_>,
        residuals: &mut Residuals,
        above: &mut Neighbours,
        left: &mut Neighbours,
    ) {
        let (kind, first) = if self.has_y2 {
            self.read_y2(reader, residuals, above, left);
            (Y_WITHOUT_DC, 1)
        } else {
            (Y_WITH_DC, 0)
        };
        let places = &self.table.kinds[kind];
        for row in 0..4 {
            for column in 0..4 {
                let n = 4 * row + column;
                let context = above.y[column] + left.y[row];
                let block = &mut residuals.blocks[n];
                let task = (places, self.steps.y, context, first);
                let length = read_block(reader, task, block);
                let has = u8::from(length > first);
                (above.y[column], left.y[row]) = (has, has);
                residuals.lengths[n] = if has == 1 {
                    length as u8
                } else {
                    u8::from(block[0] != 0)
                };
            }
        }
        let places = &self.table.kinds[CHROMA];
        for plane in 0..2 {
            for (row, column) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let n = 16 + 4 * plane + 2 * row + column;
                let context = above.chroma[plane][column] + left.chroma[plane][row];
                let block = &mut residuals.blocks[n];
                let length = read_block(reader, (places, self.steps.chroma, context, 0), block);
                let has = u8::from(length > 0);
                (above.chroma[plane][column], left.chroma[plane][row]) = (has, has);
                residuals.lengths[n] = length as u8;
            }
        }
    }

    /// Reads the first coefficients of the luma blocks, which have a transform of their own.
    fn read_y2(
        self,
        reader: &mut BoolReader<'_>,
        residuals: &mut Residuals,
        above: &mut Neighbours,
        left: &mut Neighbours,
    ) {
        let mut block = [0; 16];
        let task = (&self.table.kinds[Y2], self.steps.y2, above.y2 + left.y2, 0);
        let length = read_block(reader, task, &mut block);
        let has = u8::from(length > 0);
        (above.y2, left.y2) = (has, has);
        if length > 0 {
            let firsts = transform::inverse_walsh_hadamard(&block);
            for (block, first) in residuals.blocks.iter_mut().zip(firsts) {
                block[0] = first;
            }
        }
    }
}

/// Reads one block: probabilities, steps, context and first place. Returns its length.
#[inline]
fn read_block(
    reader: &mut BoolReader<'_>,
    (places, steps, context, first): (&Places, [i32; 2], u8, usize),
    block: &mut [i16; 16],
) -> usize {
    let mut r = *reader;
    let mut place = first;
    let mut p = &places[place][usize::from(context)];
    let mut step = steps[usize::from(first > 0)];
    r.refill();
    let length = 'block: loop {
        branch!(r, p[0], break place, {});
        loop {
            branch!(
                r,
                p[1],
                {
                    place += 1;
                    if place == 16 {
                        break 'block 16;
                    }
                    p = &places[place][0];
                    step = steps[1];
                    r.refill();
                },
                break
            );
        }
        let next = place + 1;
        let value = branch!(
            r,
            p[2],
            {
                p = &places[next][1];
                1
            },
            {
                let value = large_value(&mut r, p);
                p = &places[next][2];
                value
            }
        );
        let value = r.signed(value).wrapping_mul(step);
        block[usize::from(ZIGZAG[place])] = value as i16;
        place = next;
        if place == 16 {
            break 16;
        }
        step = steps[1];
        r.refill();
    };
    *reader = r;
    length
}

/// A value of two or more, whose first three booleans are read. Leaves bits for its sign.
#[inline(always)]
fn large_value(r: &mut BoolReader<'_>, p: &[u8; PROBABILITIES]) -> i32 {
    branch!(r, p[3], branch!(r, p[4], 2, branch!(r, p[5], 3, 4)), {
        r.refill();
        branch!(r, p[6], middle_value(r, p), very_large_value(r, p))
    })
}

/// From five to ten.
#[inline(always)]
fn middle_value(r: &mut BoolReader<'_>, p: &[u8; PROBABILITIES]) -> i32 {
    branch!(r, p[7], 5 + i32::from(r.bit(159)), {
        let high = i32::from(r.bit(165));
        7 + 2 * high + i32::from(r.bit(145))
    })
}

#[inline(always)]
fn very_large_value(r: &mut BoolReader<'_>, p: &[u8; PROBABILITIES]) -> i32 {
    let high = usize::from(r.bit(p[8]));
    let category = 2 * high + usize::from(r.bit(p[9 + high]));
    let mut extra = 0;
    for probability in EXTRA[category] {
        r.refill();
        extra = 2 * extra + i32::from(r.bit(*probability));
    }
    r.refill();
    3 + (8 << category) + extra
}
