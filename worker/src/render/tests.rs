//! Pictures in, pictures out: what a viewer would see.

use image::{DynamicImage, GrayImage, ImageBuffer, ImageEncoder, Luma, Rgb, RgbaImage};
use proptest::prelude::*;
use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::format::{Format, SourceFormat};
use thumbmill_shared::transform::VariantRequest;
use thumbmill_tests::pictures::{
    CORNERS, assert_near, damage, decode, exif, jpeg, photo, png, webp,
};

use super::*;

mod asked;
mod canonical;
mod refused;

const LIMITS: Limits = Limits {
    original_pixels: 36_000_000,
    dimension_px: 6000,
    variant_pixels: 36_000_000,
    avif_pixels: 4_000_000,
    memory_bytes: 256 << 20,
    missing_end: MissingEnd::Refuse,
};

/// Renders one variant.
fn rendered_bytes(original: &[u8], request: &str) -> Vec<u8> {
    let request: VariantRequest = serde_json::from_str(request).unwrap();
    let transform = request.literal(Format::Jpeg, Format::Jpeg);
    let deadline = Deadline::after(Duration::from_mins(1));
    render(
        original,
        &[transform],
        &LIMITS,
        Encoding::default(),
        deadline,
    )
    .unwrap()
    .remove(0)
    .unwrap()
    .bytes
}

/// Renders one variant and decodes it; `auto` formats and defaults are those of JPEG.
fn rendered(original: &[u8], request: &str) -> Result<DynamicImage, RenderError> {
    let request: VariantRequest = serde_json::from_str(request).unwrap();
    let transform = request.literal(Format::Jpeg, Format::Jpeg);
    let deadline = Deadline::after(Duration::from_mins(1));
    let rendered = render(
        original,
        std::slice::from_ref(&transform),
        &LIMITS,
        Encoding::default(),
        deadline,
    )?
    .remove(0)?;
    let picture = decode(&rendered.bytes);
    assert_eq!(
        (picture.width(), picture.height()),
        (rendered.width_px, rendered.height_px)
    );
    assert_eq!(
        sniff::sniff(&rendered.bytes).map(Format::from),
        Ok(transform.format)
    );
    Ok(picture)
}

fn encoded(format: SourceFormat, image: &DynamicImage) -> Vec<u8> {
    match format {
        SourceFormat::Jpeg => jpeg(image),
        SourceFormat::Png => png(image),
        SourceFormat::Webp => webp(image),
    }
}

/// The middle of each corner's patch.
fn corners(picture: &DynamicImage) -> [Rgb<u8>; 4] {
    let picture = picture.to_rgb8();
    let (width, height) = picture.dimensions();
    let (x, y) = (width / 16, height / 16);
    [
        (x, y),
        (width - 1 - x, y),
        (x, height - 1 - y),
        (width - 1 - x, height - 1 - y),
    ]
    .map(|(x, y)| *picture.get_pixel(x, y))
}

#[test]
fn every_orientation_of_every_format_comes_out_upright() {
    for format in SourceFormat::ALL {
        for orientation in 1..=8 {
            let upright = DynamicImage::from(photo(240, 160));
            // What a camera stores so that the orientation turns it upright.
            let stored = match orientation {
                1 => upright,
                2 => upright.fliph(),
                3 => upright.rotate180(),
                4 => upright.flipv(),
                5 => upright.rotate270().flipv(),
                6 => upright.rotate270(),
                7 => upright.rotate90().flipv(),
                _ => upright.rotate90(),
            };
            let bytes = encoded(format, &stored);
            let tagged = match format {
                SourceFormat::Jpeg => exif::jpeg(&bytes, orientation),
                SourceFormat::Png => exif::png(&bytes, orientation),
                SourceFormat::Webp => {
                    exif::webp(&bytes, (stored.width(), stored.height()), orientation)
                }
            };
            let whole = rendered(&tagged, r#"{"width":120,"format":"png"}"#).unwrap();
            assert_eq!(
                (whole.width(), whole.height()),
                (120, 80),
                "{format:?} {orientation}"
            );
            for (found, expected) in corners(&whole).into_iter().zip(CORNERS) {
                assert_near(found, expected, 16);
            }
            // The cut is made in stored axes: it must be the same part of the upright picture.
            let cut = rendered(&tagged, r#"{"width":60,"height":80,"format":"png"}"#)
                .unwrap()
                .into_rgb8();
            let expected = rendered(
                &png(&photo(240, 160).into()),
                r#"{"width":60,"height":80,"format":"png"}"#,
            );
            for (found, expected) in cut.pixels().zip(expected.unwrap().into_rgb8().pixels()) {
                assert_near(*found, *expected, 40);
            }
        }
    }
}

#[test]
fn an_orientation_that_does_not_exist_is_upright() {
    let tagged = exif::jpeg(&jpeg(&photo(240, 160).into()), 9);
    assert_eq!(rendered(&tagged, r#"{"width":120}"#).unwrap().height(), 80);
}

/// With Huffman tables of its own each channel has a scan of its own. A decoder that we used
/// before showed such pictures in other colours.
#[test]
fn a_flat_jpeg_keeps_its_colour() {
    for side in [16u16, 64, 400] {
        let samples = [200, 100, 50].repeat(usize::from(side) * usize::from(side));
        let mut flat = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut flat, 90);
        encoder.set_optimized_huffman_tables(true);
        encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
        encoder
            .encode(&samples, side, side, jpeg_encoder::ColorType::Rgb)
            .unwrap();
        let picture = rendered(&flat, r#"{"width":10}"#).unwrap().into_rgb8();
        assert_near(*picture.get_pixel(5, 5), Rgb([200, 100, 50]), 2);
    }
}

/// What our encoder writes must be a good original, too.
#[test]
fn a_thumbnail_can_be_an_original() {
    for (width, height) in [(240, 160), (237, 155), (97, 203)] {
        let large = rendered_bytes(
            &png(&photo(width, height).into()),
            r#"{"format":"jpg","quality":95}"#,
        );
        let expected = decode(&large).into_rgb8();
        let found = rendered(&large, r#"{"format":"png"}"#).unwrap().into_rgb8();
        for (found, expected) in found.pixels().zip(expected.pixels()) {
            // Decoders differ in how they smooth chroma at edges.
            assert_near(*found, *expected, 100);
        }
        let difference = |(a, b): (&Rgb<u8>, &Rgb<u8>)| {
            (0..3).map(|n| u64::from(a[n].abs_diff(b[n]))).sum::<u64>()
        };
        let sum: u64 = found.pixels().zip(expected.pixels()).map(difference).sum();
        let samples = u64::from(width) * u64::from(height) * 3;
        assert!(
            sum < 3 * samples,
            "{width}x{height}: {sum} over {samples} samples"
        );
    }
}

#[test]
fn every_format_becomes_every_format() {
    for source in SourceFormat::ALL {
        for target in SourceFormat::ALL.map(Format::from) {
            let request = format!(r#"{{"width":120,"format":"{target}","quality":90}}"#);
            let picture = rendered(&encoded(source, &photo(240, 160).into()), &request).unwrap();
            for (found, expected) in corners(&picture).into_iter().zip(CORNERS) {
                assert_near(found, expected, 16);
            }
        }
    }
}

#[test]
fn without_a_size_the_picture_keeps_its_pixels() {
    let original = photo(123, 77);
    let picture = rendered(&png(&original.clone().into()), r#"{"format":"png"}"#).unwrap();
    assert_eq!(picture.into_rgb8(), original);
}

/// An edge of the cut that rounding put a hair outside the picture was once taken for damage.
#[test]
fn every_cut_is_made() {
    for (width, height) in [(120, 180), (1000, 999), (77, 31)] {
        let original = png(&photo(width, height).into());
        for (w, h) in [(30, 70), (120, 120), (99, 98), (7, 13), (31, 77), (250, 3)] {
            let picture = rendered(
                &original,
                &format!(r#"{{"width":{w},"height":{h},"format":"png"}}"#),
            )
            .unwrap();
            assert_eq!(
                (picture.width(), picture.height()),
                (w, h),
                "of {width}x{height}"
            );
        }
    }
}

#[test]
fn bars_are_exactly_black_and_opaque() {
    let original = png(&RgbaImage::from_pixel(90, 60, [200, 100, 50, 128].into()).into());
    let picture = rendered(
        &original,
        r#"{"width":60,"height":60,"fit":"contain","format":"png"}"#,
    )
    .unwrap()
    .into_rgba8();
    assert_eq!(picture.dimensions(), (60, 60));
    for (_, y, pixel) in picture.enumerate_pixels() {
        let bar = !(10..50).contains(&y);
        if bar {
            assert_eq!(pixel.0, [0, 0, 0, 255], "row {y}");
        } else {
            // Premultiplying rounds.
            assert!(
                pixel
                    .0
                    .iter()
                    .zip([200, 100, 50, 128])
                    .all(|(found, expected)| found.abs_diff(expected) <= 1)
            );
        }
    }
}

#[test]
fn transparent_pixels_do_not_bleed_into_others() {
    // Invisible green beside opaque red: a resize that forgets alpha shows green.
    let image = RgbaImage::from_fn(64, 64, |x, _| {
        if x < 32 {
            [0, 255, 0, 0].into()
        } else {
            [255, 0, 0, 255].into()
        }
    });
    for target in ["png", "webp"] {
        let request = format!(r#"{{"width":15,"format":"{target}","quality":100}}"#);
        let picture = rendered(&png(&image.clone().into()), &request)
            .unwrap()
            .into_rgba8();
        for pixel in picture.pixels().filter(|pixel| pixel[3] > 20) {
            assert!(pixel[1] < 40, "{pixel:?} in {target}");
        }
    }
}

#[test]
fn jpeg_shows_what_is_transparent_on_black() {
    let half = png(&RgbaImage::from_pixel(32, 32, [200, 100, 50, 128].into()).into());
    let picture = rendered(&half, r#"{"format":"jpg","quality":100}"#)
        .unwrap()
        .into_rgb8();
    assert_near(*picture.get_pixel(16, 16), Rgb([100, 50, 25]), 4);
}

#[test]
fn gray_palette_and_sixteen_bits_become_what_they_show() {
    let gray = GrayImage::from_pixel(40, 40, Luma([77]));
    let deep: ImageBuffer<Rgb<u16>, _> =
        ImageBuffer::from_pixel(40, 40, Rgb([0x1234, 0x8080, 0xffff]));
    let mut palette = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut palette, 40, 40);
    encoder.set_color(::png::ColorType::Indexed);
    encoder.set_palette(vec![10, 20, 30, 200, 100, 50]);
    encoder.set_trns(vec![255, 128]);
    encoder
        .write_header()
        .unwrap()
        .write_image_data(&[1; 1600])
        .unwrap();
    let table = [
        (png(&gray.clone().into()), [77, 77, 77, 255]),
        (jpeg(&gray.into()), [77, 77, 77, 255]),
        (
            png(&DynamicImage::ImageRgb16(deep)),
            [0x12, 0x80, 0xff, 255],
        ),
        (palette, [200, 100, 50, 128]),
    ];
    for (original, expected) in table {
        let picture = rendered(&original, r#"{"width":20,"format":"png"}"#)
            .unwrap()
            .into_rgba8();
        let found = picture.get_pixel(10, 10).0;
        assert!(
            found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 2),
            "{found:?} is not {expected:?}"
        );
    }
}

#[test]
fn colours_are_converted_to_srgb_and_the_profile_is_gone() {
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let image = image::RgbImage::from_pixel(32, 32, Rgb([200, 100, 50]));
    for (profile, expected) in [
        (profile, Rgb([0xd7, 0x5d, 0x1f])),
        (b"not a profile".to_vec(), Rgb([200, 100, 50])),
    ] {
        let mut original = Vec::new();
        let mut encoder = image::codecs::png::PngEncoder::new(&mut original);
        encoder.set_icc_profile(profile).unwrap();
        encoder
            .write_image(image.as_raw(), 32, 32, image::ExtendedColorType::Rgb8)
            .unwrap();
        let picture = rendered(&original, r#"{"width":16,"format":"png"}"#).unwrap();
        assert_near(*picture.into_rgb8().get_pixel(8, 8), expected, 2);
    }
    let tagged = exif::jpeg(&jpeg(&photo(60, 40).into()), 6);
    let bytes = rendered_bytes(&tagged, r#"{"width":20}"#);
    assert!(
        !bytes.windows(4).any(|window| window == b"Exif"),
        "metadata is stripped"
    );
}

#[test]
fn one_decode_serves_all_variants_and_one_that_fails_does_not_hurt_the_others() {
    let requests = [
        r#"{"width":30}"#,
        r#"{"width":7000}"#,
        r#"{"height":10,"format":"webp"}"#,
    ];
    let transforms = requests.map(|request| {
        serde_json::from_str::<VariantRequest>(request)
            .unwrap()
            .literal(Format::Jpeg, Format::Jpeg)
    });
    let original = jpeg(&photo(60, 40).into());
    let variants = render(
        &original,
        &transforms,
        &LIMITS,
        Encoding::default(),
        Deadline::after(Duration::from_secs(9)),
    )
    .unwrap();
    let [Ok(first), Err(RenderError::TooManyPixels(_)), Ok(third)] = &variants[..] else {
        panic!("{variants:?}")
    };
    assert_eq!((first.width_px, third.height_px), (30, 10));
}
