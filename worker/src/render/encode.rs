//! Makes bytes of pixels, without any metadata.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use thumbmill_jpeg_write::{Components, Plane, Process, Sampling, write, ycbcr_from_rgb};
use thumbmill_shared::format::Format;
use thumbmill_shared::transform::Quality;

use super::RenderError;
use super::frame::{BLACK, flatten};
use super::picture::Planes;
use super::pixels::{Channels, Pixels};
use super::plan::Size;

// No format of a request is AVIF yet.
#[cfg(test)]
mod avif;
mod palette;

/// zlib's own default.
const PNG_LEVEL: u8 = 6;
/// libwebp's own default, from 0 (fast) to 6 (small).
const WEBP_METHOD: i32 = 4;

/// Encodes a picture. A PNG is exact at 100 and without a quality; below it has a palette.
pub(super) fn encode(
    pixels: Pixels,
    format: Format,
    quality: Option<Quality>,
) -> Result<Vec<u8>, RenderError> {
    let lossy = quality.unwrap_or(Quality::DEFAULT);
    match format {
        Format::Jpeg => jpeg(&flatten(pixels, BLACK), lossy),
        Format::Png => match quality.map(Quality::percent) {
            None | Some(100..) => png(&pixels),
            Some(percent) => palette::palette(&pixels, percent, PNG_LEVEL),
        },
        Format::Webp => webp(pixels, lossy),
    }
}

/// Encodes a 4:2:0 picture as a JPEG, as it is.
pub(super) fn planes(planes: &Planes, quality: Option<Quality>) -> Result<Vec<u8>, RenderError> {
    let [cb, cr] = &planes.chroma;
    let components = Components::Ycbcr {
        y: plane(&planes.luma),
        cb: plane(cb),
        cr: plane(cr),
        sampling: Sampling::Quarter,
    };
    write_jpeg(&components, quality.unwrap_or(Quality::DEFAULT))
}

fn jpeg(pixels: &Pixels, quality: Quality) -> Result<Vec<u8>, RenderError> {
    let Size { width, height } = pixels.size();
    if pixels.channels() == Channels::Gray {
        return write_jpeg(&Components::Gray(plane(pixels)), quality);
    }
    let converted = ycbcr_from_rgb(pixels.samples(), width, height, Sampling::Quarter)
        .map_err(|error| refused(&error))?;
    write_jpeg(&converted.components(), quality)
}

/// Baseline, with Huffman tables made for this picture.
fn write_jpeg(components: &Components<'_>, quality: Quality) -> Result<Vec<u8>, RenderError> {
    write(components, quality.percent(), Process::Baseline).map_err(|error| refused(&error))
}

fn plane(pixels: &Pixels) -> Plane<'_> {
    let Size { width, height } = pixels.size();
    Plane {
        samples: pixels.samples(),
        width,
        height,
    }
}

fn png(pixels: &Pixels) -> Result<Vec<u8>, RenderError> {
    let Size { width, height } = pixels.size();
    let colours = match pixels.channels() {
        Channels::Gray => ExtendedColorType::L8,
        Channels::Rgb => ExtendedColorType::Rgb8,
        Channels::Rgba | Channels::Cmyk => ExtendedColorType::Rgba8,
    };
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(
        &mut bytes,
        CompressionType::Level(PNG_LEVEL),
        FilterType::NoFilter,
    );
    encoder
        .write_image(pixels.samples(), width, height, colours)
        .map_err(|error| refused(&error))?;
    Ok(bytes)
}

/// Lossy; alpha is kept exactly.
fn webp(pixels: Pixels, quality: Quality) -> Result<Vec<u8>, RenderError> {
    let Size { width, height } = pixels.size();
    let pixels = pixels.widened(Channels::Rgb);
    let encoder = match pixels.channels() {
        Channels::Gray | Channels::Rgb => webp::Encoder::from_rgb(pixels.samples(), width, height),
        Channels::Rgba | Channels::Cmyk => {
            webp::Encoder::from_rgba(pixels.samples(), width, height)
        }
    };
    let mut config = webp::WebPConfig::new().map_err(|()| refused("WebP has no settings"))?;
    config.quality = f32::from(quality.percent());
    config.method = WEBP_METHOD;
    let bytes = encoder
        .encode_advanced(&config)
        .map_err(|error| refused(&format!("{error:?}")))?;
    Ok(bytes.to_vec())
}

fn refused(why: &(impl ToString + ?Sized)) -> RenderError {
    RenderError::Encode(why.to_string())
}
