//! Sequential scans (ITU T.81, F.2): one pass, MCU by MCU, of which no more is kept than a line.
#![expect(
    clippy::inline_always,
    reason = "a reader's state stays in registers only if all that touches it is inlined"
)]

mod blocks;

use std::ops::Range;

use crate::bits::{Bits, Feed};
use crate::canvas::Canvas;
use crate::geometry::Geometry;
use crate::header::State;
use crate::huffman::{AcTable, DcTable};
use crate::idct::{Inverse, Transform};
use crate::scan::Scan;
use crate::{Error, MissingEnd};

use blocks::Plan;

/// More scans than any encoder makes; each may cost a walk over the whole picture.
pub(crate) const MOST_SCANS: usize = 1000;

/// What a decode goes by, besides the file.
pub(crate) struct Job<'a> {
    pub(crate) geometry: &'a Geometry,
    pub(crate) missing_end: MissingEnd,
    pub(crate) budget_bytes: u64,
    /// What is allocated in any case.
    pub(crate) fixed_bytes: u64,
    pub(crate) cancelled: &'a dyn Fn() -> bool,
}

impl Job<'_> {
    /// May this be allocated besides what is allocated in any case?
    pub(crate) fn afford(&self, more_bytes: u64) -> Result<(), Error> {
        let needed_bytes = self.fixed_bytes.saturating_add(more_bytes);
        if needed_bytes > self.budget_bytes {
            return Err(Error::OverBudget {
                needed_bytes,
                budget_bytes: self.budget_bytes,
            });
        }
        Ok(())
    }

    /// The next scan; none behind the end of a file that may end too soon.
    pub(crate) fn next_scan(&self, state: &mut State<'_>) -> Result<Option<Scan>, Error> {
        match (state.next_scan(), self.missing_end) {
            (Err(Error::Truncated), MissingEnd::Tolerate) => Ok(None),
            (result, _) => result,
        }
    }

    /// Gives up if the caller wants no picture any more.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if (self.cancelled)() {
            return Err(Error::Cancelled);
        }
        Ok(())
    }
}

/// How many bytes a line of MCUs takes, if its scan has all components.
pub(crate) fn line_bytes(geometry: &Geometry) -> u64 {
    let count = (geometry.side * geometry.side) as u64;
    let blocks = geometry
        .components
        .iter()
        .map(|extent| extent.columns.len() as u64 * u64::from(extent.sampling.vertical));
    blocks.sum::<u64>() * count * 2
}

/// Decodes scans until each component had one. Returns how many bytes of them were looked at.
pub(crate) fn decode<const SIDE: usize, const COUNT: usize>(
    state: &mut State<'_>,
    first: Scan,
    job: &Job<'_>,
    canvas: &mut Canvas,
) -> Result<usize, Error>
where
    Inverse: Transform<SIDE, COUNT>,
{
    let mut feed = Feed::new(&[]);
    let mut looked_at = 0;
    let mut scan = Some(first);
    for _ in 0..MOST_SCANS {
        let Some(current) = scan else {
            return Ok(looked_at);
        };
        for part in &current.parts {
            let slot = job.geometry.quantisation(part.component);
            let table = state.quantisation.get(slot).and_then(Option::as_ref);
            canvas.quantise(part.component, table)?;
        }
        let begin = state.cursor.position();
        let bits = feed.open(state.cursor.rest());
        let mut walk = Walk::<SIDE, COUNT>::new(state, &current, job);
        let tables = Tables::new(state, &current)?;
        let plans = walk.plans(&tables);
        walk.run(&plans, (&mut feed, bits), canvas)?;
        looked_at += feed.position();
        state.cursor.seek(begin + feed.position());
        if canvas.is_begun() {
            return Ok(looked_at);
        }
        state.cursor.skip_entropy_coded();
        scan = job.next_scan(state)?;
    }
    Err(Error::Unsupported("more than 1000 scans"))
}

/// The tables of a scan, one for each part.
struct Tables(Vec<(DcTable, AcTable)>);

impl Tables {
    fn new(state: &State<'_>, scan: &Scan) -> Result<Self, Error> {
        let missing = Error::Corrupt("a Huffman table is missing");
        let tables = scan.parts.iter().map(|part| {
            let dc = state.dc.get(part.dc).and_then(Option::as_ref);
            let ac = state.ac.get(part.ac).and_then(Option::as_ref);
            dc.zip(ac)
                .map(|(dc, ac)| (DcTable::new(dc), AcTable::new(ac)))
        });
        tables.collect::<Option<_>>().map(Self).ok_or(missing)
    }
}

/// A component's lines of blocks in a line of MCUs.
struct Lines {
    component: usize,
    /// Blocks of an MCU, across and down.
    across: usize,
    down: usize,
    /// Kept blocks in a line.
    kept: usize,
    /// Where they begin in the coefficients.
    offset: usize,
    /// The first line of blocks that is kept.
    top: usize,
    /// Which table it uses.
    table: usize,
}

/// The way through one scan.
struct Walk<'a, const SIDE: usize, const COUNT: usize> {
    job: &'a Job<'a>,
    lines: Vec<Lines>,
    mcus_in_line: usize,
    /// MCUs and lines of them that are kept.
    columns: Range<usize>,
    rows: Range<usize>,
    restart_interval: usize,
    /// MCUs until the next restart.
    until_restart: usize,
    coefficients: Vec<i16>,
    /// Nothing more is to be had from this segment.
    exhausted: bool,
    predictions: [i32; 4],
}

impl<'a, const SIDE: usize, const COUNT: usize> Walk<'a, SIDE, COUNT>
where
    Inverse: Transform<SIDE, COUNT>,
{
    fn new(state: &State<'_>, scan: &Scan, job: &'a Job<'a>) -> Self {
        let geometry = job.geometry;
        let alone = scan.parts.len() == 1;
        let mut lines = Vec::with_capacity(scan.parts.len());
        let mut offset = 0;
        for (table, part) in scan.parts.iter().enumerate() {
            let Some(extent) = geometry.components.get(part.component) else {
                continue;
            };
            let (across, down) = if alone {
                (1, 1)
            } else {
                extent.sampling.sides()
            };
            let kept = if alone {
                extent.kept_alone().len()
            } else {
                extent.columns.len()
            };
            lines.push(Lines {
                component: part.component,
                across,
                down,
                kept,
                offset,
                top: extent.rows.start,
                table,
            });
            offset += kept * down * COUNT;
        }
        let only = scan
            .parts
            .first()
            .and_then(|part| geometry.components.get(part.component));
        let (mcus_in_line, columns, rows) = match only.filter(|_| alone) {
            Some(extent) => (
                extent.blocks.0,
                extent.kept_alone(),
                extent.kept_rows_alone(),
            ),
            None => (
                geometry.mcus.0,
                geometry.columns.clone(),
                geometry.rows.clone(),
            ),
        };
        let restart_interval = usize::from(state.restart_interval);
        Self {
            job,
            lines,
            mcus_in_line,
            columns,
            rows,
            restart_interval,
            until_restart: if restart_interval == 0 {
                usize::MAX
            } else {
                restart_interval
            },
            coefficients: vec![0; offset],
            exhausted: false,
            predictions: [0; 4],
        }
    }

    /// The blocks of an MCU, in order.
    fn plans<'t>(&self, tables: &'t Tables) -> Vec<Plan<'t>> {
        let mut plans = Vec::with_capacity(10);
        for lines in &self.lines {
            let Some((dc, ac)) = tables.0.get(lines.table) else {
                continue;
            };
            for (down, across) in
                (0..lines.down).flat_map(|down| (0..lines.across).map(move |across| (down, across)))
            {
                plans.push(Plan {
                    component: lines.component & 3,
                    offset: lines.offset + (down * lines.kept + across) * COUNT,
                    step: lines.across * COUNT,
                    dc,
                    ac,
                });
            }
        }
        plans
    }

    fn run(
        &mut self,
        plans: &[Plan<'_>],
        (feed, mut bits): (&mut Feed<'_>, Bits),
        canvas: &mut Canvas,
    ) -> Result<(), Error> {
        for row in 0..self.rows.end {
            self.job.check()?;
            let keep = row >= self.rows.start;
            let columns = if keep { self.columns.clone() } else { 0..0 };
            if keep && COUNT > 1 {
                self.coefficients.fill(0);
            } else if keep && self.exhausted {
                self.coefficients.fill(0);
            }
            self.span(0..columns.start, None, plans, (feed, &mut bits));
            self.span(
                columns.clone(),
                Some(columns.start),
                plans,
                (feed, &mut bits),
            );
            self.span(
                columns.end..self.mcus_in_line,
                None,
                plans,
                (feed, &mut bits),
            );
            if keep {
                self.write(row, canvas);
            }
            if self.exhausted && self.restart_interval == 0 {
                // The canvas is gray where nothing is written.
                return Ok(());
            }
        }
        Ok(())
    }

    /// Decodes MCUs of one line; they are kept if it is said where the kept ones begin.
    fn span(
        &mut self,
        mcus: Range<usize>,
        kept_from: Option<usize>,
        plans: &[Plan<'_>],
        (feed, bits): (&mut Feed<'_>, &mut Bits),
    ) {
        let mut mcu = mcus.start;
        while mcu < mcus.end {
            if self.until_restart == 0 {
                self.restart(feed, bits);
            }
            let end = mcus.end.min(mcu.saturating_add(self.until_restart));
            self.until_restart -= end - mcu;
            while mcu < end {
                if self.exhausted || !feed.top_up(bits) {
                    self.exhausted = true;
                    self.blank(mcu..end, kept_from, plans);
                    break;
                }
                let source = feed.source();
                let mut reader = blocks::Reader {
                    source,
                    limit: feed.limit(),
                    predictions: self.predictions,
                    bits: *bits,
                };
                mcu = match kept_from {
                    None => reader.skip(plans, mcu..end),
                    Some(from) => {
                        from + reader.keep::<SIDE, COUNT>(
                            plans,
                            mcu - from..end - from,
                            &mut self.coefficients,
                        )
                    }
                };
                self.predictions = reader.predictions;
                *bits = reader.bits;
            }
            mcu = end;
        }
    }

    fn restart(&mut self, feed: &mut Feed<'_>, bits: &mut Bits) {
        self.predictions = [0; 4];
        self.until_restart = self.restart_interval;
        match feed.restart() {
            Some(segment) => {
                *bits = segment;
                self.exhausted = false;
            }
            None => self.exhausted = true,
        }
    }

    /// Leaves nothing of a line before in MCUs that are missing.
    fn blank(&mut self, mcus: Range<usize>, kept_from: Option<usize>, plans: &[Plan<'_>]) {
        let Some(from) = kept_from else {
            return;
        };
        for mcu in mcus {
            for plan in plans {
                let first = plan.offset + (mcu - from) * plan.step;
                if let Some(block) = self.coefficients.get_mut(first..first + COUNT) {
                    block.fill(0);
                }
            }
        }
    }

    fn write(&self, row: usize, canvas: &mut Canvas) {
        for lines in &self.lines {
            for down in 0..lines.down {
                let first = lines.offset + down * lines.kept * COUNT;
                let line = self.coefficients.get(first..first + lines.kept * COUNT);
                let index = (row * lines.down + down).checked_sub(lines.top);
                if let (Some(line), Some(index)) = (line, index) {
                    canvas.write::<SIDE, COUNT>(lines.component, index, line);
                }
            }
        }
    }
}
