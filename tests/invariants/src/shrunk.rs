//! The PNG and the WebP decoder by themselves: what they take, and that a crop is a part of the
//! whole.

use std::time::Duration;

use thumbmill_png_shrink as png;
use thumbmill_webp_shrink as webp;

use crate::cost::{measured, processor_time};

const BUDGET_BYTES: u64 = 3 << 20;
/// When a decode is called off, and how long it then may take to end.
const TIME: Duration = Duration::from_millis(100);
const LATE: Duration = Duration::from_secs(1);

/// Of larger pictures not everything is tried: that would take seconds of each.
pub(crate) const MOST_PIXELS: u64 = 1 << 17;

/// Decodes, and checks what that took.
fn within_limits<T>(beside_bytes: u64, decode: impl FnOnce(&dyn Fn() -> bool) -> T) -> T {
    let end = processor_time() + TIME;
    let (result, cost) = measured(|| decode(&|| processor_time() >= end));
    let most = BUDGET_BYTES + beside_bytes;
    assert!(cost.peak_bytes <= most, "{cost:?} in a decode");
    assert!(cost.time <= TIME + LATE, "{cost:?} in a decode");
    result
}

/// A place in a picture: left, top, width, height.
type Place = (u32, u32, u32, u32);

/// A corner, the middle and the last pixel.
fn places((width, height): (u32, u32)) -> [Place; 3] {
    [
        (0, 0, 1, 1),
        (
            width / 3,
            height / 4,
            (width / 3).max(1),
            (height / 2).max(1),
        ),
        (width - 1, height - 1, 1, 1),
    ]
}

/// The part at `place` of rows of `width` pixels with `size` samples each.
fn part(samples: &[u8], width: u32, place: Place, size: usize) -> Vec<u8> {
    let (left, top, across, down) = place;
    let rows = samples.chunks(width as usize * size).skip(top as usize);
    let rows = rows.take(down as usize);
    let cut = rows.flat_map(|row| &row[left as usize * size..][..across as usize * size]);
    cut.copied().collect()
}

/// The PNG decoder's budget, sizes and crops.
pub(crate) fn png(bytes: &[u8]) {
    // Metadata is read before the budget is asked: as much as `read_header` may take.
    const BESIDE_BYTES: u64 = 5 << 20;
    let decode = |crop: Option<Place>, shrink| {
        let options = png::Options {
            shrink,
            crop: crop.map(|(x, y, width, height)| png::Crop {
                x,
                y,
                width,
                height,
            }),
            budget_bytes: BUDGET_BYTES,
        };
        within_limits(BESIDE_BYTES, |cancelled| {
            png::decode(bytes, &options, cancelled)
        })
    };
    let Ok(whole) = decode(None, (1, 1)) else {
        return;
    };
    let size = (whole.width, whole.height);
    if u64::from(size.0) * u64::from(size.1) > MOST_PIXELS {
        return;
    }
    let channels = whole.samples.len() / (size.0 as usize * size.1 as usize);
    for place in places(size) {
        match decode(Some(place), (1, 1)) {
            Ok(found) => assert!(found.samples == part(&whole.samples, size.0, place, channels)),
            Err(error) => assert_eq!(error, png::Error::Cancelled, "{place:?}"),
        }
    }
    match decode(None, (3, 5)) {
        Ok(small) => {
            let expected = (size.0.div_ceil(3), size.1.div_ceil(5));
            assert_eq!((small.width, small.height), expected);
            let pixels = expected.0 as usize * expected.1 as usize;
            assert_eq!(small.samples.len(), pixels * channels);
        }
        Err(error) => assert_eq!(error, png::Error::Cancelled),
    }
}

/// The WebP decoder's budget, sizes and crops.
pub(crate) fn webp(bytes: &[u8]) {
    let Ok(header) = webp::read_header(bytes) else {
        return;
    };
    let small = u64::from(header.width) * u64::from(header.height) <= MOST_PIXELS;
    let scales = [
        (webp::Scale::Full, 1),
        (webp::Scale::Half, 2),
        (webp::Scale::Quarter, 4),
        (webp::Scale::Eighth, 8),
    ];
    // The file's metadata is copied.
    let beside_bytes = 2 * bytes.len() as u64 + (64 << 10);
    for (scale, shrink) in scales {
        // What is large is tried at one size.
        if !small && shrink != 4 {
            continue;
        }
        let decode = |crop: Option<Place>| {
            let options = webp::Options {
                scale,
                crop: crop.map(|(x, y, width, height)| webp::Crop {
                    x,
                    y,
                    width,
                    height,
                }),
                budget_bytes: BUDGET_BYTES,
            };
            within_limits(beside_bytes, |cancelled| {
                webp::decode(bytes, &options, cancelled)
            })
        };
        let Ok(whole) = decode(None) else {
            continue;
        };
        let size = (whole.full_width, whole.full_height);
        assert_eq!(size.0, header.width.div_ceil(shrink));
        assert_eq!(size.1, header.height.div_ceil(shrink));
        for place in places(size).into_iter().filter(|_| small) {
            match decode(Some(place)) {
                Ok(part) => assert_part(&part, place, &whole),
                Err(error) => assert_eq!(error, webp::Error::Cancelled, "{place:?}"),
            }
        }
    }
}

/// Luma and opacity, or samples, are those of the whole.
fn assert_part(found: &webp::Picture, wanted: Place, whole: &webp::Picture) {
    let crop = found.crop;
    assert!(crop.x <= wanted.0 && crop.x + crop.width >= wanted.0 + wanted.2);
    assert!(crop.y <= wanted.1 && crop.y + crop.height >= wanted.1 + wanted.3);
    let place = (crop.x, crop.y, crop.width, crop.height);
    let cut = |samples: &[u8], size| part(samples, whole.full_width, place, size);
    match (&found.pixels, &whole.pixels) {
        (webp::Pixels::Rgb(found), webp::Pixels::Rgb(whole)) => assert!(*found == cut(whole, 3)),
        (webp::Pixels::Rgba(found), webp::Pixels::Rgba(whole)) => {
            assert!(*found == cut(whole, 4));
        }
        (
            webp::Pixels::Ycbcr { y, alpha, .. },
            webp::Pixels::Ycbcr {
                y: whole_y,
                alpha: whole_alpha,
                ..
            },
        ) => {
            assert!(y.samples == cut(&whole_y.samples, 1));
            if let (Some(alpha), Some(whole)) = (alpha, whole_alpha) {
                assert!(alpha.samples == cut(&whole.samples, 1));
            }
        }
        // Where a frame does not cover its canvas, a part of it may be opaque.
        (webp::Pixels::Rgb(found), webp::Pixels::Rgba(whole)) => {
            let opaque = cut(whole, 4);
            let (pixels, _) = opaque.as_chunks::<4>();
            let rgb = pixels.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]);
            assert!(rgb.eq(found.iter().copied()));
        }
        (found, whole) => panic!("{found:?} is no part of {whole:?}"),
    }
}
