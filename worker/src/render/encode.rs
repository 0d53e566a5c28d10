//! Makes bytes of pixels, without any metadata.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use thumbmill_jpeg_write::{Components, Plane, Process, Sampling, write, ycbcr_from_rgb};
use thumbmill_shared::encoding::{Chroma, Encoding, Scans};
use thumbmill_shared::format::Format;
use thumbmill_shared::transform::{Colour, Quality, Transform};

use super::RenderError;
use super::frame::{BLACK, flatten};
use super::picture::Planes;
use super::pixels::{Channels, Pixels};
use super::plan::Size;

mod avif;
mod palette;

/// Encodes a picture in the format and quality of `transform`. A PNG with a quality has a palette.
pub(super) fn encode(
    pixels: Pixels,
    transform: &Transform,
    encoding: Encoding,
) -> Result<Vec<u8>, RenderError> {
    let quality = transform.quality.unwrap_or(match transform.format {
        Format::Avif => Quality::DEFAULT_AVIF,
        Format::Jpeg | Format::Png | Format::Webp => Quality::DEFAULT,
    });
    match transform.format {
        Format::Jpeg => {
            let background = transform.background.map_or(BLACK, Colour::rgba);
            jpeg(&flatten(pixels, background), quality, encoding)
        }
        Format::Png => match transform.quality {
            None => png(&pixels, encoding),
            Some(quality) => palette::palette(&pixels, quality.percent(), encoding.png_level.get()),
        },
        Format::Webp => webp(pixels, quality, encoding),
        Format::Avif => avif::avif(pixels, quality.percent(), encoding.avif_effort.get()),
    }
}

/// Encodes a picture in planes as a JPEG, as it is.
pub(super) fn planes(
    planes: &Planes,
    transform: &Transform,
    encoding: Encoding,
) -> Result<Vec<u8>, RenderError> {
    let [cb, cr] = &planes.chroma;
    let components = Components::Ycbcr {
        y: plane(&planes.luma),
        cb: plane(cb),
        cr: plane(cr),
        sampling: sampling(encoding),
    };
    write_jpeg(
        &components,
        transform.quality.unwrap_or(Quality::DEFAULT),
        encoding,
    )
}

fn jpeg(pixels: &Pixels, quality: Quality, encoding: Encoding) -> Result<Vec<u8>, RenderError> {
    let Size { width, height } = pixels.size();
    if pixels.channels() == Channels::Gray {
        return write_jpeg(&Components::Gray(plane(pixels)), quality, encoding);
    }
    let converted = ycbcr_from_rgb(pixels.samples(), width, height, sampling(encoding))
        .map_err(|error| refused(&error))?;
    write_jpeg(&converted.components(), quality, encoding)
}

fn sampling(encoding: Encoding) -> Sampling {
    match encoding.jpeg_chroma {
        Chroma::Quarter => Sampling::Quarter,
        Chroma::Full => Sampling::Full,
    }
}

/// With Huffman tables made for this picture.
fn write_jpeg(
    components: &Components<'_>,
    quality: Quality,
    encoding: Encoding,
) -> Result<Vec<u8>, RenderError> {
    let process = match encoding.jpeg_scans {
        Scans::Baseline => Process::Baseline,
        Scans::Progressive => Process::Progressive,
    };
    write(components, quality.percent(), process).map_err(|error| refused(&error))
}

fn plane(pixels: &Pixels) -> Plane<'_> {
    let Size { width, height } = pixels.size();
    Plane {
        samples: pixels.samples(),
        width,
        height,
    }
}

fn png(pixels: &Pixels, encoding: Encoding) -> Result<Vec<u8>, RenderError> {
    let Size { width, height } = pixels.size();
    let colours = match pixels.channels() {
        Channels::Gray => ExtendedColorType::L8,
        Channels::Rgb => ExtendedColorType::Rgb8,
        Channels::Rgba | Channels::Cmyk => ExtendedColorType::Rgba8,
    };
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new_with_quality(
        &mut bytes,
        CompressionType::Level(encoding.png_level.get()),
        FilterType::NoFilter,
    );
    encoder
        .write_image(pixels.samples(), width, height, colours)
        .map_err(|error| refused(&error))?;
    Ok(bytes)
}

/// Lossy; alpha is kept exactly.
fn webp(pixels: Pixels, quality: Quality, encoding: Encoding) -> Result<Vec<u8>, RenderError> {
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
    config.method = i32::from(encoding.webp_effort.get());
    let bytes = encoder
        .encode_advanced(&config)
        .map_err(|error| refused(&format!("{error:?}")))?;
    Ok(bytes.to_vec())
}

fn refused(why: &(impl ToString + ?Sized)) -> RenderError {
    RenderError::Encode(why.to_string())
}
