//! Entropy-coded data as bits: byte stuffing and restart markers are taken out piece by piece
//! (ITU T.81, F.1.2.3 and B.1.1.5). Knows nothing of codes.

use memchr::memchr;

use crate::huffman::extend;
use crate::markers::{RST0, RST7, SOF0};

/// How many bytes one MCU may take: ten blocks of 64 numbers of up to 31 bits, and a reader's
/// lead of 8 bytes.
const MARGIN: usize = 2560;
/// How many bytes are unstuffed at a time.
const CHUNK: usize = 16 * 1024;
const SIZE: usize = CHUNK + 3 * MARGIN;

/// Bytes without stuffing, in front of a [`Bits`].
pub(crate) type Source = [u8; SIZE];

/// A place in a [`Source`]; small enough to live in registers.
#[derive(Clone, Copy, Default)]
pub(crate) struct Bits {
    /// The next bits, left-aligned. Behind `have` of them, bits are undefined.
    word: u64,
    have: u32,
    next: usize,
}

impl Bits {
    /// Makes at least 56 bits available.
    #[inline(always)]
    pub(crate) fn refill(&mut self, source: &Source) {
        // MARGIN keeps the index inside; zeros behind the end are only for the compiler.
        let bytes = source.get(self.next..).and_then(<[u8]>::first_chunk);
        let more = u64::from_be_bytes(*bytes.unwrap_or(&[0; 8]));
        self.word |= more >> self.have;
        self.next += ((63 - self.have) >> 3) as usize;
        self.have |= 0b11_1000;
    }

    /// The next 1 to 32 bits.
    #[inline(always)]
    pub(crate) fn peek(&self, count: u32) -> u32 {
        (self.word >> (64 - count)) as u32
    }

    /// Passes bits that are available.
    #[inline(always)]
    pub(crate) fn skip(&mut self, count: u32) {
        self.word <<= count & 63;
        self.have = self.have.wrapping_sub(count);
    }

    /// Takes up to 16 bits that are available.
    #[inline(always)]
    pub(crate) fn take(&mut self, count: u8) -> u32 {
        let bits = (self.word >> 1 >> (63 - count)) as u32;
        self.skip(u32::from(count));
        bits
    }

    /// Takes a bit, available or not.
    #[inline(always)]
    pub(crate) fn take_one(&mut self, source: &Source) -> u32 {
        if self.have == 0 {
            self.refill(source);
        }
        self.take(1)
    }

    /// RECEIVE and EXTEND of ITU T.81, F.2.2.1.
    #[inline(always)]
    pub(crate) fn receive_extend(&mut self, size: u8) -> i32 {
        extend(self.take(size), size)
    }

    /// How far it is, in bits.
    fn position(self) -> usize {
        (self.next * 8).saturating_sub(self.have as usize)
    }
}

#[expect(
    clippy::large_stack_arrays,
    reason = "the compiler makes it on the heap"
)]
fn zeros() -> Box<Source> {
    Box::new([0; SIZE])
}

/// What stopped a segment of entropy-coded data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// A marker that is not stuffing.
    Marker(u8),
    /// The bytes are at an end.
    End,
}

/// Feeds a scan's data, one restart segment after the other, to a [`Bits`].
pub(crate) struct Feed<'a> {
    data: &'a [u8],
    at: usize,
    stop: Option<Stop>,
    filled: usize,
    source: Box<Source>,
    next_restart: u8,
}

impl<'a> Feed<'a> {
    /// How many bytes it allocates.
    pub(crate) const BYTES: u64 = SIZE as u64;

    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            at: 0,
            stop: None,
            filled: 0,
            source: zeros(),
            next_restart: 0,
        }
    }

    /// Where the data of the next scan begins.
    pub(crate) fn open(&mut self, data: &'a [u8]) -> Bits {
        self.data = data;
        self.at = 0;
        self.next_restart = 0;
        self.begin_segment()
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// How many bytes of the scan were looked at.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// `bits` may go on while it has not passed this many bytes of the source.
    pub(crate) fn limit(&self) -> usize {
        match self.stop {
            Some(_) => self.filled,
            None => self.filled.saturating_sub(MARGIN),
        }
    }

    /// Has `bits` not passed the limit?
    #[inline(always)]
    pub(crate) fn within(bits: &Bits, limit: usize) -> bool {
        bits.next <= limit
    }

    /// Sees to it that the next MCU is in the source, with zeros behind the segment's end. False
    /// if `bits` has read past that end.
    pub(crate) fn top_up(&mut self, bits: &mut Bits) -> bool {
        if self.stop.is_some() {
            return bits.position() <= self.filled * 8;
        }
        if bits.next + MARGIN > self.filled {
            self.source
                .copy_within(bits.next.min(self.filled)..self.filled, 0);
            self.filled = self.filled.saturating_sub(bits.next);
            bits.next = 0;
            self.fill();
        }
        true
    }

    /// Goes on behind the next restart marker; what a damaged file has there instead is dealt
    /// with as libjpeg does. `None` if no further segment is to be found.
    pub(crate) fn restart(&mut self) -> Option<Bits> {
        let expected = self.next_restart;
        self.next_restart = (expected + 1) & 7;
        loop {
            self.find_marker();
            let Some(Stop::Marker(marker)) = self.stop else {
                return Some(self.empty());
            };
            if !(RST0..=RST7).contains(&marker) {
                // A marker that begins something else: the rest of the scan is missing.
                if marker < SOF0 {
                    self.pass_marker();
                    continue;
                }
                return None;
            }
            match (marker.wrapping_sub(RST0).wrapping_sub(expected)) & 7 {
                // One of the next two: the wanted one was lost, and this segment with it.
                1 | 2 => return Some(self.empty()),
                // One of the last two: it belongs to data already given up.
                6 | 7 => self.pass_marker(),
                _ => {
                    self.pass_marker();
                    return Some(self.begin_segment());
                }
            }
        }
    }

    /// Passes over the rest of this segment without unstuffing it.
    fn find_marker(&mut self) {
        while self.stop.is_none() {
            let Some(run) = memchr(0xff, self.rest()) else {
                self.at = self.data.len();
                self.stop = Some(Stop::End);
                return;
            };
            self.at += run;
            self.stop_or_stuffing();
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    fn pass_marker(&mut self) {
        self.at += 2;
        self.stop = None;
    }

    fn begin_segment(&mut self) -> Bits {
        self.stop = None;
        self.filled = 0;
        self.fill();
        Bits::default()
    }

    /// A segment of which nothing is left.
    fn empty(&mut self) -> Bits {
        Bits {
            word: 0,
            have: 0,
            next: self.filled + 9,
        }
    }

    /// Unstuffs more bytes.
    fn fill(&mut self) {
        while self.stop.is_none() && self.filled < CHUNK {
            let rest = self.rest();
            let room = rest.get(..CHUNK - self.filled).unwrap_or(rest);
            let run = memchr(0xff, room).unwrap_or(room.len());
            let target = self.source.get_mut(self.filled..self.filled + run);
            if let (Some(target), Some(run)) = (target, rest.get(..run)) {
                target.copy_from_slice(run);
            }
            self.filled += run;
            self.at += run;
            if self.rest().is_empty() {
                self.stop = Some(Stop::End);
            } else if run < room.len() && self.stop_or_stuffing() {
                if let Some(byte) = self.source.get_mut(self.filled) {
                    *byte = 0xff;
                }
                self.filled += 1;
            }
        }
        if self.stop.is_some() {
            let end = (self.filled + 2 * MARGIN).min(SIZE);
            if let Some(behind) = self.source.get_mut(self.filled..end) {
                behind.fill(0);
            }
        }
    }

    /// At 0xff: passes it with true if it is a stuffed byte, else notes the marker.
    fn stop_or_stuffing(&mut self) -> bool {
        loop {
            match self.rest() {
                [_, 0xff, ..] => self.at += 1,
                [_, 0, ..] => {
                    self.at += 2;
                    return true;
                }
                [_, marker, ..] => {
                    self.stop = Some(Stop::Marker(*marker));
                    return false;
                }
                _ => {
                    self.at = self.data.len();
                    self.stop = Some(Stop::End);
                    return false;
                }
            }
        }
    }
}
