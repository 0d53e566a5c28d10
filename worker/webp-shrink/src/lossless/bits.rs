//! Bits from the lowest of each byte on: RFC 9649, section 3.3.

use crate::Error;

/// Reads bits. Past the end there are zeros, which are counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct BitReader<'a> {
    rest: &'a [u8],
    /// Bytes that had to be made up.
    missing: usize,
    /// The next bits, the first one lowest.
    value: u64,
    filled: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self {
            rest: data,
            missing: 0,
            value: 0,
            filled: 0,
        }
    }

    /// Fills up to 56 bits or more.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        let count = ((63 - self.filled) >> 3 & 7) as usize;
        let bytes = if let Some(chunk) = self.rest.first_chunk() {
            self.rest = self.rest.get(count..).unwrap_or_default();
            u64::from_le_bytes(*chunk)
        } else {
            let (bytes, rest, missing) = last_bytes(self.rest, count);
            self.rest = rest;
            self.missing = self.missing.saturating_add(missing);
            bytes
        };
        self.value |= bytes << (self.filled & 63);
        self.filled |= 0x38;
    }

    /// The next bits, of which [`Self::refill`] guarantees 56.
    #[inline(always)]
    pub(super) fn peek(&self) -> u64 {
        self.value
    }

    /// Goes on by `count` bits that were filled.
    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        self.value >>= count & 63;
        self.filled = self.filled.wrapping_sub(count);
    }

    /// A number of up to 32 bits. Refills by itself.
    #[inline]
    pub(super) fn number(&mut self, bits: u32) -> u32 {
        self.refill();
        let number = self.value & ((1 << bits) - 1);
        self.skip(bits);
        number as u32
    }

    pub(super) fn flag(&mut self) -> bool {
        self.number(1) == 1
    }

    /// Refuses what was read if the data ended before it did.
    #[inline]
    pub(super) fn check(&self) -> Result<(), Error> {
        if 8 * self.missing > self.filled as usize {
            return Err(Error::Truncated);
        }
        Ok(())
    }
}

/// Near the end: the last bytes with zeros after them, what is left after `count` of them, and how
/// many of those were not there.
#[cold]
#[inline(never)]
fn last_bytes(rest: &[u8], count: usize) -> (u64, &[u8], usize) {
    let mut bytes = [0; 8];
    for (byte, from) in bytes.iter_mut().zip(rest) {
        *byte = *from;
    }
    let left = rest.get(count..).unwrap_or_default();
    let missing = count.saturating_sub(rest.len());
    (u64::from_le_bytes(bytes), left, missing)
}
