//! The scan header (ITU T.81, B.2.3) and how a scan's blocks follow each other (A.2).

use crate::Error;
use crate::frame::{Frame, Process};
use crate::markers::Fields;

/// A component's part in a scan.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// Which component of the frame.
    pub(crate) component: usize,
    /// Which DC table, 0 to 3.
    pub(crate) dc: usize,
    /// Which AC table, 0 to 3.
    pub(crate) ac: usize,
}

/// What a scan header says.
#[derive(Debug, Clone)]
pub(crate) struct Scan {
    pub(crate) parts: Vec<Part>,
    /// The first coefficient, in zigzag order (Ss).
    pub(crate) first: u32,
    /// The last coefficient (Se).
    pub(crate) last: u32,
    /// Al of the scan that this one refines, or 0 (Ah).
    pub(crate) refines: u8,
    /// The lowest bit of coefficients that it gives (Al).
    pub(crate) low_bit: u8,
}

impl Scan {
    /// Reads the segment of an SOS marker.
    pub(crate) fn parse(segment: &[u8], frame: &Frame) -> Result<Self, Error> {
        let mut fields = Fields(segment);
        let count = fields.byte()?;
        if !(1..=4).contains(&count) {
            return Err(Error::Corrupt("a scan has not 1 to 4 components"));
        }
        let mut parts: Vec<Part> = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            let part = part(&mut fields, frame)?;
            if parts.iter().any(|other| other.component == part.component) {
                return Err(Error::Corrupt("a scan has a component twice"));
            }
            parts.push(part);
        }
        let (first, last) = (fields.byte()?, fields.byte()?);
        let (refines, low_bit) = fields.nibbles()?;
        let scan = Self {
            parts,
            first: u32::from(first),
            last: u32::from(last),
            refines,
            low_bit,
        };
        scan.check(frame)?;
        Ok(scan)
    }

    fn check(&self, frame: &Frame) -> Result<(), Error> {
        let blocks = self
            .parts
            .iter()
            .filter_map(|part| frame.components.get(part.component));
        let blocks = blocks.map(|it| u32::from(it.sampling.horizontal * it.sampling.vertical));
        if self.parts.len() > 1 && blocks.sum::<u32>() > 10 {
            return Err(Error::Corrupt("an MCU has more than 10 blocks"));
        }
        if frame.process != Process::Progressive {
            // What sequential scans say of bands and bits does not matter.
            return Ok(());
        }
        let band = match self.first {
            0 => self.last == 0,
            _ => self.last >= self.first && self.last <= 63 && self.parts.len() == 1,
        };
        let bits = self.low_bit <= 13 && (self.refines == 0 || self.refines == self.low_bit + 1);
        if band && bits {
            Ok(())
        } else {
            Err(Error::Corrupt("a progressive scan has an impossible band"))
        }
    }
}

fn part(fields: &mut Fields<'_>, frame: &Frame) -> Result<Part, Error> {
    let id = fields.byte()?;
    let (dc, ac) = fields.nibbles()?;
    let component = frame.components.iter().position(|it| it.id == id);
    let component = component.ok_or(Error::Corrupt("a scan has an unknown component"))?;
    if dc > 3 || ac > 3 {
        return Err(Error::Corrupt("there are only 4 Huffman tables of a class"));
    }
    Ok(Part {
        component,
        dc: usize::from(dc),
        ac: usize::from(ac),
    })
}
