//! Photographs that Pillow encoded: `tests/data/photos`.

use super::averages::assert_averaged;
use super::pictures::expanded;
use super::{ALL, cut, read};
use crate::{Crop, Options};

/// Bytes and size: RGB, and a palette.
const PHOTOS: [(&[u8], (u32, u32)); 2] = [
    (
        include_bytes!("../../../../tests/data/photos/astronaut.png"),
        (113, 103),
    ),
    (
        include_bytes!("../../../../tests/data/photos/coffee-palette.png"),
        (231, 187),
    ),
];

#[test]
fn photographs_are_read_as_another_reader_reads_them() {
    for (bytes, (width, height)) in PHOTOS {
        let whole = read(bytes, &ALL).unwrap();
        assert_eq!((whole.width, whole.height), (width, height));
        assert!(whole.samples == expanded(bytes), "{width}");
    }
}

#[test]
fn smaller_photographs_and_parts_are_averaged() {
    let crop = Crop {
        x: 11,
        y: 7,
        width: 90,
        height: 71,
    };
    for (bytes, (width, height)) in PHOTOS {
        let whole = expanded(bytes);
        let part = cut(&whole, width, 3, crop);
        for shrink in [(1, 1), (2, 2), (4, 4), (8, 8), (3, 5)] {
            let options = Options { shrink, ..ALL };
            let size = (width as usize, height as usize);
            assert_averaged(&read(bytes, &options).unwrap(), &whole, size, shrink);
            let options = Options {
                crop: Some(crop),
                ..options
            };
            assert_averaged(&read(bytes, &options).unwrap(), &part, (90, 71), shrink);
        }
    }
}
