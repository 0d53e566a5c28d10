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
}

/// Reads the header of a picture in `format`.
pub(super) fn probe(bytes: &[u8], format: SourceFormat) -> Result<Header, RenderError> {
    let (size, exif, profile) = match format {
        SourceFormat::Jpeg => {
            let header = jpeg::read_header(bytes)?;
            ((header.width, header.height), header.exif, header.icc)
        }
        SourceFormat::Png => {
            let header = png::read_header(bytes)?;
            ((header.width, header.height), header.exif, header.icc)
        }
        SourceFormat::Webp => {
            let header = webp::read_header(bytes)?;
            ((header.width, header.height), header.exif, header.icc)
        }
    };
    // What cannot be read in it does not keep the picture from being shown.
    let orientation = exif.and_then(|exif| Orientation::from_exif_chunk(&exif));
    Ok(Header {
        format,
        stored: Size {
            width: size.0,
            height: size.1,
        },
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        profile,
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
