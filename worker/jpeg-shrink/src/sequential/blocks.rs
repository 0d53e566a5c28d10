//! The hot loop: block after block of a sequential scan (ITU T.81, F.2.2).
#![expect(
    clippy::indexing_slicing,
    reason = "hot loop; the indices are cut to the lengths of their arrays"
)]

use std::ops::Range;

use crate::bits::{Bits, Feed, Source};
use crate::huffman::{AcTable, DcTable};
use crate::idct::{last_needed, places};

/// One block of an MCU.
pub(super) struct Plan<'a> {
    /// Which prediction it uses, 0 to 3.
    pub(super) component: usize,
    /// Where its coefficients go in the first MCU that is kept.
    pub(super) offset: usize,
    /// How far apart those of neighbouring MCUs are.
    pub(super) step: usize,
    pub(super) dc: &'a DcTable,
    pub(super) ac: &'a AcTable,
}

/// A place in the data and what decoding there depends on.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source,
    /// Where in the source to stop.
    pub(super) limit: usize,
    pub(super) predictions: [i32; 4],
    pub(super) bits: Bits,
}

impl Reader<'_> {
    /// Passes over MCUs, at least one; returns the first that was not passed.
    pub(super) fn skip(&mut self, plans: &[Plan<'_>], mcus: Range<usize>) -> usize {
        self.walk(plans, mcus, |_, plan, bits, source, _| {
            plan.ac.skip_rest(bits, source, 0);
        })
    }

    /// Decodes MCUs, at least one, counted from the first that is kept; returns the first that
    /// was not decoded.
    pub(super) fn keep<const SIDE: usize, const COUNT: usize>(
        &mut self,
        plans: &[Plan<'_>],
        mcus: Range<usize>,
        coefficients: &mut [i16],
    ) -> usize {
        self.walk(plans, mcus, |mcu, plan, bits, source, dc| {
            let first = plan.offset + mcu * plan.step;
            let target = coefficients.get_mut(first..);
            let Some(target) = target.and_then(<[i16]>::first_chunk_mut::<COUNT>) else {
                return;
            };
            target[0] = dc as i16;
            if SIDE == 1 {
                plan.ac.skip_rest(bits, source, 0);
            } else {
                rest::<SIDE, COUNT>(plan.ac, bits, source, target);
            }
        })
    }

    /// Reads DC coefficients, and leaves the rest of each block to `rest`.
    #[inline(always)]
    fn walk(
        &mut self,
        plans: &[Plan<'_>],
        mcus: Range<usize>,
        mut rest: impl FnMut(usize, &Plan<'_>, &mut Bits, &Source, i32),
    ) -> usize {
        let mut bits = self.bits;
        let mut predictions = self.predictions;
        let source = self.source;
        let mut next = mcus.end;
        for mcu in mcus {
            for plan in plans {
                bits.refill(source);
                let prediction = &mut predictions[plan.component & 3];
                *prediction = prediction.wrapping_add(plan.dc.difference(&mut bits, source));
                let dc = *prediction;
                rest(mcu, plan, &mut bits, source, dc);
            }
            if !Feed::within(&bits, self.limit) {
                next = mcu + 1;
                break;
            }
        }
        self.bits = bits;
        self.predictions = predictions;
        next
    }
}

/// Reads a block's AC coefficients, as far as they are needed.
#[inline(always)]
fn rest<const SIDE: usize, const COUNT: usize>(
    table: &AcTable,
    bits: &mut Bits,
    source: &Source,
    target: &mut [i16; COUNT],
) {
    let places = const { places(SIDE) };
    let last = const { last_needed(SIDE) };
    let mut k = 0;
    loop {
        for _ in 0..4 {
            let (passed, value) = table.coefficient(bits, source);
            k += passed;
            if k > last {
                bits.refill(source);
                // At EOB, which passes more than a block has, there is nothing to skip.
                if k < 63 {
                    table.skip_rest(bits, source, k);
                }
                return;
            }
            let place = usize::from(places[(k & 63) as usize]);
            if place < COUNT {
                target[place] = value as i16;
            }
            if k == 63 {
                return;
            }
        }
        bits.refill(source);
    }
}
