//! What a scan says, before anyone knows by which codes.
//!
//! Tables made for a picture need every symbol counted before the first is written. So a scan is
//! first put down as tokens, four bytes each, and then written in one go. Knows symbols and the
//! bits that follow them (T.81 F.1.2, G.1.2); knows nothing of coefficients or markers.

use crate::bits::BitWriter;
use crate::huffman::HuffmanTable;

/// Whose code a symbol is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// The table for means with this number, 0 or 1.
    Dc(u8),
    /// The table for all other coefficients with this number, 0 or 1.
    Ac(u8),
}

impl Coding {
    /// The four that a scan can use.
    pub(crate) const ALL: [Self; 4] = [Self::Dc(0), Self::Ac(0), Self::Dc(1), Self::Ac(1)];

    #[inline]
    const fn index(self) -> u32 {
        match self {
            Self::Dc(number) => (number & 1) as u32,
            Self::Ac(number) => 2 + (number & 1) as u32,
        }
    }
}

/// The index, as of a fifth coding, whose only symbol has a code of no bits.
const BARE: u32 = 4;

/// Eleven bits name a coding and a symbol.
const NAMES: usize = 1 << 11;

/// The tokens of one scan.
///
/// A token has the name of its symbol in its 11 upper bits, below it how many bits follow the code,
/// and these bits in the lower 16.
#[derive(Debug)]
pub(crate) struct Tokens(Vec<u32>);

impl Tokens {
    pub(crate) fn with_capacity(tokens: usize) -> Self {
        Self(Vec::with_capacity(tokens))
    }

    /// Puts down a symbol that no bits follow.
    #[inline]
    pub(crate) fn push(&mut self, coding: Coding, symbol: u8) {
        self.0.push((coding.index() << 8 | u32::from(symbol)) << 21);
    }

    /// Puts down that 2^`size` blocks and `extra` more, a number of `size` bits, have ended.
    #[inline]
    pub(crate) fn push_run(&mut self, coding: Coding, size: u32, extra: u16) {
        let name = coding.index() << 8 | (size & 15) << 4;
        self.0.push(name << 21 | size << 16 | u32::from(extra));
    }

    /// Puts down a number of `size` bits, and in its symbol that `zeros`, at most 15, come before.
    #[inline]
    pub(crate) fn push_sized(&mut self, coding: Coding, zeros: u32, size: u32, bits: u16) {
        let name = coding.index() << 8 | (zeros & 15) << 4 | size & 15;
        self.0.push(name << 21 | size << 16 | u32::from(bits));
    }

    /// Puts down at most 16 bits that no code announces.
    #[inline]
    pub(crate) fn push_bare(&mut self, bits: u16, length: u32) {
        self.0.push(BARE << 29 | length << 16 | u32::from(bits));
    }

    /// The best tables for these tokens, of the codings that have any.
    pub(crate) fn tables(&self) -> Vec<(Coding, HuffmanTable)> {
        let mut counts = Box::new([0_u32; NAMES]);
        for token in &self.0 {
            #[expect(clippy::indexing_slicing, reason = "eleven bits index 2^11 counts")]
            let count = &mut counts[(token >> 21) as usize];
            *count = count.saturating_add(1);
        }
        let (counts, _) = counts.as_chunks::<256>();
        let table = |coding: Coding| {
            let counts = counts.get(coding.index() as usize)?;
            let used = counts.iter().any(|&count| count > 0);
            used.then(|| (coding, HuffmanTable::best(counts)))
        };
        Coding::ALL.into_iter().filter_map(table).collect()
    }

    /// Writes all tokens with these tables, and fills the last byte with ones (T.81 F.1.2.3).
    pub(crate) fn write(&self, tables: &[(Coding, HuffmanTable)], out: &mut Vec<u8>) {
        let mut codes = Box::new([(0_u16, 0_u8); NAMES]);
        for (coding, table) in tables {
            for (symbol, code, length) in table.codes() {
                let name = (coding.index() << 8 | u32::from(symbol)) as usize;
                if let Some(slot) = codes.get_mut(name) {
                    *slot = (code, length);
                }
            }
        }
        let mut writer = BitWriter::new(out);
        for &token in &self.0 {
            #[expect(clippy::indexing_slicing, reason = "eleven bits index 2^11 codes")]
            let (code, length) = codes[(token >> 21) as usize];
            let extra_length = token >> 16 & 31;
            let bits = u64::from(code) << extra_length | u64::from(token & 0xFFFF);
            writer.put(bits, u32::from(length) + extra_length);
        }
        writer.finish();
    }

    /// Forgets the scan, keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
