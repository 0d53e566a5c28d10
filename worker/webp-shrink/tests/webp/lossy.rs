//! Lossy pictures are decoded exactly.

use thumbmill_webp_shrink::{Coding, Pixels, Scale, read_header};
use webp::PixelLayout::Rgb;

use crate::drawn::{assert_as_libwebp, at, decoded, encoded, photo};

const SIZES: [(u32, u32); 7] = [
    (1, 1),
    (2, 2),
    (16, 16),
    (17, 33),
    (33, 17),
    (100, 75),
    (257, 130),
];

#[test]
fn pictures_of_all_qualities_and_methods_equal_libwebps() {
    for size in SIZES {
        let samples = photo(size.0, size.1);
        for quality in [0.0, 20.0, 75.0, 100.0] {
            for method in [0, 2, 4, 6] {
                let bytes = encoded(&samples, Rgb, size, |config| {
                    config.quality = quality;
                    config.method = method;
                });
                assert_as_libwebp(&bytes, &format!("{size:?} at {quality} by {method}"));
            }
        }
    }
}

#[test]
fn every_loop_filter_equals_libwebps() {
    let size = (150, 90);
    let samples = photo(size.0, size.1);
    for strong in [0, 1] {
        for strength in [0, 1, 15, 40, 63, 100] {
            for sharpness in [0, 3, 7] {
                let bytes = encoded(&samples, Rgb, size, |config| {
                    config.quality = 30.0;
                    config.filter_type = strong;
                    config.filter_strength = strength;
                    config.filter_sharpness = sharpness;
                    config.autofilter = 0;
                });
                assert_as_libwebp(&bytes, &format!("{strong} {strength} {sharpness}"));
            }
        }
    }
}

#[test]
fn every_number_of_partitions_and_segments_equals_libwebps() {
    let size = (200, 300);
    let samples = photo(size.0, size.1);
    for partitions in 0..4 {
        for segments in 1..=4 {
            let bytes = encoded(&samples, Rgb, size, |config| {
                config.partitions = partitions;
                config.segments = segments;
                config.sns_strength = 90;
                config.pass = 2;
            });
            assert_as_libwebp(
                &bytes,
                &format!("{partitions} partitions, {segments} segments"),
            );
        }
    }
}

#[test]
fn the_header_names_size_and_coding() {
    let bytes = encoded(&photo(31, 14), Rgb, (31, 14), |_| {});
    let header = read_header(&bytes).unwrap();
    assert_eq!((header.width, header.height), (31, 14));
    assert_eq!(header.coding, Coding::Lossy);
    assert!(!header.has_alpha && !header.animated && header.icc.is_none());
}

#[test]
fn planes_have_half_the_chroma_rounded_up() {
    let bytes = encoded(&photo(31, 14), Rgb, (31, 14), |_| {});
    let picture = decoded(&bytes, &at(Scale::Full)).unwrap();
    let Pixels::Ycbcr {
        y,
        u,
        v,
        alpha: None,
    } = picture.pixels
    else {
        panic!("a lossy picture has planes");
    };
    assert_eq!((y.width, y.height), (31, 14));
    assert_eq!((u.width, u.height, v.width, v.height), (16, 7, 16, 7));
}
