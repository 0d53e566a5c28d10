//! Pictures that the tests draw themselves: a smooth sky with shapes in its corners, so that
//! sizes, cuts and orientation show.

use anyhow::Context;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, GrayImage, ImageEncoder, Rgb, RgbImage};

pub mod damage;
pub mod exif;
pub mod named;

/// The colours of the corners: top left, top right, bottom left, bottom right.
pub const CORNERS: [Rgb<u8>; 4] = [
    Rgb([220, 40, 40]),
    Rgb([40, 200, 60]),
    Rgb([50, 70, 220]),
    Rgb([230, 210, 40]),
];

/// A photo-like picture with a patch of [`CORNERS`] in each corner, an eighth of each side wide.
pub fn photo(width: u32, height: u32) -> RgbImage {
    let (patch_x, patch_y) = (width.div_ceil(8), height.div_ceil(8));
    RgbImage::from_fn(width, height, |x, y| {
        let (left, right) = (x < patch_x, x >= width - patch_x);
        let (top, bottom) = (y < patch_y, y >= height - patch_y);
        match (top, bottom, left, right) {
            (true, _, true, _) => CORNERS[0],
            (true, _, _, true) => CORNERS[1],
            (_, true, true, _) => CORNERS[2],
            (_, true, _, true) => CORNERS[3],
            _ => {
                let shade = |part: u32, whole: u32, most: u32| (part * most / whole.max(1)) as u8;
                // A fine pattern, so that encoders have some work.
                let grain = ((x * 7 + y * 13) % 11) as u8;
                Rgb([
                    shade(x, width, 180) + grain,
                    shade(y, height, 180) + grain,
                    120 + grain,
                ])
            }
        }
    })
}

/// Fails unless two colours are alike: scaling rings at edges, and encoders lose a little.
pub fn assert_near(found: Rgb<u8>, expected: Rgb<u8>, tolerance: u8) {
    let near = found
        .0
        .iter()
        .zip(expected.0)
        .all(|(found, expected)| found.abs_diff(expected) <= tolerance);
    assert!(near, "{found:?} is not {expected:?} within {tolerance}");
}

/// Encodes as JPEG, quality 90; gray stays gray.
pub fn jpeg(image: &DynamicImage) -> Vec<u8> {
    let (width, height) = (image.width() as u16, image.height() as u16);
    let mut bytes = Vec::new();
    let encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
    let result = match image {
        DynamicImage::ImageLuma8(gray) => {
            encoder.encode(gray, width, height, jpeg_encoder::ColorType::Luma)
        }
        _ => encoder.encode(
            &image.to_rgb8(),
            width,
            height,
            jpeg_encoder::ColorType::Rgb,
        ),
    };
    result.unwrap();
    bytes
}

/// Decodes a JPEG, PNG or WebP, JPEG by another decoder than the service's own.
pub fn decode(bytes: &[u8]) -> DynamicImage {
    try_decode(bytes).unwrap()
}

/// The same of what may be no picture.
pub fn try_decode(bytes: &[u8]) -> anyhow::Result<DynamicImage> {
    if !bytes.starts_with(b"\xff\xd8") {
        return Ok(image::load_from_memory(bytes)?);
    }
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let samples = decoder.decode()?;
    let info = decoder.info().context("no header")?;
    let (width, height) = (info.width.into(), info.height.into());
    let picture = match info.pixel_format {
        jpeg_decoder::PixelFormat::L8 => {
            GrayImage::from_raw(width, height, samples).map(DynamicImage::from)
        }
        _ => RgbImage::from_raw(width, height, samples).map(DynamicImage::from),
    };
    picture.context("too few samples")
}

/// Encodes as PNG.
pub fn png(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(image, PngEncoder::new(&mut bytes));
    bytes
}

/// Encodes as lossless WebP.
pub fn webp(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(image, WebPEncoder::new_lossless(&mut bytes));
    bytes
}

fn write(image: &DynamicImage, encoder: impl ImageEncoder) {
    encoder
        .write_image(
            image.as_bytes(),
            image.width(),
            image.height(),
            image.color().into(),
        )
        .unwrap();
}

/// A photo as JPEG.
pub fn photo_jpeg(width: u32, height: u32) -> Vec<u8> {
    jpeg(&photo(width, height).into())
}
