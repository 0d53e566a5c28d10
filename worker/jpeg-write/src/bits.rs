//! Bits to bytes, the first bit highest, with a zero after every byte of ones (T.81 F.1.2.3).

/// Writes the bits of one scan behind what a buffer already holds.
#[derive(Debug)]
pub(crate) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    /// The last bits put are the lowest; what lies above the `used` ones has been written.
    waiting: u64,
    /// At most 64.
    used: u32,
}

impl<'a> BitWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            waiting: 0,
            used: 0,
        }
    }

    /// Puts the lowest `length` bits, at most 32; all higher ones must be zero.
    #[inline]
    pub(crate) fn put(&mut self, bits: u64, length: u32) {
        let used = self.used + length;
        if used <= 64 {
            self.waiting = self.waiting << length | bits;
            self.used = used;
        } else {
            // More than 32 bits wait here, so that neither shift is of 64.
            let over = used - 64;
            let full = self.waiting << (length - over) | bits >> over;
            self.write_full(full);
            self.waiting = bits;
            self.used = over;
        }
    }

    /// Fills the last byte with ones and writes what waits.
    pub(crate) fn finish(mut self) {
        let missing = self.used.wrapping_neg() % 8;
        self.put((1 << missing) - 1, missing);
        let bytes = self.waiting.to_be_bytes();
        let skipped = 8 - self.used as usize / 8;
        self.write_stuffed(bytes.get(skipped..).unwrap_or_default());
    }

    #[inline]
    fn write_full(&mut self, full: u64) {
        const HIGH: u64 = 0x8080_8080_8080_8080;
        const ONES: u64 = 0x0101_0101_0101_0101;
        let bytes = full.to_be_bytes();
        // A byte of ones has its highest bit set, and loses it when one is added. A carry from
        // below can only make this see a byte of ones where there is none, never miss one.
        if full & !full.wrapping_add(ONES) & HIGH == 0 {
            self.out.extend_from_slice(&bytes);
        } else {
            self.write_stuffed(&bytes);
        }
    }

    fn write_stuffed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.out.push(byte);
            if byte == 0xFF {
                self.out.push(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bit by bit, as slow and plain as it gets.
    fn plain(pieces: &[(u64, u32)]) -> Vec<u8> {
        let mut bits: Vec<u8> = Vec::new();
        for &(piece, length) in pieces {
            bits.extend((0..length).rev().map(|bit| u8::from(piece >> bit & 1 == 1)));
        }
        bits.resize(bits.len().next_multiple_of(8), 1);
        let mut out = Vec::new();
        for byte in bits.chunks(8) {
            out.push(byte.iter().fold(0, |byte, bit| byte << 1 | bit));
            if out.last() == Some(&0xFF) {
                out.push(0);
            }
        }
        out
    }

    proptest! {
        #[test]
        fn bits_come_out_in_order_with_stuffing(
            pieces in prop::collection::vec((any::<u32>(), prop::bool::ANY, 0_u32..=32), 0..60)
        ) {
            let piece = |(bits, ones, length): (u32, bool, u32)| {
                let bits = if ones { u64::from(u32::MAX) } else { u64::from(bits) };
                (bits & ((1 << length) - 1), length)
            };
            let pieces: Vec<_> = pieces.into_iter().map(piece).collect();
            let mut out = Vec::new();
            let mut writer = BitWriter::new(&mut out);
            for &(bits, length) in &pieces {
                writer.put(bits, length);
            }
            writer.finish();
            prop_assert_eq!(out, plain(&pieces));
        }
    }
}
