//! Makes pixels of a picture whose header has passed: 8 bits a sample, in few channels.

use image::{DynamicImage, ImageDecoder};

use super::RenderError;
use super::geometry::Size;
use super::pixels::{Channels, Pixels};
use super::probe::{Decoder, Header, guarded};

/// Decodes the stored picture; it is not upright yet.
pub(super) fn decode(header: Header<'_>) -> Result<Pixels, RenderError> {
    guarded(|| match header.into_decoder() {
        Decoder::Jpeg(jpeg) => jpeg.decode(),
        Decoder::Other(decoder) => other(decoder),
    })
}

fn other(decoder: Box<dyn ImageDecoder + '_>) -> Result<Pixels, RenderError> {
    let (width, height) = decoder.dimensions();
    let image = DynamicImage::from_decoder(decoder)?;
    let (channels, samples) = match image {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageLuma16(_) => {
            (Channels::Gray, image.into_luma8().into_raw())
        }
        DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgb16(_) | DynamicImage::ImageRgb32F(_) => {
            (Channels::Rgb, image.into_rgb8().into_raw())
        }
        // Gray with alpha is rare; the other steps know it as RGBA.
        _ => (Channels::Rgba, image.into_rgba8().into_raw()),
    };
    let pixels = Pixels::new(Size { width, height }, samples, channels);
    pixels.ok_or_else(|| RenderError::Corrupt("it has too few pixels".to_owned()))
}
