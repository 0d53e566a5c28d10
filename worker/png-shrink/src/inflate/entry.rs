//! What a code stands for, in 32 bits.
#![expect(
    clippy::cast_possible_truncation,
    clippy::inline_always,
    reason = "symbols are below 288; entries are asked for every code"
)]

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

/// What a code stands for. The lowest six bits: how many bits it takes, extra bits included, so
/// that one shift leaves out both.
///
/// Literals: their count in bits 6 and 7, then the bytes. Else these two bits are 0; extra bits
/// in bits 8 to 11 and the base from bit 16 on. An exceptional entry has the highest bit set: it
/// is the end of the block, no code at all, or refers to a sub-table.
#[derive(Clone, Copy)]
pub(super) struct Entry(pub(super) u32);

impl Entry {
    pub(super) const LITERAL: u32 = 1 << 6;
    pub(super) const EXCEPTIONAL: u32 = 1 << 31;
    pub(super) const END_OF_BLOCK: u32 = 1 << 14 | Self::EXCEPTIONAL;
    pub(super) const SUB_TABLE: u32 = 1 << 15 | Self::EXCEPTIONAL;
    /// No code.
    pub(super) const NONE: Self = Self(Self::EXCEPTIONAL);

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

    pub(super) fn bits(self) -> u32 {
        self.0 & 63
    }

    /// The base and its extra bits, of which `word` has them after the code itself.
    #[inline(always)]
    pub(super) fn value(self, word: u64) -> usize {
        let extra_bits = self.extra_bits();
        let extra = (word >> ((self.bits() - extra_bits) & 63)) & ((1 << extra_bits) - 1);
        self.base() + extra as usize
    }

    pub(super) fn matched(base: u32, extra_bits: u32) -> Self {
        Self(base << 16 | extra_bits << 8 | extra_bits)
    }

    /// The same with a code of `bits` bits.
    #[inline(always)]
    pub(super) fn with_code(self, bits: u32) -> Self {
        Self(self.0 + bits)
    }

    pub(super) fn of_literal(symbol: usize) -> Self {
        match symbol {
            0..=255 => Self((symbol as u32) << 8 | Self::LITERAL),
            256 => Self(Self::END_OF_BLOCK),
            _ => match LENGTHS.get(symbol - 257) {
                Some((base, extra_bits)) => Self::matched(*base, *extra_bits),
                None => Self::NONE,
            },
        }
    }

    pub(super) fn of_distance(symbol: usize) -> Self {
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

    pub(super) fn of_length_code(symbol: usize) -> Self {
        Self::matched(symbol as u32, 0)
    }

    /// A reference to the sub-table from `start` on, of `bits` bits, once `skipped` bits are.
    pub(super) fn sub_table(start: usize, bits: u32, skipped: u32) -> Self {
        Self((start as u32) << 16 | Self::SUB_TABLE | bits << 8 | skipped)
    }

    /// Where the sub-table begins.
    pub(super) fn sub_start(self) -> usize {
        ((self.0 & !Self::EXCEPTIONAL) >> 16) as usize
    }
}
