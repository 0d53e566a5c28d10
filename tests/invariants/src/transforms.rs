//! The `transforms` parameter, and what it makes of small pictures of every kind.

use std::sync::LazyLock;

use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use jpeg_encoder::{ColorType, Encoder};
use thumbmill_shared::format::SourceFormat;
use thumbmill_shared::transform::{Operations, VariantRequest};

use crate::asked::{self, Choices};
use crate::cost::measured;
use crate::rendered::Original;
use crate::requests::{REFUSAL, assert_can_be_shown, assert_canonical, json_bytes};

/// How many bytes behind the JSON say what else is asked for, and of which picture.
const CHOOSING: usize = 12;

/// A text is refused with a short text that can be shown, or it is a list of operations that is the
/// same when it is written and read again, and that can be done to any picture.
pub fn transforms(input: &[u8]) {
    let (json, choosing) = input.split_at(input.len().saturating_sub(CHOOSING));
    let json = String::from_utf8_lossy(json);
    let (parsed, cost) = measured(|| Operations::parse(&json));
    let most = json_bytes(json.len());
    assert!(cost.peak_bytes <= most, "{cost:?} for {}", json.len());
    let operations = match parsed {
        Err(error) => return assert_can_be_shown(&error.to_string(), REFUSAL),
        Ok(operations) => operations,
    };
    let again = Operations::parse(&operations.to_string());
    assert_eq!(again.as_ref(), Ok(&operations));
    let choices = &mut Choices::at_the_end_of(choosing);
    let (format, bytes, stored) = &ORIGINALS[choices.one_of(&[0, 1, 2, 3, 4, 5])];
    let request = VariantRequest {
        transforms: Some(operations),
        ..asked::request(choices)
    };
    assert_canonical(&request);
    let original = Original {
        bytes,
        format: *format,
        stored: Some(*stored),
    };
    original.assert_rendered(&[request], asked::encoding(choices));
}

type Drawn = (SourceFormat, Vec<u8>, (u32, u32));

/// With alpha, without, gray, of one pixel, from another decoder, and with its pixels in planes.
static ORIGINALS: LazyLock<[Drawn; 6]> = LazyLock::new(|| {
    let transparent = DynamicImage::from(drawing(23, 17));
    let opaque = DynamicImage::from(DynamicImage::from(drawing(200, 3)).to_rgb8());
    let gray = DynamicImage::from(transparent.to_luma8());
    let size = |picture: &DynamicImage| (picture.width(), picture.height());
    let png = |picture: &DynamicImage| {
        let bytes = written(picture, ImageFormat::Png);
        (SourceFormat::Png, bytes, size(picture))
    };
    let webp = written(&transparent, ImageFormat::WebP);
    [
        png(&transparent),
        png(&opaque),
        png(&gray),
        png(&drawing(1, 1).into()),
        (SourceFormat::Webp, webp, size(&transparent)),
        (SourceFormat::Jpeg, jpeg(&transparent), size(&transparent)),
    ]
});

/// Colours that come from a transparent edge and become more and more opaque.
fn drawing(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, y| {
        let sample = |factor: u32| u8::try_from((x * factor + y * 13) % 256).unwrap_or_default();
        let alpha = if x < 2 || y < 3 { 0 } else { sample(11) };
        Rgba([sample(7), sample(31), sample(3), alpha])
    })
}

fn written(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let result = picture.write_to(&mut bytes, format);
    result.expect("it can be written to memory");
    bytes.into_inner()
}

fn jpeg(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    let side = |px: u32| u16::try_from(px).unwrap_or_default();
    let (width, height) = (side(picture.width()), side(picture.height()));
    let rgb = picture.to_rgb8();
    let result = Encoder::new(&mut bytes, 90).encode(&rgb, width, height, ColorType::Rgb);
    result.expect("it can be written to memory");
    bytes
}
