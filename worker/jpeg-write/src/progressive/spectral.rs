//! Scans of one component's coefficients other than the means: their upper bits first (T.81
//! G.1.2.2), then one bit more a scan (G.1.2.3).

use super::Stored;
use crate::baseline::{SIXTEEN_ZEROS, size_and_bits};
use crate::markers::Band;
use crate::tables::Class;
use crate::tokens::{Coding, Tokens};

/// More blocks cannot end in one code.
const LONGEST_RUN: u16 = 0x7FFF;

/// Puts one scan.
pub(super) fn put_scan(tokens: &mut Tokens, class: Class, band: Band, blocks: &[Stored]) {
    let mut scan = Spectral {
        tokens,
        coding: Coding::Ac(class.id()),
        band,
        ended: 0,
        held: Vec::new(),
    };
    for stored in blocks {
        if band.high == 0 {
            scan.put_first(stored);
        } else {
            scan.put_finer(stored);
        }
    }
    scan.put_ended();
}

/// A scan under way.
struct Spectral<'a> {
    tokens: &'a mut Tokens,
    coding: Coding,
    band: Band,
    /// Blocks that say nothing more, not yet put.
    ended: u16,
    /// Correction bits of these blocks, with their number; they follow the code of the run.
    held: Vec<Bits>,
}

/// At most 64 bits.
#[derive(Clone, Copy, Debug, Default)]
struct Bits {
    bits: u64,
    length: u32,
}

impl Bits {
    #[inline]
    fn push(&mut self, bit: i16) {
        self.bits = self.bits << 1 | u64::from(bit & 1 == 1);
        self.length += 1;
    }

    fn put(self, tokens: &mut Tokens) {
        let mut left = self.length;
        while left > 0 {
            let length = left.min(16);
            left -= length;
            let [low, high, ..] = (self.bits >> left & ((1 << length) - 1)).to_le_bytes();
            tokens.push_bare(u16::from_le_bytes([low, high]), length);
        }
    }
}

impl Spectral<'_> {
    fn positions(&self) -> u64 {
        !0 << self.band.first & !0 >> (63 - self.band.last)
    }

    fn put_first(&mut self, stored: &Stored) {
        let low = self.band.low;
        let mut rest = stored.reaching(low) & self.positions();
        let mut next = u32::from(self.band.first);
        if rest != 0 {
            self.put_ended();
        }
        while rest != 0 {
            let position = rest.trailing_zeros();
            let zeros = self.put_zeros(position - next);
            let value = i32::from(stored.block.at(position));
            // Towards zero: a shift alone would turn -1 into -1, not into 0.
            let magnitude = (value.abs() >> low) * value.signum();
            let (size, bits) = size_and_bits(magnitude);
            self.tokens.push_sized(self.coding, zeros, size, bits);
            next = position + 1;
            rest &= rest - 1;
        }
        if next <= u32::from(self.band.last) {
            self.end_block(Bits::default());
        }
    }

    fn put_finer(&mut self, stored: &Stored) {
        let low = self.band.low;
        let known = stored.reaching(low + 1) & self.positions();
        let mut rest = stored.reaching(low) & self.positions();
        let mut fresh = rest & !known;
        let mut next = u32::from(self.band.first);
        let mut zeros = 0;
        let mut corrections = Bits::default();
        while rest != 0 {
            let position = rest.trailing_zeros();
            zeros += position - next;
            // Zeros behind the last new coefficient belong to the end of the block.
            while zeros > 15 && fresh != 0 {
                self.put_ended();
                self.tokens.push(self.coding, SIXTEEN_ZEROS);
                zeros -= 16;
                std::mem::take(&mut corrections).put(self.tokens);
            }
            let value = stored.block.at(position);
            if known >> position & 1 == 1 {
                corrections.push(value.abs() >> low);
            } else {
                self.put_ended();
                let sign = u16::from(value > 0);
                self.tokens.push_sized(self.coding, zeros, 1, sign);
                std::mem::take(&mut corrections).put(self.tokens);
                zeros = 0;
                fresh &= fresh - 1;
            }
            next = position + 1;
            rest &= rest - 1;
        }
        if zeros > 0 || corrections.length > 0 || next <= u32::from(self.band.last) {
            self.end_block(corrections);
        }
    }

    /// Puts all full sixteens of a run of zeros; what is left goes with the next coefficient.
    #[inline]
    fn put_zeros(&mut self, mut zeros: u32) -> u32 {
        while zeros > 15 {
            self.tokens.push(self.coding, SIXTEEN_ZEROS);
            zeros -= 16;
        }
        zeros
    }

    fn end_block(&mut self, corrections: Bits) {
        self.ended += 1;
        if corrections.length > 0 {
            self.held.push(corrections);
        }
        if self.ended == LONGEST_RUN {
            self.put_ended();
        }
    }

    /// Puts the run of ended blocks, if there is one, and what was held back for it.
    #[inline]
    fn put_ended(&mut self) {
        if self.ended > 0 {
            let size = self.ended.ilog2();
            let extra = self.ended - (1 << size);
            self.tokens.push_run(self.coding, size, extra);
            self.ended = 0;
            for bits in self.held.drain(..) {
                bits.put(self.tokens);
            }
        }
    }
}
