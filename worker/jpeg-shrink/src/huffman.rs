//! Huffman codes (ITU T.81, annex C and F.2.2.3) and the tables by which they are read quickly.
#![expect(
    clippy::indexing_slicing,
    reason = "the indices are cut to the tables' lengths, which are powers of two"
)]

use crate::Error;
use crate::bits::{Bits, Source};

/// Codes of up to this many bits are found in one look.
const LOOK_BITS: u32 = 9;
/// Width of the table that gives a DC difference in one look.
const DC_BITS: u32 = 10;
/// Width of the table that gives an AC coefficient in one look.
const VALUE_BITS: u32 = 10;
/// Width of the table that skips several AC coefficients in one look.
const SKIP_BITS: u32 = 12;
/// More bits are not skipped in one look, so that several looks need one refill.
pub(crate) const SKIP_MOST: u32 = 14;

/// A table of Huffman codes as DHT defines it.
#[derive(Clone)]
pub(crate) struct Codes {
    /// By the next bits: length << 8 | symbol, or 0 for a longer code.
    look: [u16; 1 << LOOK_BITS],
    /// By length: the first code, left-aligned in 16 bits, that is longer.
    limit: [u32; 17],
    /// By length: what to add to a code to find its symbol.
    offset: [i32; 17],
    symbols: [u8; 256],
}

impl Codes {
    /// Makes the codes from the number of them of each length, 1 to 16, and their symbols.
    pub(crate) fn new(counts: &[u8], symbols: &[u8]) -> Result<Self, Error> {
        if symbols.len() > 256 {
            return Err(Error::Corrupt("a Huffman table has more than 256 codes"));
        }
        let mut codes = Self {
            look: [0; 1 << LOOK_BITS],
            limit: [0; 17],
            offset: [0; 17],
            symbols: [0; 256],
        };
        codes.symbols[..symbols.len()].copy_from_slice(symbols);
        let mut code = 0_u32;
        let mut first = 0_usize;
        for (length, &count) in (1_u32..).zip(counts) {
            let count = usize::from(count);
            codes.offset[length as usize] = i32::try_from(first).unwrap_or(0) - code.cast_signed();
            for &symbol in symbols.iter().skip(first).take(count) {
                codes.look_at(code, length, symbol);
                code += 1;
            }
            if code > 1 << length {
                return Err(Error::Corrupt("a Huffman table has too many codes"));
            }
            codes.limit[length as usize] = code << (16 - length);
            first += count;
            code <<= 1;
        }
        Ok(codes)
    }

    fn look_at(&mut self, code: u32, length: u32, symbol: u8) {
        if length > LOOK_BITS {
            return;
        }
        let first = (code << (LOOK_BITS - length)) as usize;
        let entries = 1 << (LOOK_BITS - length);
        if let Some(entries) = self.look.get_mut(first..first + entries) {
            entries.fill((length << 8) as u16 | u16::from(symbol));
        }
    }

    /// The symbol that the next 16 bits begin with, and its length. A code that does not exist
    /// counts as the symbol 0, which ends the block; other decoders do the same.
    #[inline]
    pub(crate) fn find(&self, next16: u32) -> (u8, u32) {
        let entry = self.look[(next16 >> (16 - LOOK_BITS)) as usize & ((1 << LOOK_BITS) - 1)];
        if entry != 0 {
            return ((entry & 255) as u8, u32::from(entry >> 8));
        }
        self.find_long(next16)
    }

    fn find_long(&self, next16: u32) -> (u8, u32) {
        for length in LOOK_BITS + 1..=16 {
            if next16 < self.limit[length as usize] {
                let code = (next16 >> (16 - length)).cast_signed();
                let index = code + self.offset[length as usize];
                return (self.symbols[(index & 255) as usize], length);
            }
        }
        (0, 16)
    }
}

/// DC codes with a table that gives the difference at once.
pub(crate) struct DcTable {
    codes: Codes,
    /// difference << 4 | length of code and difference, or 0 for "look at the codes".
    direct: [i16; 1 << DC_BITS],
}

impl DcTable {
    pub(crate) fn new(codes: &Codes) -> Self {
        let mut direct = [0; 1 << DC_BITS];
        for (index, entry) in (0_u32..).zip(&mut direct) {
            let next16 = index << (16 - DC_BITS);
            let (size, length) = codes.find(next16);
            let total = length + u32::from(size);
            if total <= DC_BITS {
                let value = extend((index >> (DC_BITS - total)) & mask(size), size);
                *entry = (value as i16) << 4 | total as i16;
            }
        }
        Self {
            codes: codes.clone(),
            direct,
        }
    }

    /// Reads a difference (F.2.2.1). Wants 10 bits, and leaves at least what a refill leaves less
    /// 10.
    #[inline(always)]
    pub(crate) fn difference(&self, bits: &mut Bits, source: &Source) -> i32 {
        let entry = self.direct[bits.peek(DC_BITS) as usize & ((1 << DC_BITS) - 1)];
        if entry != 0 {
            bits.skip((entry & 15) as u32);
            return i32::from(entry >> 4);
        }
        self.long_difference(bits, source)
    }

    #[inline(never)]
    fn long_difference(&self, bits: &mut Bits, source: &Source) -> i32 {
        bits.refill(source);
        let (size, length) = self.codes.find(bits.peek(16));
        bits.skip(length);
        let value = bits.receive_extend(size);
        bits.refill(source);
        value
    }
}

/// AC codes with tables that skip or give coefficients.
pub(crate) struct AcTable {
    pub(crate) codes: Codes,
    /// coefficients passed << 8 | length; see [`AcTable::skip_rest`].
    skip: Box<[u16; 1 << SKIP_BITS]>,
    /// value << 16 | coefficients passed << 8 | length, or 0 for "look at the codes".
    values: Box<[i32; 1 << VALUE_BITS]>,
}

/// Added to the number of coefficients passed where the block ends.
const END: u32 = 128;

impl AcTable {
    pub(crate) fn new(codes: &Codes) -> Self {
        let mut values = Box::new([0; 1 << VALUE_BITS]);
        for (index, entry) in (0_u32..).zip(values.iter_mut()) {
            *entry = direct_value(codes, index);
        }
        let mut skip = Box::new([0; 1 << SKIP_BITS]);
        for (index, entry) in (0_u32..).zip(skip.iter_mut()) {
            *entry = several(codes, index);
        }
        Self {
            codes: codes.clone(),
            skip,
            values,
        }
    }

    /// Passes over the coefficients behind the `k`th of a block. Wants `3 * SKIP_MOST` bits.
    #[inline(always)]
    pub(crate) fn skip_rest(&self, bits: &mut Bits, source: &Source, mut k: u32) {
        loop {
            for _ in 0..3 {
                let entry = self.skip[bits.peek(SKIP_BITS) as usize & ((1 << SKIP_BITS) - 1)];
                let entry = u32::from(entry);
                let next = k + (entry >> 8);
                if next >= 63 {
                    // Several symbols in one look are right only if the block does not end between
                    // them.
                    if next.wrapping_sub(END) < 63 || next == 63 {
                        bits.skip(entry & 63);
                        return;
                    }
                    bits.refill(source);
                    k = self.skip_one(bits, k);
                    if k >= 63 {
                        bits.refill(source);
                        return;
                    }
                    break;
                }
                bits.skip(entry & 63);
                k = next;
            }
            bits.refill(source);
        }
    }

    #[inline(never)]
    fn skip_one(&self, bits: &mut Bits, k: u32) -> u32 {
        let (symbol, length) = self.codes.find(bits.peek(16));
        let size = u32::from(symbol & 15);
        bits.skip(length + size);
        match symbol {
            _ if size > 0 => k + u32::from(symbol >> 4) + 1,
            0xf0 => k + 16,
            _ => 64,
        }
    }

    /// Reads the coefficient that follows the `k`th: how many coefficients on it lies (so many
    /// that the block ends at EOB), and its value. Wants 31 bits only if it refills itself.
    #[inline(always)]
    pub(crate) fn coefficient(&self, bits: &mut Bits, source: &Source) -> (u32, i32) {
        let entry = self.values[bits.peek(VALUE_BITS) as usize & ((1 << VALUE_BITS) - 1)];
        if entry != 0 {
            bits.skip((entry & 63) as u32);
            return (((entry >> 8) & 255) as u32, entry >> 16);
        }
        self.long_coefficient(bits, source)
    }

    #[inline(never)]
    fn long_coefficient(&self, bits: &mut Bits, source: &Source) -> (u32, i32) {
        bits.refill(source);
        let (symbol, length) = self.codes.find(bits.peek(16));
        bits.skip(length);
        let size = symbol & 15;
        let value = bits.receive_extend(size);
        bits.refill(source);
        (passed(symbol), value)
    }
}

/// How many coefficients a symbol passes (F.2.2.2).
fn passed(symbol: u8) -> u32 {
    match symbol {
        0xf0 => 16,
        _ if symbol & 15 == 0 => END,
        _ => u32::from(symbol >> 4) + 1,
    }
}

/// The entry of [`AcTable::values`] for the next `VALUE_BITS` bits.
fn direct_value(codes: &Codes, index: u32) -> i32 {
    let (symbol, length) = codes.find(index << (16 - VALUE_BITS));
    let size = symbol & 15;
    let total = length + u32::from(size);
    if total > VALUE_BITS {
        return 0;
    }
    let value = extend((index >> (VALUE_BITS - total)) & mask(size), size);
    value << 16 | (passed(symbol) << 8 | total).cast_signed()
}

/// The entry of [`AcTable::skip`] for the next `SKIP_BITS` bits: as many symbols as fit.
fn several(codes: &Codes, index: u32) -> u16 {
    let mut used = 0;
    let mut total_passed = 0;
    while used < SKIP_BITS {
        let next16 = (index << (16 - SKIP_BITS) << used) & 0xffff;
        let (symbol, length) = codes.find(next16);
        let total = used + length + u32::from(symbol & 15);
        let passed = passed(symbol);
        // Only the code must be known; what its coefficient is does not matter.
        if used + length > SKIP_BITS || total > SKIP_MOST || total_passed + passed % END > 62 {
            break;
        }
        used = total;
        total_passed += passed;
        if passed == END {
            break;
        }
    }
    if used == 0 {
        // Leads to "look at the codes" from any coefficient but none.
        return 64 << 8;
    }
    (total_passed << 8 | used) as u16
}

/// The lowest `size` bits.
#[inline]
fn mask(size: u8) -> u32 {
    (1 << size) - 1
}

/// Turns the magnitude bits of a number of `size` bits into the number (F.2.2.1, EXTEND).
#[inline]
pub(crate) fn extend(bits: u32, size: u8) -> i32 {
    let bits = bits.cast_signed();
    if size > 0 && bits < 1 << (size - 1) {
        bits - (1 << size) + 1
    } else {
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_made_as_annex_c_says() {
        let mut counts = [0; 16];
        counts[1] = 1;
        counts[2] = 2;
        counts[10] = 1;
        let codes = Codes::new(&counts, &[7, 8, 9, 10]).unwrap();
        assert_eq!(codes.find(0b0011_1111_1111_1111), (7, 2));
        assert_eq!(codes.find(0b0100_0000_0000_0000), (8, 3));
        assert_eq!(codes.find(0b0110_0000_0000_0000), (9, 3));
        assert_eq!(codes.find(0b1000_0000_0000_0000), (10, 11));
        assert_eq!(codes.find(0xffff), (0, 16));
    }

    #[test]
    fn more_codes_than_their_lengths_allow_are_corrupt() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(matches!(
            Codes::new(&counts, &[1, 2, 3]),
            Err(Error::Corrupt(_))
        ));
    }

    #[test]
    fn magnitudes_are_extended_as_the_standard_says() {
        let cases = [
            (0, 0, 0),
            (0, 1, -1),
            (1, 1, 1),
            (0, 3, -7),
            (3, 3, -4),
            (4, 3, 4),
            (7, 3, 7),
        ];
        for (bits, size, value) in cases {
            assert_eq!(extend(bits, size), value);
        }
    }
}
