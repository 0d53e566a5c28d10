//! Look-up tables of canonical Huffman codes (RFC 1951 3.2.2).
#![expect(
    clippy::indexing_slicing,
    clippy::inline_always,
    reason = "tables are made for every few thousand bytes"
)]

use super::entry::Entry;
use crate::errors::Error;

/// Makes the table of a canonical code (RFC 1951 3.2.2): `1 << primary` entries, then the
/// sub-tables of longer codes. As with zlib, a code must be complete, but for one that has at
/// most one word, of one bit.
pub(super) fn build(
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
            let entry = entry_of(usize::from(symbols[0])).with_code(1);
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
                .map(|symbol| entry_of(symbol).with_code(word_bits))
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
        self.word = (self.word & (carry - 1)) | carry;
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
        let entry = entry.with_code(rest);
        let first = start + (words.word >> primary);
        for slot in table[first..start + size].iter_mut().step_by(1 << rest) {
            *slot = entry;
        }
        if !words.advance() {
            break;
        }
    }
}
