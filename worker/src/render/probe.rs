//! Reads a picture's header, and nothing more.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{ImageDecoder, ImageError};
use thumbmill_shared::format::Format;

use super::geometry::Size;
use super::{Limits, RenderError};

mod complete;
mod jpeg;

pub(super) use jpeg::Jpeg;

/// What a header says, and the decoder that goes on from there.
pub(super) struct Header<'a> {
    decoder: Decoder<'a>,
    stored: Size,
    orientation: Orientation,
    profile: Option<Vec<u8>>,
}

/// A decoder that has read the header.
pub(super) enum Decoder<'a> {
    /// Of a JPEG.
    Jpeg(Box<Jpeg<'a>>),
    /// Of a PNG or a WebP.
    Other(Box<dyn ImageDecoder + 'a>),
}

/// Reads the header of a picture in `format`.
pub(super) fn probe(bytes: &[u8], format: Format) -> Result<Header<'_>, RenderError> {
    let reader = Cursor::new(bytes);
    guarded(|| match format {
        Format::Jpeg => {
            complete::check(bytes)?;
            jpeg::probe(bytes)
        }
        Format::Png => Ok(other(Box::new(PngDecoder::with_limits(
            reader,
            image::Limits::no_limits(),
        )?))),
        Format::Webp => Ok(other(Box::new(WebPDecoder::new(reader)?))),
    })
}

fn other(mut decoder: Box<dyn ImageDecoder + '_>) -> Header<'_> {
    let (width, height) = decoder.dimensions();
    // What cannot be read here does not keep the picture from being shown.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().unwrap_or_default();
    Header {
        decoder: Decoder::Other(decoder),
        stored: Size { width, height },
        orientation,
        profile,
    }
}

/// Runs a decoder: its panics reach no further.
pub(super) fn guarded<T>(
    decode: impl FnOnce() -> Result<T, RenderError>,
) -> Result<T, RenderError> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(RenderError::Corrupt("its decoder gave up".to_owned())))
}

impl From<ImageError> for RenderError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(_) => Self::OverLimit(format!("the original: {error}")),
            error => Self::Corrupt(error.to_string()),
        }
    }
}

impl<'a> Header<'a> {
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
            return Err(RenderError::OverLimit(text));
        }
        if u64::from(width) * u64::from(height) > limits.original_pixels {
            let limit = limits.original_pixels;
            let text = format!(
                "the original is {width}x{height} pixels, it may not have more than {limit}"
            );
            return Err(RenderError::OverLimit(text));
        }
        Ok(())
    }

    /// How large the picture is once it is upright.
    pub(super) fn upright(&self) -> Size {
        if super::orient::swaps_sides(self.orientation) {
            self.stored.swapped()
        } else {
            self.stored
        }
    }

    /// How the stored picture becomes upright (Exif 2.3, tag 0x0112).
    pub(super) fn orientation(&self) -> Orientation {
        self.orientation
    }

    /// The ICC profile, if there is one.
    pub(super) fn take_profile(&mut self) -> Option<Vec<u8>> {
        self.profile.take()
    }

    /// The decoder, ready to decode.
    pub(super) fn into_decoder(self) -> Decoder<'a> {
        self.decoder
    }
}
