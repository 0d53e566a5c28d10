//! Progressive files (ITU T.81, annex G): which of the scans are needed, and what is kept of a
//! picture while they come.

mod scans;
mod store;

use crate::bits::Feed;
use crate::canvas::Canvas;
use crate::header::State;
use crate::idct::{Inverse, Transform, last_needed};
use crate::markers::{Cursor, EOI, SOI, SOS};
use crate::scan::Scan;
use crate::sequential::{Job, MOST_SCANS};
use crate::{Error, MissingEnd};

use scans::Stream;
use store::Store;

/// Decodes the scans that are needed, then transforms. Returns how many bytes of scans were
/// looked at.
pub(crate) fn decode<const SIDE: usize, const COUNT: usize>(
    state: &mut State<'_>,
    first: Scan,
    job: &Job<'_>,
    canvas: &mut Canvas,
) -> Result<usize, Error>
where
    Inverse: Transform<SIDE, COUNT>,
{
    let overview = Overview::new(state, &first, job, last_needed(SIDE))?;
    job.afford(Store::bytes(job.geometry, COUNT, overview.refined))?;
    let mut store = Store::new(job.geometry, COUNT, overview.refined);
    let mut feed = Feed::new(&[]);
    let mut looked_at = 0;
    let mut scan = Some(first);
    let last = overview.scans.iter().rposition(|scan| scan.needed);
    for brief in overview.scans.iter().take(last.map_or(0, |last| last + 1)) {
        let Some(current) = scan else { break };
        for part in &current.parts {
            let slot = job.geometry.quantisation(part.component);
            let table = state.quantisation.get(slot).and_then(Option::as_ref);
            canvas.quantise(part.component, table)?;
        }
        if brief.needed {
            let mut stream = Stream::open(state, &mut feed);
            scans::run::<SIDE, COUNT>(state, &current, job, &mut store, &mut stream)?;
            looked_at += feed.position();
        }
        state.cursor.seek(brief.end);
        scan = job.next_scan(state)?;
    }
    for component in 0..job.geometry.components.len() {
        for (line, coefficients) in store.lines(component).enumerate() {
            canvas.write::<SIDE, COUNT>(component, line, coefficients);
        }
        job.check()?;
    }
    Ok(looked_at)
}

/// One scan, as far as it must be known before any is decoded.
struct Brief {
    /// One bit a component.
    components: u8,
    first: u32,
    last: u32,
    refines: bool,
    /// Where its entropy-coded data ends.
    end: usize,
    needed: bool,
}

/// All scans of a file.
struct Overview {
    scans: Vec<Brief>,
    /// One bit for each component of which AC coefficients are refined in a scan that is needed.
    refined: u8,
}

impl Overview {
    /// Walks over the file from behind the first scan's header.
    fn new(state: &State<'_>, first: &Scan, job: &Job<'_>, needed: u32) -> Result<Self, Error> {
        let mut cursor = state.cursor.clone();
        let mut overview = Self {
            scans: Vec::new(),
            refined: 0,
        };
        let mut scan = Some(first.clone());
        while let Some(current) = scan {
            if overview.scans.len() == MOST_SCANS {
                return Err(Error::Unsupported("more than 1000 scans"));
            }
            job.check()?;
            cursor.skip_entropy_coded();
            overview.scans.push(Brief::new(&current, cursor.position()));
            scan = match (next_scan(&mut cursor, state), job.missing_end) {
                (Err(Error::Truncated), MissingEnd::Tolerate) => None,
                (result, _) => result?,
            };
        }
        overview.choose(needed);
        Ok(overview)
    }

    /// Finds out which scans are needed, from the last to the first: those that give coefficients
    /// that are wanted, and, since what a refinement's bits mean depends on which coefficients are
    /// not zero yet, all that a needed refinement stands on.
    fn choose(&mut self, needed: u32) {
        let mut refined_bands = [0_u64; 4];
        for brief in self.scans.iter_mut().rev() {
            let band = band(brief.first, brief.last);
            let mut bands = refined_bands.iter_mut().enumerate();
            let stood_on = bands.any(|(index, refined)| {
                brief.components & (1 << index) != 0 && *refined & band != 0
            });
            brief.needed = brief.first <= needed || stood_on;
            if brief.needed && brief.refines && brief.first > 0 {
                self.refined |= brief.components;
                for (index, refined) in refined_bands.iter_mut().enumerate() {
                    if brief.components & (1 << index) != 0 {
                        *refined |= band;
                    }
                }
            }
        }
    }
}

impl Brief {
    fn new(scan: &Scan, end: usize) -> Self {
        let components = scan.parts.iter();
        Self {
            components: components.fold(0, |all, part| all | 1 << (part.component & 7)),
            first: scan.first,
            last: scan.last,
            refines: scan.refines > 0,
            end,
            needed: false,
        }
    }
}

/// The next scan's header, or none at EOI; nothing else is read.
fn next_scan(cursor: &mut Cursor<'_>, state: &State<'_>) -> Result<Option<Scan>, Error> {
    loop {
        match cursor.next_marker()? {
            EOI => return Ok(None),
            SOI => {}
            SOS => {
                let segment = cursor.segment()?;
                let frame = state.frame.as_ref();
                let frame = frame.ok_or(Error::Corrupt("it has a scan before its frame header"))?;
                return Scan::parse(segment, frame).map(Some);
            }
            _ => {
                cursor.segment()?;
            }
        }
    }
}

/// The bits of the coefficients from `first` to `last`, by zigzag index.
fn band(first: u32, last: u32) -> u64 {
    (u64::MAX << (first & 63)) & (u64::MAX >> (63 - (last & 63)))
}
