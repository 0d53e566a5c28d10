//! From samples to quantised coefficients, block by block.
//!
//! Knows the edges of a plane and the order in which a block's coefficients lie here; knows nothing
//! of codes.

#![expect(
    clippy::indexing_slicing,
    reason = "hot loops; every index is below the constant length of its array"
)]

use crate::dct::{self, Matrix};
use crate::tables::{QuantTable, ZIGZAG};

/// Quantised coefficients of 8 × 8 samples, in the transposed order that the transform leaves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    coefficients: [i16; 64],
}

/// Where the coefficient at each zigzag position lies in a [`Block`].
const PLACE: [u8; 64] = places();

/// For each row of a [`Block`] and each set of its coefficients: the set of their zigzag positions.
static POSITIONS: [[u64; 256]; 8] = positions();

impl Block {
    /// The mean of the block, in steps of its quantisation.
    #[inline]
    pub(crate) fn dc(&self) -> i16 {
        self.coefficients[0]
    }

    /// The coefficient at a zigzag position below 64.
    #[inline]
    pub(crate) fn at(&self, position: u32) -> i16 {
        self.coefficients[usize::from(PLACE[position as usize % 64]) % 64]
    }

    /// The set of zigzag positions, one bit for each, whose coefficients are at least so far from 0.
    #[inline]
    pub(crate) fn at_least(&self, magnitude: u16) -> u64 {
        let mut found = [0_u8; 64];
        for (found, coefficient) in found.iter_mut().zip(&self.coefficients) {
            *found = u8::from(coefficient.unsigned_abs() >= magnitude);
        }
        let mut set = 0;
        for (row, positions) in found.as_chunks::<8>().0.iter().zip(&POSITIONS) {
            // Each factor of the sum moves one of the eight ones to its place in the highest byte.
            let bits = u64::from_le_bytes(*row).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            set |= positions[bits as usize];
        }
        set
    }
}

/// Divides by the steps of one quantisation table and by the factors that the transform left.
#[derive(Clone, Debug)]
pub(crate) struct Quantiser {
    reciprocals: Matrix,
}

impl Quantiser {
    pub(crate) fn new(table: &QuantTable) -> Self {
        let reciprocal = |across: u8, down: u8| {
            let step = table[usize::from(down * 8 + across)];
            #[expect(clippy::cast_possible_truncation, reason = "24 bits are enough for 12")]
            let reciprocal = (1.0 / (dct::scale(across, down) * f64::from(step))) as f32;
            reciprocal
        };
        let row = |across| [0, 1, 2, 3, 4, 5, 6, 7].map(|down| reciprocal(across, down));
        Self {
            reciprocals: [0, 1, 2, 3, 4, 5, 6, 7].map(row),
        }
    }

    /// Transforms and quantises the block number `column` of a row of blocks, whose eight rows of
    /// samples are given. To the right of the picture its last column goes on.
    #[inline]
    pub(crate) fn block(&self, rows: &[&[u8]; 8], column: usize) -> Block {
        const NOTHING: [u8; 8] = [0; 8];
        let start = column * 8;
        let mut samples = [&NOTHING; 8];
        for (samples, row) in samples.iter_mut().zip(rows) {
            match row.get(start..).and_then(|rest| rest.first_chunk()) {
                Some(whole) => *samples = whole,
                None => return self.last_block(rows, start),
            }
        }
        self.transformed(&samples)
    }

    /// The same for a block of which the picture has only some columns.
    #[cold]
    fn last_block(&self, rows: &[&[u8]; 8], start: usize) -> Block {
        let samples = rows.map(|row| continued(row.get(start..).unwrap_or_default()));
        self.transformed(&samples.each_ref())
    }

    #[inline]
    fn transformed(&self, samples: &[&[u8; 8]; 8]) -> Block {
        let mut matrix = dct::forward(samples);
        matrix[0][0] -= 64.0 * 128.0;
        self.quantised(&matrix)
    }

    #[inline]
    fn quantised(&self, matrix: &Matrix) -> Block {
        // Beside 1.5 × 2^23 a single has no bits left for fractions: adding rounds to the nearest
        // whole number, and leaves it in the lowest bits in two's complement.
        const TO_WHOLE: f32 = 12_582_912.0;
        let mut coefficients = [0; 64];
        let factors = self.reciprocals.as_flattened();
        for ((out, value), factor) in coefficients
            .iter_mut()
            .zip(matrix.as_flattened())
            .zip(factors)
        {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "the lowest bits are the number"
            )]
            let whole = (value * factor + TO_WHOLE).to_bits() as i16;
            *out = whole;
        }
        Block { coefficients }
    }
}

/// Fewer than eight samples, the last one repeated.
fn continued(samples: &[u8]) -> [u8; 8] {
    let last = samples.last().copied().unwrap_or_default();
    std::array::from_fn(|column| samples.get(column).copied().unwrap_or(last))
}

const fn places() -> [u8; 64] {
    let mut places = [0; 64];
    let mut position = 0;
    while position < 64 {
        let (down, across) = (ZIGZAG[position] / 8, ZIGZAG[position] % 8);
        places[position] = across * 8 + down;
        position += 1;
    }
    places
}

const fn positions() -> [[u64; 256]; 8] {
    let mut sets = [[0; 256]; 8];
    let mut position = 0;
    while position < 64 {
        let (row, bit) = (PLACE[position] / 8, PLACE[position] % 8);
        let mut bits = 0;
        while bits < 256 {
            if bits >> bit & 1 == 1 {
                sets[row as usize][bits] |= 1 << position;
            }
            bits += 1;
        }
        position += 1;
    }
    sets
}
