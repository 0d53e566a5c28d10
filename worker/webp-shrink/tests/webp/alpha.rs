//! Opacity of lossy pictures is decoded exactly.

use thumbmill_webp_shrink::read_header;
use webp::PixelLayout::Rgba;

use crate::drawn::{assert_as_libwebp, drawing, encoded, photo};

#[test]
fn every_coding_and_filter_equals_libwebps() {
    let sizes = [(1, 1), (17, 33), (150, 90)];
    let drawings = sizes.map(|size| (size, drawing(size.0, size.1, 6)));
    let photos = sizes.map(|size| (size, photo(size.0, size.1)));
    for (size, samples) in photos.into_iter().chain(drawings) {
        for (compression, filtering) in [(0, 0), (1, 0), (1, 1), (1, 2)] {
            for quality in [40, 100] {
                let bytes = encoded(&samples, Rgba, size, |config| {
                    config.alpha_compression = compression;
                    config.alpha_filtering = filtering;
                    config.alpha_quality = quality;
                });
                let what = format!("{size:?} {compression} {filtering} {quality}");
                assert_as_libwebp(&bytes, &what);
            }
        }
    }
}

/// The encoder chooses among the filters; here all of them are stored.
#[test]
fn every_filter_of_stored_opacity_equals_libwebps() {
    let size = (40, 30);
    let bytes = encoded(&photo(size.0, size.1), Rgba, size, |config| {
        config.alpha_compression = 0;
        config.alpha_filtering = 0;
    });
    let head = bytes.windows(4).position(|name| name == b"ALPH").unwrap() + 8;
    for filter in 0..4 {
        let mut bytes = bytes.clone();
        bytes[head] = filter << 2;
        assert_as_libwebp(&bytes, &format!("filter {filter}"));
    }
}

#[test]
fn the_header_tells_of_opacity() {
    let bytes = encoded(&photo(9, 9), Rgba, (9, 9), |_| {});
    assert!(read_header(&bytes).unwrap().has_alpha);
}
