//! AC coefficients of progressive scans (ITU T.81, G.1.2.2 and G.1.2.3).

use std::ops::Range;

use crate::bits::{Bits, Feed, Source};
use crate::huffman::Codes;
use crate::idct::places;
use crate::progressive::store::Line;
use crate::scan::Scan;

use super::{super::band, Stream};

/// A band of coefficients of one component's blocks.
pub(super) struct Band<'a> {
    codes: &'a Codes,
    first: u32,
    last: u32,
    low_bit: u32,
    refines: bool,
    /// How many blocks more have no new coefficients (EOBRUN).
    ended_blocks: usize,
}

impl<'a> Band<'a> {
    pub(super) fn new(scan: &Scan, codes: &'a Codes) -> Self {
        Self {
            codes,
            first: scan.first,
            last: scan.last,
            low_bit: u32::from(scan.low_bit & 15),
            refines: scan.refines > 0,
            ended_blocks: 0,
        }
    }

    pub(super) fn restart(&mut self) {
        self.ended_blocks = 0;
    }

    /// Decodes blocks, at least one; returns the first that was not decoded.
    pub(super) fn decode<const SIDE: usize, const COUNT: usize>(
        &mut self,
        blocks: Range<usize>,
        line: &mut Line<'_>,
        stream: &mut Stream<'_, '_>,
    ) -> usize {
        if !self.refines && self.ended_blocks > 0 {
            let passed = self.ended_blocks.min(blocks.len());
            self.ended_blocks -= passed;
            return blocks.start + passed;
        }
        let (source, limit) = (stream.feed.source(), stream.feed.limit());
        let mut bits = stream.bits;
        let mut next = blocks.end;
        for index in blocks {
            let (values, mask) = line.block::<COUNT>(index);
            let mut unmasked = 0;
            let mut block = Block::<SIDE, COUNT> {
                values,
                mask: mask.unwrap_or(&mut unmasked),
            };
            if self.refines {
                self.refine(&mut block, &mut bits, source);
            } else {
                self.begin(&mut block, &mut bits, source);
            }
            if !Feed::within(&bits, limit) || (!self.refines && self.ended_blocks > 0) {
                next = index + 1;
                break;
            }
        }
        stream.bits = bits;
        next
    }

    /// A block's first bits (figure G.3).
    #[inline(always)]
    fn begin<const SIDE: usize, const COUNT: usize>(
        &mut self,
        block: &mut Block<'_, SIDE, COUNT>,
        bits: &mut Bits,
        source: &Source,
    ) {
        let mut k = self.first;
        while k <= self.last {
            bits.refill(source);
            let (symbol, length) = self.codes.find(bits.peek(16));
            bits.skip(length);
            let (run, size) = (symbol >> 4, symbol & 15);
            if size == 0 && run < 15 {
                self.ended_blocks = (1 << run) - 1 + bits.take(run) as usize;
                return;
            }
            k += u32::from(run);
            if size > 0 {
                let value = bits.receive_extend(size) << self.low_bit;
                block.set(k, value as i16);
            }
            k += 1;
        }
    }

    /// A block's next bits (figures G.7 to G.9).
    #[inline(always)]
    fn refine<const SIDE: usize, const COUNT: usize>(
        &mut self,
        block: &mut Block<'_, SIDE, COUNT>,
        bits: &mut Bits,
        source: &Source,
    ) {
        let one = 1_i16 << self.low_bit;
        let mut k = self.first;
        while self.ended_blocks == 0 && k <= self.last {
            bits.refill(source);
            let (symbol, length) = self.codes.find(bits.peek(16));
            bits.skip(length);
            let (run, size) = (symbol >> 4, symbol & 15);
            if size == 0 && run < 15 {
                self.ended_blocks = (1 << run) + bits.take(run) as usize;
                break;
            }
            let value = match (size, size > 0 && bits.take(1) == 1) {
                (0, _) => 0,
                (_, true) => one,
                (_, false) => -one,
            };
            let place = self.behind_zeros(k, run, *block.mask);
            block.correct(band_between(k, place), one, bits, source);
            k = place + 1;
            if value != 0 && place <= self.last {
                block.set(place, value);
            }
        }
        if self.ended_blocks > 0 {
            block.correct(band_between(k, self.last + 1), one, bits, source);
            self.ended_blocks -= 1;
        }
    }

    /// The coefficient behind `run` zeros from `k`, itself zero; behind the band if there is none.
    #[inline(always)]
    fn behind_zeros(&self, k: u32, run: u8, mask: u64) -> u32 {
        let mut zeros = !mask & band(k, self.last);
        for _ in 0..run {
            zeros &= zeros.wrapping_sub(1);
        }
        if zeros == 0 {
            return self.last + 1;
        }
        zeros.trailing_zeros()
    }
}

/// The bits from `k` up to but without `end`, at most 64.
#[inline(always)]
fn band_between(k: u32, end: u32) -> u64 {
    if k < end { band(k, end - 1) } else { 0 }
}

/// A block: its coefficients, if they are kept, and which of all 64 are not zero.
struct Block<'a, const SIDE: usize, const COUNT: usize> {
    values: Option<&'a mut [i16; COUNT]>,
    mask: &'a mut u64,
}

impl<const SIDE: usize, const COUNT: usize> Block<'_, SIDE, COUNT> {
    #[inline(always)]
    fn value(&mut self, k: u32) -> Option<&mut i16> {
        let places = const { places(SIDE) };
        let place = places.get(k as usize).copied()?;
        self.values.as_mut()?.get_mut(usize::from(place))
    }

    #[inline(always)]
    fn set(&mut self, k: u32, value: i16) {
        if let Some(place) = self.value(k) {
            *place = value;
        }
        if k < 64 {
            *self.mask |= 1 << k;
        }
    }

    /// Reads a bit for each coefficient of `band` that is not zero.
    #[inline(always)]
    fn correct(&mut self, band: u64, one: i16, bits: &mut Bits, source: &Source) {
        let mut nonzero = *self.mask & band;
        while nonzero != 0 {
            let k = nonzero.trailing_zeros();
            nonzero &= nonzero - 1;
            if bits.take_one(source) == 0 {
                continue;
            }
            if let Some(value) = self.value(k).filter(|value| **value & one == 0) {
                *value = value.wrapping_add(if *value < 0 { -one } else { one });
            }
        }
    }
}
