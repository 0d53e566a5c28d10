//! One progressive scan: its blocks in order, with restarts (ITU T.81, G.1.2 and G.2).
#![expect(
    clippy::inline_always,
    reason = "a reader's state stays in registers only if all that touches it is inlined"
)]

mod ac;
mod dc;

use std::ops::Range;

use crate::Error;
use crate::bits::{Bits, Feed};
use crate::header::State;
use crate::huffman::{Codes, DcTable};
use crate::idct::{Inverse, Transform};
use crate::scan::{Part, Scan};
use crate::sequential::Job;

use super::store::Store;
use ac::Band;
use dc::{Blocks, Direct};

/// A scan's data and the place in it.
pub(super) struct Stream<'f, 'a> {
    pub(super) feed: &'f mut Feed<'a>,
    pub(super) bits: Bits,
    restart_interval: usize,
    /// MCUs until the next restart.
    until_restart: usize,
    /// Nothing more is to be had from this segment.
    exhausted: bool,
}

impl<'f, 'a> Stream<'f, 'a> {
    pub(super) fn open(state: &State<'a>, feed: &'f mut Feed<'a>) -> Self {
        let bits = feed.open(state.cursor.rest());
        let restart_interval = usize::from(state.restart_interval);
        let until_restart = if restart_interval == 0 {
            usize::MAX
        } else {
            restart_interval
        };
        Self {
            feed,
            bits,
            restart_interval,
            until_restart,
            exhausted: false,
        }
    }

    /// Nothing more is to be had from this scan.
    fn ended(&self) -> bool {
        self.exhausted && self.restart_interval == 0
    }

    /// Where to stop on the way from `mcu` to `end`: there, or at a restart. True if that restart
    /// comes first.
    fn segment(&mut self, mcus: &Range<usize>) -> (usize, bool) {
        let restarts = self.until_restart == 0;
        if restarts {
            self.until_restart = self.restart_interval;
            match self.feed.restart() {
                Some(bits) => {
                    self.bits = bits;
                    self.exhausted = false;
                }
                None => self.exhausted = true,
            }
        }
        let end = mcus.end.min(mcus.start.saturating_add(self.until_restart));
        self.until_restart -= end - mcus.start;
        (end, restarts)
    }

    /// Sees to it that there is data for an MCU; false if there is none.
    fn ready(&mut self) -> bool {
        self.exhausted = self.exhausted || !self.feed.top_up(&mut self.bits);
        !self.exhausted
    }
}

/// Decodes one scan into the store.
pub(super) fn run<const SIDE: usize, const COUNT: usize>(
    state: &State<'_>,
    scan: &Scan,
    job: &Job<'_>,
    store: &mut Store,
    stream: &mut Stream<'_, '_>,
) -> Result<(), Error>
where
    Inverse: Transform<SIDE, COUNT>,
{
    if scan.first == 0 {
        return run_dc(state, scan, job, store, stream);
    }
    let Some(part) = scan.parts.first() else {
        return Ok(());
    };
    let codes = state.ac.get(part.ac).and_then(Option::as_ref);
    let codes = codes.ok_or(Error::Corrupt("a Huffman table is missing"))?;
    run_ac::<SIDE, COUNT>((scan, *part, codes), job, store, stream)
}

fn run_dc(
    state: &State<'_>,
    scan: &Scan,
    job: &Job<'_>,
    store: &mut Store,
    stream: &mut Stream<'_, '_>,
) -> Result<(), Error> {
    let tables = tables(state, scan)?;
    let blocks = Blocks::new(scan, job.geometry);
    let mut predictions = [0; 4];
    for row in 0..blocks.rows.end {
        job.check()?;
        let direct = blocks.of_row(row, &tables, store);
        let mut mcu = 0;
        while mcu < blocks.in_line {
            let (end, restarts) = stream.segment(&(mcu..blocks.in_line));
            if restarts {
                predictions = [0; 4];
            }
            while mcu < end && stream.ready() {
                mcu = Direct {
                    scan,
                    blocks: &direct,
                    columns: &blocks.columns,
                    predictions: &mut predictions,
                }
                .decode(mcu..end, store, stream);
            }
            mcu = end;
        }
        if stream.ended() {
            break;
        }
    }
    Ok(())
}

/// The DC tables of a scan's parts; a refinement needs none.
fn tables(state: &State<'_>, scan: &Scan) -> Result<Vec<Option<DcTable>>, Error> {
    let table = |part: &Part| {
        if scan.refines > 0 {
            return Ok(None);
        }
        let codes = state.dc.get(part.dc).and_then(Option::as_ref);
        let codes = codes.ok_or(Error::Corrupt("a Huffman table is missing"))?;
        Ok(Some(DcTable::new(codes)))
    };
    scan.parts.iter().map(table).collect()
}

fn run_ac<const SIDE: usize, const COUNT: usize>(
    (scan, part, codes): (&Scan, Part, &Codes),
    job: &Job<'_>,
    store: &mut Store,
    stream: &mut Stream<'_, '_>,
) -> Result<(), Error>
where
    Inverse: Transform<SIDE, COUNT>,
{
    let geometry = job.geometry;
    let (Some(extent), Some(component)) = (
        geometry.components.get(part.component),
        store.components.get_mut(part.component),
    ) else {
        return Ok(());
    };
    let mut band = Band::new(scan, codes);
    for row in 0..extent.kept_rows_alone().end {
        job.check()?;
        let mut line = component.line(row);
        let mut block = 0;
        while block < extent.blocks.0 {
            let (end, restarts) = stream.segment(&(block..extent.blocks.0));
            if restarts {
                band.restart();
            }
            while block < end && stream.ready() {
                block = band.decode::<SIDE, COUNT>(block..end, &mut line, stream);
            }
            block = end;
        }
        if stream.ended() {
            break;
        }
    }
    Ok(())
}
