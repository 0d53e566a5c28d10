//! Huffman codes as look-up tables (RFC 1951 3.2). An entry of the first table may stand for
//! several literals at once.
#![expect(
    clippy::indexing_slicing,
    reason = "tables are made for every few thousand bytes"
)]

use super::bits::{Bits, Source};
use crate::errors::Error;

/// Bits that the table of literals and lengths is looked up with.
pub(super) const LITERALS: u32 = 10;
/// Bits that the table of distances is looked up with.
pub(super) const DISTANCES: u32 = 8;

/// Up to 143 sub-tables (each serves two codes or more) of up to 16 entries.
const LITERAL_ENTRIES: usize = (1 << LITERALS) + 143 * 32;
/// Up to 15 sub-tables of up to 128 entries.
const DISTANCE_ENTRIES: usize = (1 << DISTANCES) + 15 * 128;

/// In which order the lengths of the length codes come (RFC 1951 3.2.7).
const LENGTH_ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];
/// The shortest match of each length symbol, from 257 on, and its extra bits (RFC 1951 3.2.5).
const LENGTHS: [(u32, u32); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// What a code stands for. The lowest six bits: how many bits it takes.
///
/// Literals: their count in bits 6 and 7, then the bytes. Else these two bits are 0; extra bits
/// in bits 8 to 11 and the base from bit 16 on. An exceptional entry has the highest bit set: it
/// is the end of the block, no code at all, or refers to a sub-table.
#[derive(Clone, Copy)]
pub(super) struct Entry(pub(super) u32);

impl Entry {
    const LITERAL: u32 = 1 << 6;
    const EXCEPTIONAL: u32 = 1 << 31;
    const END_OF_BLOCK: u32 = 1 << 14 | Self::EXCEPTIONAL;
    const SUB_TABLE: u32 = 1 << 15 | Self::EXCEPTIONAL;
    /// No code.
    const NONE: Self = Self(Self::EXCEPTIONAL);

    #[inline(always)]
    pub(super) fn is_literals(self) -> bool {
        self.0 & 0xc0 != 0
    }

    #[inline(always)]
    pub(super) fn literal_count(self) -> usize {
        (self.0 >> 6 & 3) as usize
    }

    /// The literals, and noise after them.
    #[inline(always)]
    pub(super) fn literals(self) -> [u8; 4] {
        (self.0 >> 8).to_le_bytes()
    }

    /// Literals never reach the highest bit unless there are three of them: only to be asked
    /// of entries that are none.
    #[inline(always)]
    pub(super) fn is_exceptional(self) -> bool {
        self.0 & Self::EXCEPTIONAL != 0
    }

    pub(super) fn is_sub_table(self) -> bool {
        self.0 & Self::SUB_TABLE == Self::SUB_TABLE
    }

    pub(super) fn is_end_of_block(self) -> bool {
        self.0 & Self::END_OF_BLOCK == Self::END_OF_BLOCK
    }

    #[inline(always)]
    pub(super) fn base(self) -> usize {
        (self.0 >> 16) as usize
    }

    #[inline(always)]
    pub(super) fn extra_bits(self) -> u32 {
        self.0 >> 8 & 15
    }

    fn bits(self) -> u32 {
        self.0 & 63
    }

    fn matched(base: u32, extra_bits: u32) -> Self {
        Self(base << 16 | extra_bits << 8)
    }

    fn of_literal(symbol: usize) -> Self {
        match symbol {
            0..=255 => Self((symbol as u32) << 8 | Self::LITERAL),
            256 => Self(Self::END_OF_BLOCK),
            _ => match LENGTHS.get(symbol - 257) {
                Some((base, extra_bits)) => Self::matched(*base, *extra_bits),
                None => Self::NONE,
            },
        }
    }

    fn of_distance(symbol: usize) -> Self {
        let symbol = symbol as u32;
        match symbol {
            0..=3 => Self::matched(symbol + 1, 0),
            4..=29 => {
                let extra_bits = symbol / 2 - 1;
                Self::matched(((2 + symbol % 2) << extra_bits) + 1, extra_bits)
            }
            _ => Self::NONE,
        }
    }

    fn of_length_code(symbol: usize) -> Self {
        Self::matched(symbol as u32, 0)
    }
}

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

impl Entry {
    fn sub_table(start: usize, bits: u32, skipped: u32) -> Self {
        Self((start as u32) << 16 | Self::SUB_TABLE | bits << 8 | skipped)
    }

    fn sub_start(self) -> usize {
        ((self.0 & !Self::EXCEPTIONAL) >> 16) as usize
    }
}

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

/// Makes the table of a canonical code (RFC 1951 3.2.2): `1 << primary` entries, then the
/// sub-tables of longer codes. As with zlib, a code must be complete, but for one that has at
/// most one word, of one bit.
fn build(
    lengths: &[u8],
    table: &mut [Entry],
    primary: u32,
    entry_of: impl Fn(usize) -> Entry,
) -> Result<(), Error> {
    let mut counts = [0u32; 16];
    for &length in lengths {
        counts[usize::from(length & 15)] += 1;
    }
    counts[0] = 0;
    let mut symbols = [0u16; 288];
    let used = sort(lengths, &counts, &mut symbols);
    let space = (1..16).fold(0u32, |space, length| {
        space + (counts[length] << (15 - length))
    });
    if space != 1 << 15 {
        if space > 1 << 15 || used > 1 || counts[1] as usize != used || primary == 7 {
            return Err(Error::Corrupt("a Huffman code that does not add up"));
        }
        table[..1 << primary].fill(Entry::NONE);
        if used == 1 {
            let entry = Entry(entry_of(usize::from(symbols[0])).0 | 1);
            for slot in table[..1 << primary].iter_mut().step_by(2) {
                *slot = entry;
            }
        }
        return Ok(());
    }
    let mut words = Words::first(&counts);
    let mut symbols = symbols[..used].iter().map(|symbol| usize::from(*symbol));
    if words.length > primary
        || fill_primary(table, primary, &mut words, |word_bits| {
            symbols
                .next()
                .map(|symbol| Entry(entry_of(symbol).0 | word_bits))
        })
    {
        fill_secondary(table, primary, &mut words, symbols.map(entry_of));
    }
    Ok(())
}

/// The symbols in the order of their codes; returns how many have one.
fn sort(lengths: &[u8], counts: &[u32; 16], symbols: &mut [u16; 288]) -> usize {
    let mut starts = [0u32; 16];
    let mut used = 0;
    for (start, count) in starts.iter_mut().zip(counts) {
        *start = used;
        used += count;
    }
    for (symbol, &length) in (0u16..).zip(lengths) {
        if length != 0 {
            let start = &mut starts[usize::from(length & 15)];
            symbols[*start as usize] = symbol;
            *start += 1;
        }
    }
    used as usize
}

/// The words of a complete code, one after the other, their first bit lowest.
struct Words {
    word: usize,
    length: u32,
    /// How many words of each length are still to come.
    left: [u32; 16],
}

impl Words {
    fn first(counts: &[u32; 16]) -> Self {
        let mut words = Self {
            word: 0,
            length: 1,
            left: *counts,
        };
        words.find_length();
        words
    }

    fn find_length(&mut self) {
        while self.length < 15 && self.left[self.length as usize] == 0 {
            self.length += 1;
        }
    }

    /// Goes on to the next word; false if this was the last, which is all ones.
    #[inline(always)]
    fn advance(&mut self) -> bool {
        let ones = (1 << self.length) - 1;
        if self.word == ones {
            return false;
        }
        // Adds one to a number whose highest bit is the lowest.
        let carry = 1 << (self.word ^ ones).ilog2();
        self.word = self.word & (carry - 1) | carry;
        self.left[self.length as usize] -= 1;
        self.find_length();
        true
    }
}

/// Fills in the words that are not longer than `primary`; true if there are longer ones.
///
/// The table is as large as the words are long, and doubles when they become longer.
#[inline(always)]
fn fill_primary(
    table: &mut [Entry],
    primary: u32,
    words: &mut Words,
    mut next: impl FnMut(u32) -> Option<Entry>,
) -> bool {
    let double = |table: &mut [Entry], from: u32, to: u32| {
        for bits in from..to.min(primary) {
            table.copy_within(..1 << bits, 1 << bits);
        }
    };
    loop {
        let length = words.length;
        table[words.word] = next(length).unwrap_or(Entry::NONE);
        if !words.advance() {
            double(table, length, primary);
            return false;
        }
        if words.length != length {
            double(table, length, words.length);
            if words.length > primary {
                return true;
            }
        }
    }
}

/// Fills in the words that are longer: each first part refers to a table of the second parts.
fn fill_secondary(
    table: &mut [Entry],
    primary: u32,
    words: &mut Words,
    entries: impl Iterator<Item = Entry>,
) {
    let (mut prefix, mut start, mut size) = (usize::MAX, 0, 0);
    let mut end = 1 << primary;
    for entry in entries {
        let rest = words.length - primary;
        let this = words.word & ((1 << primary) - 1);
        if this != prefix {
            prefix = this;
            // As many bits as it takes until the words to come fill the sub-table.
            let (mut bits, mut space) = (rest, words.left[words.length as usize]);
            while space < 1 << bits && primary + bits < 15 {
                bits += 1;
                space = (space << 1) + words.left[(primary + bits) as usize];
            }
            size = 1 << bits;
            start = end;
            end = start + size;
            table[prefix] = Entry::sub_table(start, bits, primary);
        }
        let entry = Entry(entry.0 | rest);
        let first = start + (words.word >> primary);
        for slot in table[first..start + size].iter_mut().step_by(1 << rest) {
            *slot = entry;
        }
        if !words.advance() {
            break;
        }
    }
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
            let bytes = (second.0 >> 8) << 16 | first.0 & 0xff00;
            table[index] = Entry(bytes | Entry::LITERAL * 2 | bits);
        }
    }
}
