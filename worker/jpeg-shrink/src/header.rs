//! Everything before and between scans: tables, frame and metadata, and the header made of them.

use crate::Error;
use crate::frame::{self, Frame, Process, Sampling};
use crate::huffman::Codes;
use crate::markers::{Cursor, DHT, DQT, DRI, EOI, Fields, SOI, SOS};
use crate::metadata::Metadata;
use crate::scan::Scan;

/// What the stored components are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// One component.
    Gray,
    /// Luminance and two chrominances (ITU T.871).
    Ycbcr,
    /// Red, green and blue.
    Rgb,
    /// Four inks.
    Cmyk,
    /// Four inks, three of them stored as luminance and chrominances.
    Ycck,
}

/// What is known of a picture before it is decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Width of the stored picture, in pixels.
    pub width: u32,
    /// Height of the stored picture, in pixels.
    pub height: u32,
    /// What the stored components are.
    pub colour: Colour,
    /// Inks are stored as Adobe does: 255 for none. [`decode`](crate::decode) turns them over.
    pub inks_inverted: bool,
    /// How the picture is coded.
    pub process: Process,
    /// Each component's sampling.
    pub sampling: Vec<Sampling>,
    /// The TIFF structure of the first Exif segment.
    pub exif: Option<Vec<u8>>,
    /// The ICC profile, joined; `None` if a part is missing.
    pub icc: Option<Vec<u8>>,
}

/// Reads up to the first scan. Nothing is decoded, and what is allocated is no larger than the
/// bytes read.
pub fn read_header(bytes: &[u8]) -> Result<Header, Error> {
    let mut state = State::open(bytes)?;
    let (frame, _) = state.first_scan()?;
    let metadata = &state.metadata;
    Ok(Header {
        width: u32::from(frame.width),
        height: u32::from(frame.height),
        colour: metadata.colour(&frame),
        inks_inverted: metadata.inks_inverted(),
        process: frame.process,
        sampling: frame.components.iter().map(|it| it.sampling).collect(),
        exif: metadata.exif(),
        icc: metadata.icc(),
    })
}

/// What is in force at a place between scans.
pub(crate) struct State<'a> {
    pub(crate) cursor: Cursor<'a>,
    pub(crate) metadata: Metadata<'a>,
    pub(crate) frame: Option<Frame>,
    /// Quantisation tables, each in zigzag order.
    pub(crate) quantisation: [Option<[u16; 64]>; 4],
    pub(crate) dc: [Option<Codes>; 4],
    pub(crate) ac: [Option<Codes>; 4],
    /// In MCUs; 0 for none.
    pub(crate) restart_interval: u16,
}

impl<'a> State<'a> {
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, Error> {
        Ok(Self {
            cursor: Cursor::open(bytes)?,
            metadata: Metadata::default(),
            frame: None,
            quantisation: [None; 4],
            dc: [const { None }; 4],
            ac: [const { None }; 4],
            restart_interval: 0,
        })
    }

    /// The frame, and the first scan's header.
    pub(crate) fn first_scan(&mut self) -> Result<(Frame, Scan), Error> {
        let scan = self.next_scan()?.ok_or(Error::Corrupt("it has no scan"))?;
        let frame = self.frame.clone().ok_or(NO_FRAME)?;
        Ok((frame, scan))
    }

    /// Reads segments up to the next scan's header; `None` at EOI.
    pub(crate) fn next_scan(&mut self) -> Result<Option<Scan>, Error> {
        loop {
            match self.cursor.next_marker()? {
                EOI => return Ok(None),
                SOI => return Err(Error::Corrupt("it begins twice")),
                SOS => {
                    let segment = self.cursor.segment()?;
                    let frame = self.frame.as_ref().ok_or(NO_FRAME)?;
                    return Scan::parse(segment, frame).map(Some);
                }
                marker => {
                    let segment = self.cursor.segment()?;
                    self.apply(marker, segment)?;
                }
            }
        }
    }

    fn apply(&mut self, marker: u8, segment: &'a [u8]) -> Result<(), Error> {
        match marker {
            DQT => self.read_quantisation(segment),
            DHT => self.read_huffman(segment),
            DRI => {
                self.restart_interval = Fields(segment).short()?;
                Ok(())
            }
            _ if frame::begins_frame(marker) => {
                let frame = Frame::parse(marker, segment)?;
                if self.frame.replace(frame).is_some() {
                    return Err(Error::Corrupt("it has two frames"));
                }
                Ok(())
            }
            _ => {
                self.metadata.read(marker, segment);
                Ok(())
            }
        }
    }

    /// ITU T.81, B.2.4.1.
    fn read_quantisation(&mut self, segment: &[u8]) -> Result<(), Error> {
        let mut fields = Fields(segment);
        while !fields.is_empty() {
            let (precision, slot) = fields.nibbles()?;
            let slot = self.quantisation.get_mut(usize::from(slot));
            let slot = slot.ok_or(Error::Corrupt("there are only 4 quantisation tables"))?;
            let mut table = [0; 64];
            for value in &mut table {
                *value = match precision {
                    0 => u16::from(fields.byte()?),
                    _ => fields.short()?,
                };
            }
            *slot = Some(table);
        }
        Ok(())
    }

    /// ITU T.81, B.2.4.2.
    fn read_huffman(&mut self, segment: &[u8]) -> Result<(), Error> {
        let mut fields = Fields(segment);
        while !fields.is_empty() {
            let (class, slot) = fields.nibbles()?;
            let tables = match class {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => {
                    return Err(Error::Corrupt(
                        "a Huffman table is neither for DC nor for AC",
                    ));
                }
            };
            let slot = tables.get_mut(usize::from(slot));
            let slot = slot.ok_or(Error::Corrupt("there are only 4 Huffman tables of a class"))?;
            let counts = fields.bytes(16)?;
            let total = counts.iter().map(|count| usize::from(*count)).sum();
            let symbols = fields.bytes(total)?;
            if class == 0 && symbols.iter().any(|symbol| *symbol > 15) {
                return Err(Error::Corrupt("a DC difference has more than 15 bits"));
            }
            *slot = Some(Codes::new(counts, symbols)?);
        }
        Ok(())
    }
}

const NO_FRAME: Error = Error::Corrupt("it has a scan before its frame header");
