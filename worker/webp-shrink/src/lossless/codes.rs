//! The prefix codes of an image, and which of them its blocks use: RFC 9649, section 3.7.

use super::bits::BitReader;
use super::prefix::Code;
use crate::{Error, budget::Budget};

/// Symbols of the first code that stand for a length.
const LENGTHS: usize = 24;
const DISTANCES: usize = 40;

/// Five codes that are used together.
#[derive(Debug)]
pub(super) struct Group {
    /// Green, lengths, and places in the colour cache.
    pub(super) green: Code,
    pub(super) red: Code,
    pub(super) blue: Code,
    pub(super) alpha: Code,
    pub(super) distance: Code,
    /// Red, blue and alpha, if no bits are needed for them.
    pub(super) constant: Option<u32>,
}

impl Group {
    pub(super) fn read(
        reader: &mut BitReader<'_>,
        cache_bits: u32,
        budget: &mut Budget,
    ) -> Result<Self, Error> {
        let cache = if cache_bits == 0 { 0 } else { 1 << cache_bits };
        budget.take(size_of::<Self>() as u64)?;
        let mut code = |symbols| Code::read(reader, symbols, budget);
        let [green, red, blue, alpha, distance] = [
            code(256 + LENGTHS + cache)?,
            code(256)?,
            code(256)?,
            code(256)?,
            code(DISTANCES)?,
        ];
        let constant = match (red.only(), blue.only(), alpha.only()) {
            (Some(red), Some(blue), Some(alpha)) => Some(u32::from_be_bytes([alpha, red, 0, blue])),
            _ => None,
        };
        Ok(Self {
            green,
            red,
            blue,
            alpha,
            distance,
            constant,
        })
    }
}

/// The groups of an image, by block.
#[derive(Debug)]
pub(super) struct Groups {
    pub(super) all: Vec<Group>,
    /// The group of each block, row by row. Empty if there is one group.
    pub(super) blocks: Vec<u32>,
    pub(super) blocks_in_row: usize,
    /// The side of a block as a power of two.
    pub(super) log2: u32,
}

impl Groups {
    /// The group for the pixel at `(x, y)`.
    #[inline]
    pub(super) fn at(&self, x: usize, y: usize) -> Option<&Group> {
        let block = (y >> self.log2) * self.blocks_in_row + (x >> self.log2);
        let number = self
            .blocks
            .get(block)
            .map_or(0, |pixel| pixel >> 8 & 0xffff);
        self.all.get(number as usize)
    }
}

/// A length or a distance from its prefix (section 3.6.2.1).
#[inline]
pub(super) fn prefixed(reader: &mut BitReader<'_>, prefix: usize) -> usize {
    if prefix < 4 {
        return prefix + 1;
    }
    let bits = (prefix as u32 - 2) >> 1;
    let offset = (2 + (prefix & 1)) << bits;
    offset + reader.number(bits) as usize + 1
}
