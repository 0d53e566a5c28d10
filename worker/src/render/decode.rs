//! Makes pixels of a picture whose header has passed: 8 bits a sample, in few channels.

use image::{DynamicImage, ImageDecoder};

use super::RenderError;
use super::geometry::Size;
use super::pixels::{Channels, Pixels};
use super::probe::{Header, guarded};

/// Decodes the stored picture; it is not upright yet.
pub(super) fn decode(header: Header<'_>) -> Result<Pixels, RenderError> {
    let decoded = guarded(|| {
        let decoder = header.into_decoder();
        let (width, height) = decoder.dimensions();
        let image = DynamicImage::from_decoder(decoder)?;
        // Gray with alpha is rare; the other steps know it as RGBA.
        let (channels, samples) = match image {
            DynamicImage::ImageLuma8(_) | DynamicImage::ImageLuma16(_) => {
                (Channels::Gray, image.into_luma8().into_raw())
            }
            DynamicImage::ImageRgb8(_)
            | DynamicImage::ImageRgb16(_)
            | DynamicImage::ImageRgb32F(_) => (Channels::Rgb, image.into_rgb8().into_raw()),
            _ => (Channels::Rgba, image.into_rgba8().into_raw()),
        };
        Ok((Size { width, height }, samples, channels))
    })?;
    let (size, samples, channels) = decoded;
    Pixels::new(size, samples, channels)
        .ok_or_else(|| RenderError::Corrupt("it has too few pixels".to_owned()))
}
