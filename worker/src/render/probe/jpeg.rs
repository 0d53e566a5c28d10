//! JPEG by zune-jpeg.

use image::metadata::Orientation;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::{Decoder, Header};
use crate::render::RenderError;
use crate::render::geometry::Size;
use crate::render::pixels::{Channels, Pixels};

/// A JPEG whose header has been read.
pub(in crate::render) struct Jpeg<'a> {
    decoder: JpegDecoder<ZCursor<&'a [u8]>>,
    size: Size,
    channels: Channels,
}

/// Reads the header.
pub(super) fn probe(bytes: &[u8]) -> Result<Header<'_>, RenderError> {
    // The sides of a JPEG have 16 bits; our own limits are checked on what is read here.
    let sides = usize::from(u16::MAX);
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(sides)
        .set_max_height(sides);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(corrupt)?;
    let (colours, channels) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (ColorSpace::Luma, Channels::Gray),
        // Whatever else it is stored as, RGB is what it shows.
        _ => (ColorSpace::RGB, Channels::Rgb),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(colours));
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let side = |px: usize| u32::try_from(px).unwrap_or(u32::MAX);
    let stored = Size {
        width: side(width),
        height: side(height),
    };
    let orientation = decoder
        .exif()
        .and_then(|exif| Orientation::from_exif_chunk(exif));
    let profile = decoder.icc_profile();
    let decoder = Decoder::Jpeg(Box::new(Jpeg {
        decoder,
        size: stored,
        channels,
    }));
    Ok(Header {
        decoder,
        stored,
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        profile,
    })
}

impl Jpeg<'_> {
    /// Decodes the stored picture.
    pub(in crate::render) fn decode(mut self) -> Result<Pixels, RenderError> {
        let samples = self.decoder.decode().map_err(corrupt)?;
        let pixels = Pixels::new(self.size, samples, self.channels);
        pixels.ok_or_else(|| RenderError::Corrupt("it has too few pixels".to_owned()))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn corrupt(error: DecodeErrors) -> RenderError {
    RenderError::Corrupt(error.to_string())
}
