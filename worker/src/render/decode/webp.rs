//! WebP, by image-webp.

use std::io::Cursor;

use image::codecs::webp::WebPDecoder;
use image::{ColorType, ImageDecoder, ImageError};

use super::Bounds;
use crate::render::RenderError;
use crate::render::picture::Source;
use crate::render::pixels::{Channels, Pixels};
use crate::render::plan::Size;

/// Reads the header.
pub(in crate::render) fn open(bytes: &[u8]) -> Result<WebPDecoder<Cursor<&[u8]>>, RenderError> {
    Ok(WebPDecoder::new(Cursor::new(bytes))?)
}

/// Decodes the whole picture, of an animation the first frame.
pub(super) fn decode(bytes: &[u8], bounds: Bounds<'_>) -> Result<Source, RenderError> {
    let decoder = open(bytes)?;
    let (width, height) = decoder.dimensions();
    let channels = match decoder.color_type() {
        ColorType::Rgb8 => Channels::Rgb,
        _ => Channels::Rgba,
    };
    let needed_bytes = decoder.total_bytes();
    if needed_bytes > bounds.limits.memory_bytes {
        let budget = bounds.limits.memory_bytes;
        let text = format!("the WebP needs {needed_bytes} bytes of memory, {budget} are allowed");
        return Err(RenderError::TooManyBytes(text));
    }
    let mut pixels = Pixels::black(Size { width, height }, channels);
    decoder.read_image(pixels.samples_mut())?;
    Ok(Source::whole(pixels))
}

impl From<ImageError> for RenderError {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Self::Truncated
            }
            ImageError::Unsupported(error) => Self::Unsupported(error.to_string()),
            error => Self::Corrupt(error.to_string()),
        }
    }
}
