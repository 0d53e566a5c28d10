use super::*;
use crate::render::plan::Size;

/// What the boxes of the file say, found by their names (ISO/IEC 14496-12 and 23008-12).
#[derive(Debug, PartialEq)]
struct Container {
    brand: [u8; 4],
    /// From `ispe`.
    size: (u32, u32),
    /// Bits of each channel of the coloured item, from `pixi`.
    depths: Vec<u8>,
    /// Is there an item of transparency?
    alpha: bool,
}

impl Container {
    fn of(file: &[u8]) -> Self {
        let find = |name: &[u8]| file.windows(name.len()).position(|part| part == name);
        let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
        let size = find(b"ispe").unwrap() + 8;
        let depths = find(b"pixi").unwrap() + 8;
        let channels = usize::from(file[depths]);
        assert_eq!(&file[4..8], b"ftyp");
        Self {
            brand: file[8..12].try_into().unwrap(),
            size: (number(size), number(size + 4)),
            depths: file[depths + 1..=depths + channels].to_vec(),
            alpha: find(b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha").is_some(),
        }
    }
}

/// A slope of colours with some grain; transparent to the right.
fn slope(width: u32, height: u32, channels: Channels) -> Pixels {
    let samples = (0..height).flat_map(|y| {
        (0..width).flat_map(move |x| {
            let grain = (x * 7 + y * 13) % 11;
            let alpha = 255 - 255 * x / width;
            [x * 200 / width + grain, y * 200 / height, 90 + grain, alpha]
                .into_iter()
                .take(channels.count())
        })
    });
    let samples = samples
        .map(|sample| u8::try_from(sample).unwrap())
        .collect();
    Pixels::new(Size { width, height }, samples, channels).unwrap()
}

#[test]
fn every_kind_of_picture_and_size_becomes_a_file_that_says_so() {
    for (width, height) in [(1, 1), (3, 70), (65, 2), (97, 41)] {
        for channels in [Channels::Gray, Channels::Rgb, Channels::Rgba] {
            let file = avif(slope(width, height, channels), 50, 4).unwrap();
            let expected = Container {
                brand: *b"avif",
                size: (width, height),
                depths: vec![8; 3],
                // A single pixel of the slope is opaque.
                alpha: channels == Channels::Rgba && width > 1,
            };
            assert_eq!(Container::of(&file), expected, "{channels:?}");
        }
    }
}

#[test]
fn a_picture_has_one_file() {
    let file = || avif(slope(80, 60, Channels::Rgba), 70, 3).unwrap();
    assert_eq!(file(), file());
}

#[test]
fn more_quality_is_more_bytes() {
    let bytes = [1, 30, 50, 80, 100].map(|quality| {
        let file = avif(slope(128, 128, Channels::Rgb), quality, 4).unwrap();
        file.len()
    });
    assert!(bytes.is_sorted_by(|a, b| a < b), "{bytes:?}");
}

#[test]
fn more_quality_is_a_finer_step_and_a_busier_picture_a_coarser_one() {
    for busyness in [f32::NEG_INFINITY, 2.0, 3.3, 4.0, 5.1, 9.0] {
        let all: Vec<u8> = (1..=100).map(|q| quantizer(q, busyness)).collect();
        assert!(all.is_sorted_by(|a, b| a >= b), "{busyness}: {all:?}");
        assert_eq!(all.last(), Some(&1));
    }
    for (percent, busyness, expected) in
        [(1, 4.0, 240), (50, 4.0, 145), (80, 5.0, 89), (65, 3.0, 94)]
    {
        assert_eq!(
            quantizer(percent, busyness),
            expected,
            "{percent} {busyness}"
        );
    }
}

#[test]
fn a_picture_is_as_busy_as_its_neighbours_differ() {
    let size = Size {
        width: 4,
        height: 3,
    };
    assert!(busyness(&[7; 12], size).is_infinite());
    // Three differences a row of 16 shades each, and none from row to row: 9 * 256 / 12 = 192.
    let stripes = [0, 16, 32, 16, 0, 16, 32, 16, 0, 16, 32, 16];
    assert!((busyness(&stripes, size) - 192.0f32.log2() / 2.0).abs() < 1e-6);
}

#[test]
fn more_effort_is_less_speed_and_large_pictures_are_quick() {
    let speed = |effort, pixels| av1::speed(effort, pixels);
    assert_eq!(speed(9, 2_000_000), speed(0, 1));
    assert_eq!(
        (speed(9, 70_000), speed(9, 250_000), speed(4, 1_000_000)),
        (1, 2, 8)
    );
    let all: Vec<u8> = (0..=9).map(|effort| speed(effort, 40_000)).collect();
    assert!(all.is_sorted_by(|a, b| a >= b), "{all:?}");
}
