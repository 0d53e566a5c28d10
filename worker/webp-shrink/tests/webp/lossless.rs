//! Lossless pictures are decoded exactly, with every transform.

use thumbmill_webp_shrink::{Coding, read_header};
use webp::PixelLayout::{Rgb, Rgba};

use crate::drawn::{Noise, assert_as_libwebp, drawing, encoded, photo};

#[test]
fn photos_of_all_sizes_equal_libwebps() {
    for size in [(1, 1), (1, 40), (40, 1), (17, 33), (130, 75), (300, 220)] {
        let samples = photo(size.0, size.1);
        for method in [0, 3, 6] {
            for layout in [Rgb, Rgba] {
                let bytes = encoded(&samples, layout, size, |config| {
                    config.lossless = 1;
                    config.method = method;
                });
                assert_as_libwebp(&bytes, &format!("{size:?} by {method}"));
            }
        }
    }
}

#[test]
fn palettes_of_all_sizes_equal_libwebps() {
    for colours in [1, 2, 3, 4, 5, 16, 17, 200] {
        for size in [(1, 1), (9, 7), (61, 40), (203, 111)] {
            let samples = drawing(size.0, size.1, colours);
            for layout in [Rgb, Rgba] {
                let bytes = encoded(&samples, layout, size, |config| {
                    config.lossless = 1;
                    config.exact = 1;
                });
                assert_as_libwebp(&bytes, &format!("{colours} colours, {size:?}"));
            }
        }
    }
}

#[test]
fn many_prefix_codes_and_a_colour_cache_equal_libwebps() {
    // Parts that have nothing in common get codes of their own.
    let size = (400, 300);
    let (photo, drawing) = (photo(size.0, size.1), drawing(size.0, size.1, 200));
    let mut noise = Noise::new(5);
    let samples: Vec<u8> = (0..photo.len())
        .map(|n| match (n / 4 % 400 / 100, n / 1600 / 100) {
            (0, _) => photo[n],
            (1, 1) => noise.below(256) as u8,
            (2, _) => (n / 1600) as u8,
            _ => drawing[n],
        })
        .collect();
    for quality in [0.0, 50.0, 100.0] {
        let bytes = encoded(&samples, Rgba, size, |config| {
            config.lossless = 1;
            config.quality = quality;
            config.method = 6;
        });
        assert_as_libwebp(&bytes, &format!("at {quality}"));
    }
}

#[test]
fn nearly_lossless_pictures_equal_libwebps() {
    let bytes = encoded(&photo(120, 80), Rgb, (120, 80), |config| {
        config.lossless = 1;
        config.near_lossless = 20;
    });
    assert_as_libwebp(&bytes, "nearly lossless");
}

#[test]
fn the_header_names_coding_and_opacity() {
    for (layout, has_alpha) in [(Rgb, false), (Rgba, true)] {
        let bytes = encoded(&photo(21, 34), layout, (21, 34), |config| {
            config.lossless = 1;
        });
        let header = read_header(&bytes).unwrap();
        assert_eq!((header.width, header.height), (21, 34));
        assert_eq!(
            (header.coding, header.has_alpha),
            (Coding::Lossless, has_alpha)
        );
    }
}
