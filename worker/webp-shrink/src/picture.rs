//! What decoding gives: planes or samples, and what they are a part of.

use crate::Crop;

/// One channel of a picture: rows without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plane {
    /// Samples in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` samples.
    pub samples: Vec<u8>,
}

/// The pixels of a picture, as its coding stores them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pixels {
    /// From a lossy file. BT.601 in limited range: luma from 16 to 235, chroma from 16 to 240.
    Ycbcr {
        /// Luma, one sample a pixel.
        y: Plane,
        /// Blue difference. Half as many samples in each direction, rounded up.
        u: Plane,
        /// Red difference, of the same size as `u`.
        v: Plane,
        /// Opacity, one sample a pixel. The colours are not multiplied by it.
        alpha: Option<Plane>,
    },
    /// Three samples a pixel: red, green, blue.
    Rgb(Vec<u8>),
    /// Four samples a pixel: red, green, blue and opacity, by which the colours are not multiplied.
    Rgba(Vec<u8>),
}

/// A decoded picture, or the wanted part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width of the whole picture at this scale, in pixels.
    pub full_width: u32,
    /// Height of the whole picture at this scale, in pixels.
    pub full_height: u32,
    /// Where in the whole picture the pixels lie: the crop that was wanted, or a little more.
    pub crop: Crop,
    /// The pixels of `crop`.
    pub pixels: Pixels,
}
