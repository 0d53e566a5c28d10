//! Huffman codes as look-up tables (RFC 1951 3.2). An entry of the first table may stand for
//! several literals at once.
#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "tables are made for every few thousand bytes; code lengths are below 16"
)]

use super::bits::{Bits, Source};
use super::entry::Entry;
use super::huffman::build;
use crate::errors::Error;

/// Bits that the table of literals and lengths is looked up with.
pub(super) const LITERALS: u32 = 10;
/// Bits that the table of distances is looked up with.
pub(super) const DISTANCES: u32 = 8;

/// A sub-table of 2^n entries serves n + 1 codes or more. Of 287 codes there are so at most 48
/// sub-tables of 32 entries, and fewer entries if they are smaller.
const LITERAL_ENTRIES: usize = (1 << LITERALS) + 48 * 32;
/// Of 30 codes there are at most 4 sub-tables of 128 entries.
const DISTANCE_ENTRIES: usize = (1 << DISTANCES) + 4 * 128;

/// In which order the lengths of the length codes come (RFC 1951 3.2.7).
const LENGTH_ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

/// The two tables of a block.
pub(super) struct Tables {
    pub(super) literals: [Entry; LITERAL_ENTRIES],
    pub(super) distances: [Entry; DISTANCE_ENTRIES],
}

impl Tables {
    pub(super) fn boxed() -> Box<Self> {
        Box::new(Self {
            literals: [Entry::NONE; LITERAL_ENTRIES],
            distances: [Entry::NONE; DISTANCE_ENTRIES],
        })
    }

    /// The code that needs no description (RFC 1951 3.2.6).
    pub(super) fn fix(&mut self) -> Result<(), Error> {
        let mut lengths = [8; 288];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        self.set(&lengths, &[5; 32])
    }

    /// Reads the description of a block's codes (RFC 1951 3.2.7).
    pub(super) fn read<'a>(
        &mut self,
        bits: Bits<'a>,
        source: &mut Source<'a>,
    ) -> Result<Bits<'a>, Error> {
        let mut bits = source.refill::<false>(bits);
        let literals = bits.take(5) as usize + 257;
        let distances = bits.take(5) as usize + 1;
        let length_codes = bits.take(4) as usize + 4;
        if literals > 286 || distances > 30 {
            return Err(Error::Corrupt("the number of codes of a block"));
        }
        let mut length_lengths = [0; 19];
        for &symbol in &LENGTH_ORDER[..length_codes] {
            bits = source.refill::<false>(bits);
            length_lengths[symbol] = bits.take(3) as u8;
        }
        let mut codes = [Entry::NONE; 128];
        build(&length_lengths, &mut codes, 7, Entry::of_length_code)?;
        let mut lengths = [0; 286 + 30];
        let lengths = &mut lengths[..literals + distances];
        bits = read_lengths(lengths, &codes, (bits, source))?;
        let (literals, distances) = lengths.split_at(literals);
        if literals[256] == 0 {
            return Err(Error::Corrupt("a block without an end"));
        }
        self.set(literals, distances)?;
        Ok(bits)
    }

    fn set(&mut self, literals: &[u8], distances: &[u8]) -> Result<(), Error> {
        build(literals, &mut self.literals, LITERALS, Entry::of_literal)?;
        build(
            distances,
            &mut self.distances,
            DISTANCES,
            Entry::of_distance,
        )?;
        pair_literals(&mut self.literals);
        Ok(())
    }

    /// Number `index` of the sub-table that `entry` refers to.
    pub(super) fn sub_literal(&self, entry: Entry, index: usize) -> Result<Entry, Error> {
        let entry = self.literals.get(entry.sub_start() + index);
        entry.copied().ok_or(NO_CODE)
    }

    /// The same for an exceptional entry of a distance.
    #[cold]
    pub(super) fn far_distance(&self, entry: Entry, index: usize) -> Result<Entry, Error> {
        let found = self.distances.get(entry.sub_start() + index);
        match found {
            Some(found) if entry.is_sub_table() && !found.is_exceptional() => Ok(*found),
            _ => Err(NO_CODE),
        }
    }
}

pub(super) const NO_CODE: Error = Error::Corrupt("a code that its table does not have");

fn read_lengths<'a>(
    lengths: &mut [u8],
    codes: &[Entry; 128],
    (mut bits, source): (Bits<'a>, &mut Source<'a>),
) -> Result<Bits<'a>, Error> {
    let mut at = 0;
    while at < lengths.len() {
        bits = source.refill::<false>(bits);
        let entry = codes[bits.peek(7)];
        if entry.is_exceptional() {
            return Err(NO_CODE);
        }
        bits.skip(entry);
        let (length, times) = match entry.base() {
            16 => {
                let before = at.checked_sub(1).map(|before| lengths[before]);
                let before = before.ok_or(Error::Corrupt("a repetition of nothing"))?;
                (before, bits.take(2) + 3)
            }
            17 => (0, bits.take(3) + 3),
            18 => (0, bits.take(7) + 11),
            length => (length as u8, 1),
        };
        let run = lengths.get_mut(at..at + times as usize);
        run.ok_or(Error::Corrupt("too many code lengths"))?
            .fill(length);
        at += times as usize;
    }
    Ok(bits)
}

/// Lets a literal's entry stand for the next literal too, if the bits of the index show it whole.
fn pair_literals(table: &mut [Entry]) {
    // Downwards: the second literal's entry has a lower index and is not paired yet.
    for index in (1..1usize << LITERALS).rev() {
        let first = table[index];
        if !first.is_literals() {
            continue;
        }
        let second = table[index >> first.bits()];
        let bits = first.bits() + second.bits();
        if second.is_literals() && bits <= LITERALS {
            let bytes = (second.0 >> 8) << 16 | (first.0 & 0xff00);
            table[index] = Entry(bytes | (Entry::LITERAL * 2) | bits);
        }
    }
}
