//! What a file says about its picture.

use crate::{Error, container::File};

/// How the pixels are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// VP8 key frames (RFC 6386).
    Lossy,
    /// VP8L (RFC 9649, section 3).
    Lossless,
}

/// What a file says about its picture before any pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Width of the canvas in pixels.
    pub width: u32,
    /// Height of the canvas in pixels.
    pub height: u32,
    /// May there be pixels that are not opaque?
    pub has_alpha: bool,
    /// How the picture, or an animation's first frame, is stored.
    pub coding: Coding,
    /// Is it an animation?
    pub animated: bool,
    /// The ICC profile.
    pub icc: Option<Vec<u8>>,
    /// The EXIF data: a TIFF file.
    pub exif: Option<Vec<u8>>,
}

/// Reads what `bytes` say about their picture.
///
/// # Errors
/// [`Error::Truncated`] if the file ends too early, and [`Error::Corrupt`] if it is no WebP file or
/// contradicts itself.
pub fn read_header(bytes: &[u8]) -> Result<Header, Error> {
    Ok(File::read(bytes)?.header)
}
