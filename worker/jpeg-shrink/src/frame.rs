//! The frame header (ITU T.81, B.2.2): size, process, components and how they are sampled.

use crate::Error;
use crate::markers::Fields;

/// How the picture is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// Baseline sequential DCT (SOF0).
    Baseline,
    /// Extended sequential DCT with 8 bits (SOF1).
    Extended,
    /// Progressive DCT with 8 bits (SOF2).
    Progressive,
}

/// How densely a component is sampled, relative to the frame's other components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// Samples side by side, 1 to 4.
    pub horizontal: u8,
    /// Samples one below the other, 1 to 4.
    pub vertical: u8,
}

impl Sampling {
    /// Across and down.
    pub(crate) fn sides(self) -> (usize, usize) {
        (usize::from(self.horizontal), usize::from(self.vertical))
    }
}

/// One component of the frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Component {
    pub(crate) id: u8,
    pub(crate) sampling: Sampling,
    /// Which quantisation table it uses, 0 to 3.
    pub(crate) quantisation: u8,
}

/// What the frame header says.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) process: Process,
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) components: Vec<Component>,
}

impl Frame {
    /// Reads the segment of an SOF marker.
    pub(crate) fn parse(marker: u8, segment: &[u8]) -> Result<Self, Error> {
        let process = process(marker)?;
        let mut fields = Fields(segment);
        match fields.byte()? {
            8 => {}
            12 | 16 => return Err(Error::Unsupported("more than 8 bits a sample")),
            _ => return Err(Error::Corrupt("its samples have an impossible depth")),
        }
        let height = fields.short()?;
        let width = fields.short()?;
        let count = fields.byte()?;
        if width == 0 {
            return Err(Error::Corrupt("it is 0 pixels wide"));
        }
        if height == 0 {
            return Err(Error::Unsupported("the height follows behind the picture"));
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(Error::Unsupported("neither 1, 3 nor 4 components"));
        }
        let mut components = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            components.push(component(&mut fields, &components)?);
        }
        if !fields.is_empty() {
            return Err(Error::Corrupt("the frame header has a wrong length"));
        }
        Ok(Self {
            process,
            width,
            height,
            components,
        })
    }

    /// The densest sampling, which an MCU is made of.
    pub(crate) fn densest(&self) -> Sampling {
        let all = || self.components.iter().map(|component| component.sampling);
        Sampling {
            horizontal: all().map(|it| it.horizontal).max().unwrap_or(1),
            vertical: all().map(|it| it.vertical).max().unwrap_or(1),
        }
    }
}

/// Is this one of the markers that begin a frame?
pub(crate) fn begins_frame(marker: u8) -> bool {
    // DHT, JPG and DAC lie among them; DHP announces a hierarchy of frames.
    matches!(marker, 0xc0..=0xcf | 0xde) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

fn process(marker: u8) -> Result<Process, Error> {
    match marker {
        0xc0 => Ok(Process::Baseline),
        0xc1 => Ok(Process::Extended),
        0xc2 => Ok(Process::Progressive),
        0xc3 => Err(Error::Unsupported("lossless coding")),
        0xc5..=0xc7 | 0xde => Err(Error::Unsupported("hierarchical coding")),
        _ => Err(Error::Unsupported("arithmetic coding")),
    }
}

fn component(fields: &mut Fields<'_>, before: &[Component]) -> Result<Component, Error> {
    let id = fields.byte()?;
    let (horizontal, vertical) = fields.nibbles()?;
    let quantisation = fields.byte()?;
    if !(1..=4).contains(&horizontal) || !(1..=4).contains(&vertical) {
        return Err(Error::Corrupt("a component's sampling is not 1 to 4"));
    }
    if quantisation > 3 {
        return Err(Error::Corrupt("there are only 4 quantisation tables"));
    }
    if before.iter().any(|other| other.id == id) {
        return Err(Error::Corrupt("two components have the same name"));
    }
    Ok(Component {
        id,
        sampling: Sampling {
            horizontal,
            vertical,
        },
        quantisation,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRAY: [u8; 9] = [8, 0, 5, 0, 7, 1, 1, 0x11, 0];

    fn with(changes: &[(usize, u8)]) -> Vec<u8> {
        let mut segment = GRAY.to_vec();
        for &(at, value) in changes {
            segment[at] = value;
        }
        segment
    }

    #[test]
    fn a_frame_header_is_read() {
        let frame = Frame::parse(0xc2, &GRAY).unwrap();
        assert_eq!(frame.process, Process::Progressive);
        assert_eq!((frame.width, frame.height), (7, 5));
        assert_eq!(frame.densest().horizontal, 1);
    }

    #[test]
    fn other_processes_and_depths_are_unsupported() {
        for marker in [
            0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf, 0xde,
        ] {
            assert!(begins_frame(marker));
            let result = Frame::parse(marker, &GRAY);
            assert!(matches!(result, Err(Error::Unsupported(_))), "{marker:x}");
        }
        for changes in [[(0, 12), (0, 12)], [(1, 0), (2, 0)], [(5, 2), (5, 2)]] {
            let result = Frame::parse(0xc0, &with(&changes));
            assert!(matches!(result, Err(Error::Unsupported(_))), "{changes:?}");
        }
    }

    #[test]
    fn nonsense_is_corrupt() {
        for changes in [
            (0, 9),
            (4, 0),
            (7, 0x01),
            (7, 0x10),
            (7, 0x51),
            (8, 4),
            (5, 3),
        ] {
            let result = Frame::parse(0xc0, &with(&[changes]));
            assert!(matches!(result, Err(Error::Corrupt(_))), "{changes:?}");
        }
        let long = [&GRAY[..], &[0]].concat();
        assert!(matches!(Frame::parse(0xc0, &long), Err(Error::Corrupt(_))));
    }
}
