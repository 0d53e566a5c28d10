//! The bits of a stream that is cut into chunks. `Bits` is small and is passed by value, so that
//! the hot loop keeps it in registers; `Source` knows what comes after the chunk at hand.
#![expect(
    clippy::cast_possible_truncation,
    clippy::inline_always,
    reason = "bits are cut off on purpose, for every code"
)]

use super::entry::Entry;
use crate::chunks::Chunks;

/// Three times what a refill takes at most: the hot loop refills up to three times a round.
const PLENTY_BYTES: usize = 24;

/// The next bits, the first of them lowest.
#[derive(Clone, Copy, Default)]
pub(super) struct Bits<'a> {
    word: u64,
    /// The lowest six bits count the bits in `word`, at most 63. Those above are noise.
    count: u32,
    /// The rest of the chunk at hand. `word` may hold bits of it beyond `count` already.
    here: &'a [u8],
}

impl<'a> Bits<'a> {
    /// The bits of one piece.
    pub(super) fn of(here: &'a [u8]) -> Self {
        Self {
            word: 0,
            count: 0,
            here,
        }
    }

    /// Whether the chunk at hand has enough for a few refills.
    #[inline(always)]
    pub(super) fn has_plenty(&self) -> bool {
        self.here.len() >= PLENTY_BYTES
    }

    fn count(&self) -> u32 {
        self.count & 63
    }

    /// The next `width` bits, which must be there.
    #[inline(always)]
    pub(super) fn peek(&self, width: u32) -> usize {
        (self.word & ((1 << width) - 1)) as usize
    }

    /// Takes `width` bits, which must be there and fewer than 32.
    #[inline(always)]
    pub(super) fn take(&mut self, width: u32) -> u32 {
        let taken = self.word as u32 & ((1u32 << (width & 31)) - 1);
        self.word >>= width & 63;
        self.count = self.count.wrapping_sub(width);
        taken
    }

    /// The next bits, as many as there are.
    #[inline(always)]
    pub(super) fn word(&self) -> u64 {
        self.word
    }

    /// Leaves out the bits of a code.
    #[inline(always)]
    pub(super) fn skip(&mut self, entry: Entry) {
        self.word >>= entry.0 & 63;
        self.count = self.count.wrapping_sub(entry.0);
    }

    /// Goes on to the next whole byte.
    pub(super) fn align(&mut self) {
        self.take(self.count() & 7);
    }
}

/// Where bits come from when a chunk is used up.
pub(super) struct Source<'a> {
    later: Chunks<'a>,
    /// Zeros that were made up when there was nothing left; they are the last in a word.
    made_up_bits: u64,
}

impl<'a> Source<'a> {
    pub(super) fn new(later: Chunks<'a>) -> Self {
        Self {
            later,
            made_up_bits: 0,
        }
    }

    /// Whether bits were taken that are not there.
    pub(super) fn is_overdrawn(&self, bits: &Bits<'_>) -> bool {
        u64::from(bits.count()) < self.made_up_bits
    }

    /// Fills up to 56 bits or more; `PLENTY` if the chunk at hand is known to have 8 bytes.
    #[inline(always)]
    pub(super) fn refill<const PLENTY: bool>(&mut self, mut bits: Bits<'a>) -> Bits<'a> {
        if !PLENTY {
            return self.refill_slowly(bits);
        }
        if let Some((next, _)) = bits.here.split_first_chunk() {
            let count = bits.count();
            bits.word |= u64::from_le_bytes(*next) << count;
            bits.here = bits.here.get(((63 - count) >> 3) as usize..).unwrap_or(&[]);
            bits.count = count | 0b11_1000;
        }
        bits
    }

    #[cold]
    #[inline(never)]
    fn refill_slowly(&mut self, mut bits: Bits<'a>) -> Bits<'a> {
        let mut count = bits.count();
        while count < 56 {
            if let Some((byte, rest)) = bits.here.split_first() {
                bits.word |= u64::from(*byte) << count;
                bits.here = rest;
                count += 8;
            } else if let Some(next) = self.later.next_of(*b"IDAT") {
                bits.here = next;
            } else {
                self.made_up_bits += 8;
                count += 8;
            }
        }
        bits.count = count;
        bits
    }

    /// Copies whole bytes, those in the word first; returns how many there were.
    pub(super) fn copy_bytes(&mut self, bits: &mut Bits<'a>, out: &mut [u8]) -> usize {
        let mut copied = 0;
        while let Some(wanted) = out.get_mut(copied..).filter(|wanted| !wanted.is_empty()) {
            if bits.count() >= 8 {
                if let Some(first) = wanted.first_mut() {
                    *first = bits.take(8) as u8;
                }
                copied += 1;
                continue;
            }
            // What the word holds beyond its count comes again from `here`.
            bits.word = 0;
            if bits.here.is_empty() {
                let Some(next) = self.later.next_of(*b"IDAT") else {
                    self.made_up_bits = 64;
                    break;
                };
                bits.here = next;
                continue;
            }
            let count = wanted.len().min(bits.here.len());
            let (now, later) = bits.here.split_at(count);
            if let Some(wanted) = wanted.get_mut(..count) {
                wanted.copy_from_slice(now);
            }
            bits.here = later;
            copied += count;
        }
        copied
    }
}
