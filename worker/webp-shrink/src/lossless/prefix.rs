//! Prefix codes: RFC 9649, section 3.7.2.
//!
//! A code becomes a table that is looked up by the next eight bits. Codes that are longer go on in a
//! second table, whose place the first one names.

use super::bits::BitReader;
use crate::{Error, budget::Budget};

/// Bits of the first look-up.
const ROOT_BITS: u32 = 8;
const MAX_LENGTH: usize = 15;
/// The order in which lengths of the code of lengths are stored.
const LENGTH_ORDER: [usize; 19] = [
    17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
];

/// What some bits stand for: a symbol and its length, or where in the table to go on.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    value: u16,
    length: u8,
    /// Bits of the second look-up, if there is one.
    more: u8,
}

/// A prefix code.
#[derive(Debug, Default)]
pub(super) struct Code {
    table: Box<[Entry]>,
    root_mask: u64,
}

impl Code {
    /// Reads a code of `symbols` symbols.
    pub(super) fn read(
        reader: &mut BitReader<'_>,
        symbols: usize,
        budget: &mut Budget,
    ) -> Result<Self, Error> {
        let mut lengths = [0; 256 + 24 + (1 << 11)];
        let lengths = lengths
            .get_mut(..symbols)
            .ok_or(Error::Corrupt("too many symbols"))?;
        if reader.flag() {
            read_simple(reader, lengths)?;
        } else {
            read_lengths(reader, lengths)?;
        }
        reader.check()?;
        Self::new(lengths, budget)
    }

    /// The canonical code whose symbols have `lengths`.
    fn new(lengths: &[u8], budget: &mut Budget) -> Result<Self, Error> {
        let corrupt = Error::Corrupt("a prefix code is not complete");
        let mut used = (0_u16..).zip(lengths).filter(|(_, length)| **length > 0);
        let (only, _) = used.next().ok_or(corrupt)?;
        if used.next().is_none() {
            let mut table = budget.vec(Entry::default(), 1)?;
            table.fill(Entry {
                value: only,
                ..Entry::default()
            });
            return Ok(Self {
                table: table.into(),
                root_mask: 0,
            });
        }
        let words = words(lengths).ok_or(corrupt)?;
        let longest = words.iter().map(|word| u32::from(word.length)).max();
        let root_bits = ROOT_BITS.min(longest.unwrap_or(0));
        let root = 1 << root_bits;
        let more = second_bits(&words, root_bits);
        let second: usize = more
            .iter()
            .filter(|bits| **bits > 0)
            .map(|bits| 1 << bits)
            .sum();
        let mut table = budget.vec(Entry::default(), root + second)?;
        let mut end = root;
        for (entry, more) in table.iter_mut().zip(more).filter(|(_, more)| *more > 0) {
            *entry = Entry {
                value: end as u16,
                length: root_bits as u8,
                more,
            };
            end += 1 << more;
        }
        for word in &words {
            word.put(&mut table, root_bits);
        }
        Ok(Self {
            table: table.into(),
            root_mask: root as u64 - 1,
        })
    }

    /// The next symbol. It takes up to 15 of the bits that are filled.
    #[inline(always)]
    #[expect(
        clippy::indexing_slicing,
        reason = "tables are as long as their masks say"
    )]
    pub(super) fn next(&self, reader: &mut BitReader<'_>) -> usize {
        let mut entry = self.table[(reader.peek() & self.root_mask) as usize];
        if entry.more > 0 {
            reader.skip(entry.length.into());
            let mask = (1 << entry.more) - 1;
            entry = self.table[usize::from(entry.value) + (reader.peek() & mask) as usize];
        }
        reader.skip(entry.length.into());
        entry.value.into()
    }

    /// The symbol of a code that has only one.
    pub(super) fn only(&self) -> Option<u8> {
        match &*self.table {
            [entry] => Some(entry.value as u8),
            _ => None,
        }
    }
}

/// A symbol and the bits that stand for it, the first one lowest.
#[derive(Clone, Copy, Debug)]
struct Word {
    symbol: u16,
    bits: u16,
    length: u8,
}

impl Word {
    /// Writes the symbol to every place of `table` whose number ends in its bits.
    fn put(self, table: &mut [Entry], root_bits: u32) {
        let bits = usize::from(self.bits);
        let length = u32::from(self.length);
        let root = table
            .get(bits & ((1 << root_bits) - 1))
            .copied()
            .unwrap_or_default();
        let (part, first, own) = if length <= root_bits {
            (table.get_mut(..1 << root_bits), bits, length)
        } else {
            let begin = usize::from(root.value);
            let part = table.get_mut(begin..begin + (1 << root.more));
            (part, bits >> root_bits, length - root_bits)
        };
        let entry = Entry {
            value: self.symbol,
            length: own as u8,
            more: 0,
        };
        for place in part
            .unwrap_or_default()
            .iter_mut()
            .skip(first)
            .step_by(1 << own)
        {
            *place = entry;
        }
    }
}

/// The canonical code with `lengths`, unless that would leave bits without meaning.
fn words(lengths: &[u8]) -> Option<Vec<Word>> {
    let mut counts = [0_u32; MAX_LENGTH + 1];
    for length in lengths {
        *counts.get_mut(usize::from(*length))? += 1;
    }
    let mut next = [0_u32; MAX_LENGTH + 1];
    let mut code = 0_u32;
    for (next, count) in next.iter_mut().zip(counts).skip(1) {
        code <<= 1;
        *next = code;
        code = code.checked_add(count)?;
    }
    if code != 1 << MAX_LENGTH {
        return None;
    }
    let mut words = Vec::with_capacity(lengths.len());
    for (symbol, &length) in (0..).zip(lengths).filter(|(_, length)| **length > 0) {
        let next = next.get_mut(usize::from(length))?;
        let bits = (*next as u16).reverse_bits() >> (16 - u32::from(length));
        *next += 1;
        words.push(Word {
            symbol,
            bits,
            length,
        });
    }
    Some(words)
}

/// For each entry of the first look-up, how many bits the second one needs.
fn second_bits(words: &[Word], root_bits: u32) -> [u8; 1 << ROOT_BITS] {
    let mut more = [0; 1 << ROOT_BITS];
    for word in words {
        let root = usize::from(word.bits) & ((1 << root_bits) - 1);
        if let Some(more) = more.get_mut(root) {
            *more = word.length.saturating_sub(root_bits as u8).max(*more);
        }
    }
    more
}

/// Section 3.7.2.1.1: one or two symbols.
fn read_simple(reader: &mut BitReader<'_>, lengths: &mut [u8]) -> Result<(), Error> {
    let has_two = reader.flag();
    let bits = if reader.flag() { 8 } else { 1 };
    let symbols = [Some(reader.number(bits)), has_two.then(|| reader.number(8))];
    for symbol in symbols.into_iter().flatten() {
        let unknown = Error::Corrupt("a prefix code has an unknown symbol");
        *lengths.get_mut(symbol as usize).ok_or(unknown)? = 1;
    }
    Ok(())
}

/// Section 3.7.2.1.2: the lengths, which are coded themselves.
fn read_lengths(reader: &mut BitReader<'_>, lengths: &mut [u8]) -> Result<(), Error> {
    let mut of_lengths = [0; LENGTH_ORDER.len()];
    let count = 4 + reader.number(4) as usize;
    for place in LENGTH_ORDER.into_iter().take(count) {
        if let Some(length) = of_lengths.get_mut(place) {
            *length = reader.number(3) as u8;
        }
    }
    // Of its own, as its seven bits at most are a small table that is free again at once.
    let code = Code::new(&of_lengths, &mut Budget::new(4096))?;
    let mut left = lengths.len();
    if reader.flag() {
        let bits = 2 + 2 * reader.number(3);
        left = 2 + reader.number(bits) as usize;
        if left > lengths.len() {
            return Err(Error::Corrupt("a prefix code has too many lengths"));
        }
    }
    let mut previous = 8;
    let mut place = 0;
    while place < lengths.len() && left > 0 {
        left -= 1;
        reader.refill();
        let (length, repeat) = match code.next(reader) {
            length @ 0..=15 => (length as u8, 1),
            16 => (previous, 3 + reader.number(2)),
            17 => (0, 3 + reader.number(3)),
            _ => (0, 11 + reader.number(7)),
        };
        if length != 0 {
            previous = length;
        }
        let too_many = Error::Corrupt("a prefix code has too many lengths");
        let end = place + repeat as usize;
        lengths.get_mut(place..end).ok_or(too_many)?.fill(length);
        place = end;
    }
    Ok(())
}
