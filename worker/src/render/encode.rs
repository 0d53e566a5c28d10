//! Makes bytes of pixels, without any metadata.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use thumbmill_shared::format::Format;
use thumbmill_shared::transform::Quality;

use super::RenderError;
use super::frame::flatten;
use super::geometry::Size;
use super::pixels::{Channels, Pixels};

/// zlib's own default.
const PNG_LEVEL: u8 = 6;
/// libwebp's own default, from 0 (fast) to 6 (small).
const WEBP_METHOD: i32 = 4;

/// Encodes a picture; formats without a quality ignore it.
pub(super) fn encode(
    pixels: Pixels,
    format: Format,
    quality: Option<Quality>,
) -> Result<Vec<u8>, RenderError> {
    let quality = quality.unwrap_or(Quality::DEFAULT);
    match format {
        Format::Jpeg => jpeg(&flatten(pixels), quality),
        Format::Png => png(&pixels),
        Format::Webp => webp(pixels, quality),
    }
}

/// Baseline, 4:2:0, with Huffman tables made for this picture.
fn jpeg(pixels: &Pixels, quality: Quality) -> Result<Vec<u8>, RenderError> {
    let Size { width, height } = pixels.size();
    // T.81, B.2.2: a frame has 16 bits for each side.
    let side =
        |px: u32| u16::try_from(px).map_err(|_| refused("a JPEG has at most 65535 pixels a side"));
    let colours = match pixels.channels() {
        Channels::Gray => ColorType::Luma,
        Channels::Rgb => ColorType::Rgb,
        Channels::Rgba => ColorType::Rgba,
    };
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality.percent());
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_optimized_huffman_tables(true);
    encoder
        .encode(pixels.samples(), side(width)?, side(height)?, colours)
        .map_err(|error| refused(&error))?;
    Ok(bytes)
}

fn png(pixels: &Pixels) -> Result<Vec<u8>, RenderError> {
    let Size { width, height } = pixels.size();
    let colours = match pixels.channels() {
        Channels::Gray => ExtendedColorType::L8,
        Channels::Rgb => ExtendedColorType::Rgb8,
        Channels::Rgba => ExtendedColorType::Rgba8,
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
        Channels::Rgba => webp::Encoder::from_rgba(pixels.samples(), width, height),
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
