//! Marker segments (T.81 Annex B) and the JFIF header. Knows how they are spelt, not when to write them.

use crate::Process;
use crate::frame::{Component, Frame};
use crate::huffman::HuffmanTable;
use crate::tables::{Class, ZIGZAG};
use crate::tokens::Coding;

/// Start of image.
const SOI: u8 = 0xD8;
/// End of image.
const EOI: u8 = 0xD9;
/// The application segment that JFIF uses.
const APP0: u8 = 0xE0;
const QUANTISATION_TABLE: u8 = 0xDB;
const BASELINE_FRAME: u8 = 0xC0;
const PROGRESSIVE_FRAME: u8 = 0xC2;
const HUFFMAN_TABLE: u8 = 0xC4;
const SCAN: u8 = 0xDA;

/// Which part of the coefficients a scan writes (T.81 B.2.3, G.1.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Band {
    /// First zigzag position.
    pub(crate) first: u8,
    /// Last zigzag position.
    pub(crate) last: u8,
    /// The lowest bit written before, 0 if none was.
    pub(crate) high: u8,
    /// The lowest bit written now.
    pub(crate) low: u8,
}

impl Band {
    /// All at once.
    pub(crate) const WHOLE: Self = Self {
        first: 0,
        last: 63,
        high: 0,
        low: 0,
    };
}

/// Everything up to the first scan's tables.
pub(crate) fn start(out: &mut Vec<u8>, frame: &Frame, quality: u8, process: Process) {
    out.extend([0xFF, SOI]);
    // Version 1.1, no unit: the two ones after it say that pixels are square; no preview.
    segment(out, APP0, b"JFIF\0\x01\x01\x00\x00\x01\x00\x01\x00\x00");
    for class in [Class::Luma, Class::Chroma] {
        if frame
            .components
            .iter()
            .any(|component| component.class == class)
        {
            let table = class.quant_table(quality);
            let steps = ZIGZAG
                .iter()
                .filter_map(|&place| table.get(usize::from(place)));
            let body: Vec<u8> = std::iter::once(class.id()).chain(steps.copied()).collect();
            segment(out, QUANTISATION_TABLE, &body);
        }
    }
    let marker = match process {
        Process::Baseline => BASELINE_FRAME,
        Process::Progressive => PROGRESSIVE_FRAME,
    };
    let mut body = vec![8];
    body.extend(frame.height.to_be_bytes());
    body.extend(frame.width.to_be_bytes());
    body.push(count(&frame.components));
    for component in &frame.components {
        let (across, down) = component.factors;
        body.extend([component.id, across << 4 | down, component.class.id()]);
    }
    segment(out, marker, &body);
}

/// The tables and the header of one scan.
pub(crate) fn scan(
    out: &mut Vec<u8>,
    tables: &[(Coding, HuffmanTable)],
    components: &[Component],
    band: Band,
) {
    for (coding, table) in tables {
        let name = match *coding {
            Coding::Dc(number) => number,
            Coding::Ac(number) => 0x10 | number,
        };
        let body = [&[name], &table.lengths[..], &table.symbols].concat();
        segment(out, HUFFMAN_TABLE, &body);
    }
    let mut body = vec![count(components)];
    for component in components {
        let uses = |coding| tables.iter().any(|(used, _)| *used == coding);
        let number = component.class.id();
        let dc = if uses(Coding::Dc(number)) { number } else { 0 };
        let ac = if uses(Coding::Ac(number)) { number } else { 0 };
        body.extend([component.id, dc << 4 | ac]);
    }
    body.extend([band.first, band.last, band.high << 4 | band.low]);
    segment(out, SCAN, &body);
}

/// The last marker.
pub(crate) fn end(out: &mut Vec<u8>) {
    out.extend([0xFF, EOI]);
}

/// A marker, the length of what follows it (with the two bytes of the length itself), the body.
fn segment(out: &mut Vec<u8>, marker: u8, body: &[u8]) {
    let length = u16::try_from(body.len() + 2).unwrap_or(u16::MAX);
    out.extend([0xFF, marker]);
    out.extend(length.to_be_bytes());
    out.extend(body);
}

fn count(components: &[Component]) -> u8 {
    u8::try_from(components.len()).unwrap_or(u8::MAX)
}
