//! Reads a picture's header, and nothing more; checks the limits on it.

use image::metadata::Orientation;
use thumbmill_jpeg_shrink as jpeg;
use thumbmill_png_shrink as png;
use thumbmill_shared::format::SourceFormat;
use thumbmill_webp_shrink as webp;

use super::plan::Size;
use super::{Limits, RenderError};

/// What a header says.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) format: SourceFormat,
    /// The picture's size as it is stored, in pixels.
    pub(super) stored: Size,
    /// How the stored picture becomes upright (Exif 2.3, tag 0x0112).
    pub(super) orientation: Orientation,
    /// The ICC profile, if there is one.
    pub(super) profile: Option<Vec<u8>>,
    /// What its decoder may have to keep of the whole stored picture, beside what it makes.
    pub(super) kept_bytes: u64,
}

/// Reads the header of a picture in `format`.
pub(super) fn probe(bytes: &[u8], format: SourceFormat) -> Result<Header, RenderError> {
    let (size, exif, profile, kept_bits) = match format {
        SourceFormat::Jpeg => {
            let header = jpeg::read_header(bytes)?;
            // A bit for each coefficient that later scans refine.
            let kept_bits = match header.process {
                jpeg::Process::Baseline | jpeg::Process::Extended => 0,
                jpeg::Process::Progressive => header.sampling.len() as u64,
            };
            (
                (header.width, header.height),
                header.exif,
                header.icc,
                kept_bits,
            )
        }
        SourceFormat::Png => {
            let header = png::read_header(bytes)?;
            // All passes have to be there before there is a row.
            let kept_bits = if header.interlaced { 32 } else { 0 };
            (
                (header.width, header.height),
                header.exif,
                header.icc,
                kept_bits,
            )
        }
        SourceFormat::Webp => {
            let header = webp::read_header(bytes)?;
            // What is transparent is decoded whole, and premultiplied whole.
            let kept_bits = if header.has_alpha { 128 } else { 48 };
            (
                (header.width, header.height),
                header.exif,
                header.icc,
                kept_bits,
            )
        }
    };
    let stored = Size {
        width: size.0,
        height: size.1,
    };
    // What cannot be read in it does not keep the picture from being shown.
    let orientation = exif.and_then(|exif| Orientation::from_exif_chunk(&exif));
    Ok(Header {
        format,
        stored,
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        profile,
        kept_bytes: stored.area() as u64 * kept_bits / 8,
    })
}

impl Header {
    /// Checks the limits for originals.
    pub(super) fn check(&self, limits: &Limits) -> Result<(), RenderError> {
        let Size { width, height } = self.stored;
        if width == 0 || height == 0 {
            return Err(RenderError::Corrupt("it has no pixels".to_owned()));
        }
        if width.max(height) > limits.dimension_px {
            let limit = limits.dimension_px;
            let text = format!(
                "the original is {width}x{height} pixels, no side may be longer than {limit}"
            );
            return Err(RenderError::TooManyPixels(text));
        }
        if u64::from(width) * u64::from(height) > limits.original_pixels {
            let limit = limits.original_pixels;
            let text = format!(
                "the original is {width}x{height} pixels, it may not have more than {limit}"
            );
            return Err(RenderError::TooManyPixels(text));
        }
        Ok(())
    }
}
