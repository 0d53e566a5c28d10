//! Boxes against sums in `f64`.

use super::pictures::{FILTERS, KINDS, expanded, photo};
use super::{ALL, as_rgba, cut, read};
use crate::{Alpha, Crop, Options, Picture};

/// The average of the box at `(x, y)` of a picture of `channels` samples a pixel.
fn average(
    samples: &[u8],
    (width, height): (usize, usize),
    channels: usize,
    (x, y, across, down): (usize, usize, usize, usize),
) -> Vec<f64> {
    let (mut sums, mut weight, mut pixels) = (vec![0.0; channels], 0.0, 0.0);
    for y in y * down..((y + 1) * down).min(height) {
        for x in x * across..((x + 1) * across).min(width) {
            let pixel = &samples[(y * width + x) * channels..][..channels];
            let alpha = if channels == 4 {
                f64::from(pixel[3])
            } else {
                255.0
            };
            for (sum, sample) in sums.iter_mut().zip(&pixel[..channels.min(3)]) {
                *sum += f64::from(*sample) * alpha;
            }
            weight += alpha;
            pixels += 1.0;
        }
    }
    for sum in &mut sums {
        *sum = if weight == 0.0 { 0.0 } else { *sum / weight };
    }
    if channels == 4 {
        sums[3] = weight / pixels;
    }
    sums
}

pub(super) fn assert_averaged(
    found: &Picture,
    samples: &[u8],
    size: (usize, usize),
    shrink: (u32, u32),
) {
    let (across, down) = (shrink.0 as usize, shrink.1 as usize);
    let channels = samples.len() / (size.0 * size.1);
    let (columns, rows) = (size.0.div_ceil(across), size.1.div_ceil(down));
    assert_eq!(
        (found.width as usize, found.height as usize),
        (columns, rows)
    );
    let pixels: Vec<&[u8]> = found.samples.chunks(channels).collect();
    assert_eq!(pixels.len(), columns * rows);
    for (index, pixel) in pixels.iter().enumerate() {
        let place = (index % columns, index / columns, across, down);
        for (found, expected) in pixel.iter().zip(average(samples, size, channels, place)) {
            let off = (f64::from(*found) - expected).abs();
            assert!(off <= 0.5001, "{found} is not {expected} at {place:?}");
        }
    }
}

#[test]
fn boxes_are_averaged_for_every_kind_of_pixel() {
    let (width, height) = (61, 43);
    for kind in KINDS {
        let bytes = photo(kind, width, height, FILTERS[5]);
        let whole = as_rgba(kind, expanded(&bytes));
        let channels = whole.len() / (width * height) as usize;
        let crop = Crop {
            x: 3,
            y: 5,
            width: 40,
            height: 31,
        };
        let part = cut(&whole, width, channels, crop);
        for shrink in [
            (2, 2),
            (7, 7),
            (1, 3),
            (5, 1),
            (61, 43),
            (1000, 2),
            (3, u32::MAX),
        ] {
            let options = Options { shrink, ..ALL };
            let found = read(&bytes, &options).unwrap();
            assert_averaged(&found, &whole, (61, 43), shrink);
            let crop = Some(crop);
            let found = read(&bytes, &Options { crop, ..options }).unwrap();
            assert_averaged(&found, &part, (40, 31), shrink);
        }
    }
}

#[test]
fn high_boxes_do_not_overflow() {
    // Rows of white, some of them with a transparent pixel: over 257 in one box.
    for transparent_every in [usize::MAX, 1, 3] {
        let (width, height) = (5usize, 1000usize);
        let mut samples = vec![255; width * height * 4];
        for row in samples.chunks_mut(width * 4).step_by(transparent_every) {
            row[3] = 0;
        }
        let bytes = super::pictures::rgba(5, 1000, &samples);
        for shrink in [(3, 1000), (2, 700)] {
            let options = Options { shrink, ..ALL };
            let found = read(&bytes, &options).unwrap();
            assert_averaged(&found, &samples, (width, height), shrink);
        }
    }
}

#[test]
fn transparent_pixels_do_not_bleed() {
    let samples = [[200, 100, 50, 255], [0, 255, 0, 0]].concat().repeat(8);
    let bytes = super::pictures::rgba(4, 4, &samples);
    let options = Options {
        shrink: (4, 4),
        ..ALL
    };
    let found = read(&bytes, &options).unwrap();
    assert_eq!(found.samples, [200, 100, 50, 128]);
    assert_eq!(found.alpha, Alpha::Straight);
}

#[test]
fn without_shrink_transparent_pixels_keep_their_colour() {
    let samples = [0, 0, 255, 0].repeat(6);
    let bytes = super::pictures::rgba(3, 2, &samples);
    assert_eq!(read(&bytes, &ALL).unwrap().samples, samples);
}
