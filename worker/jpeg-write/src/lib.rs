//! JPEG files from planes of samples.
//!
//! What it is for: a thumbnail that was decoded to luma and chroma at 4:2:0 and shrunk there can be written
//! as it is, without growing the chroma to full size and without going through RGB.
//! Sources of RGB go through [`ycbcr_from_rgb`] once.
//!
//! What it knows: ITU T.81 with eight bits a sample, baseline and progressive, Huffman coding with
//! tables made for the picture, and the JFIF header. What it does not know: metadata, profiles,
//! restart intervals, arithmetic coding, more than three components.
//!
//! The quality scale is libjpeg's: the tables of T.81 Annex K, scaled by its rule, so that a number
//! means here what it means elsewhere.

mod baseline;
mod bits;
mod blocks;
mod colour;
mod dct;
mod frame;
mod huffman;
mod markers;
mod progressive;
mod tables;
mod tokens;

pub use colour::{YcbcrPlanes, ycbcr_from_rgb};

use frame::Frame;

/// One component of a picture: row after row, left to right, one byte a sample, no padding.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// `width` × `height` samples.
    pub samples: &'a [u8],
    /// Samples in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// What a picture is made of.
#[derive(Clone, Copy, Debug)]
pub enum Components<'a> {
    /// Brightness alone.
    Gray(Plane<'a>),
    /// Brightness and two differences of colour, as JFIF defines them (BT.601, full range).
    Ycbcr {
        /// Brightness; its size is the picture's.
        y: Plane<'a>,
        /// Blue difference, of the size that `sampling` says.
        cb: Plane<'a>,
        /// Red difference, of the size that `sampling` says.
        cr: Plane<'a>,
        /// How many samples of brightness share one of colour.
        sampling: Sampling,
    },
}

/// How many samples of brightness share one sample of colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// One (4:4:4).
    Full,
    /// Two side by side (4:2:2): chroma planes are half as wide, rounded up.
    Half,
    /// Two by two (4:2:0): chroma planes are half as wide and half as high, rounded up.
    Quarter,
}

impl Sampling {
    /// Samples of brightness for one of colour: across and down.
    const fn factors(self) -> (u8, u8) {
        match self {
            Self::Full => (1, 1),
            Self::Half => (2, 1),
            Self::Quarter => (2, 2),
        }
    }

    /// Width and height of the chroma planes of a picture of `width` × `height` samples.
    pub const fn chroma_size(self, width: u32, height: u32) -> (u32, u32) {
        let (across, down) = self.factors();
        (width.div_ceil(across as u32), height.div_ceil(down as u32))
    }
}

/// In which order the coefficients are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// Top to bottom in one interleaved scan (T.81 Annex F).
    Baseline,
    /// The whole picture coarsely, then finer (T.81 Annex G).
    Progressive,
}

/// Why a picture cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// T.81 counts sides with sixteen bits and knows no empty picture.
    #[error("a JPEG has sides of 1 to 65535, not {width}x{height}")]
    Side {
        /// Samples across.
        width: u32,
        /// Samples down.
        height: u32,
    },
    /// A plane of colour does not have the size that its sampling says.
    #[error("the chroma planes must be {expected:?}, not {found:?}")]
    ChromaSize {
        /// Width and height by the sampling.
        expected: (u32, u32),
        /// Width and height of the plane.
        found: (u32, u32),
    },
    /// A buffer does not hold as many bytes as its sides say.
    #[error("a buffer for {width}x{height} does not have {found} bytes")]
    Length {
        /// Samples or pixels across.
        width: u32,
        /// Samples or pixels down.
        height: u32,
        /// Bytes in the buffer.
        found: usize,
    },
}

/// Writes a whole JPEG file.
///
/// `quality` is libjpeg's, 1 to 100; numbers outside are taken as the nearest end.
///
/// Needs, besides the file itself, four bytes for each coefficient that is not zero and about eight
/// for each block of 64 samples (up to the double while buffers grow); [`Process::Progressive`] keeps
/// all coefficients, 2.4 bytes for each sample of each plane, in addition.
pub fn write(components: &Components, quality: u8, process: Process) -> Result<Vec<u8>, Error> {
    let frame = Frame::new(components)?;
    Ok(match process {
        Process::Baseline => baseline::write(&frame, quality),
        Process::Progressive => progressive::write(&frame, quality),
    })
}

#[cfg(test)]
mod tests;
