//! Photographs that libjpeg-turbo encoded: `tests/data/photos`.

use super::files::{Kind, SAMPLINGS, encoded, photo};
use super::{
    Crop, SCALES, Scale, assert_crop_is_part, boxed, by_zune, mean_difference, read_header, whole,
};
use crate::{Picture, Process};

macro_rules! photo {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!("../../../../tests/data/photos/", $name)).as_slice(),
        )
    };
}

/// What they are called, their bytes, and how far the other decoder may be away at full size: it
/// interpolates chroma in its own way.
const PHOTOS: [((&str, &[u8]), f64); 5] = [
    (photo!("rocket-420.jpg"), 1.0),
    (photo!("chelsea-422-restarts.jpg"), 1.0),
    (photo!("chelsea-gray.jpg"), 0.3),
    (photo!("astronaut-progressive-444.jpg"), 0.3),
    (photo!("coffee-progressive-420.jpg"), 1.0),
];

#[test]
fn photographs_match_another_decoder() {
    for ((name, bytes), most) in PHOTOS {
        let ours = whole(bytes, Scale::Full);
        let difference = mean_difference(&ours.to_rgb(), &by_zune(bytes));
        assert!(difference < most, "{name}: {difference}");
    }
}

#[test]
fn smaller_photographs_match_a_box_filter_behind_the_full_one() {
    for ((name, bytes), _) in PHOTOS {
        let full = whole(bytes, Scale::Full);
        for (scale, side, most) in [
            (Scale::Half, 2, 1.2),
            (Scale::Quarter, 4, 1.6),
            (Scale::Eighth, 8, 0.6),
        ] {
            let small = whole(bytes, scale);
            for (plane, full) in small.planes.iter().zip(&full.planes) {
                let (width, height, expected) = boxed(full, side);
                let rows = plane.samples.chunks(plane.width).take(height);
                let ours: Vec<u8> = rows.flat_map(|row| row[..width].to_vec()).collect();
                let difference = mean_difference(&ours, &expected);
                assert!(difference < most, "{name} {scale:?}: {difference}");
            }
        }
    }
}

#[test]
fn a_part_of_a_photograph_is_cut_from_the_whole() {
    for ((name, bytes), _) in PHOTOS {
        for scale in SCALES {
            let all = whole(bytes, scale);
            let wanted = Crop {
                left: all.full_width / 4,
                top: all.full_height / 3,
                width: all.full_width / 2,
                height: all.full_height / 3,
            };
            assert_crop_is_part(bytes, scale, wanted, name);
        }
    }
}

fn assert_same_planes(one: &[u8], other: &[u8], what: &str) {
    for scale in SCALES {
        let planes = |bytes| -> Picture { whole(bytes, scale) };
        assert!(
            planes(one).planes == planes(other).planes,
            "{what} {scale:?}"
        );
    }
}

#[test]
fn restarts_in_a_progressive_photograph_change_nothing() {
    let (_, plain) = photo!("coffee-progressive-420.jpg");
    let (_, restarts) = photo!("coffee-progressive-420-restarts.jpg");
    assert_eq!(read_header(restarts).unwrap().process, Process::Progressive);
    // In each of its ten scans, a marker behind every fourth MCU.
    let markers = restarts
        .windows(2)
        .filter(|pair| pair[0] == 0xFF && (0xD0..=0xD7).contains(&pair[1]));
    assert_eq!(markers.count(), 956);
    assert_same_planes(plain, restarts, "restarts");
}

#[test]
fn a_scan_for_each_component_changes_nothing() {
    for sampling in SAMPLINGS {
        for restart_interval in [0, 7] {
            let together = Kind {
                sampling,
                restart_interval,
                ..Kind::default()
            };
            // The encoder writes scans of one component when it makes tables of its own.
            let apart = Kind {
                optimized: true,
                ..together.clone()
            };
            let picture = photo(83, 61);
            let (together, apart) = (encoded(&picture, &together), encoded(&picture, &apart));
            let scans = |bytes: &[u8]| bytes.windows(2).filter(|it| *it == b"\xff\xda").count();
            assert_eq!((scans(&together), scans(&apart)), (1, 3));
            assert_same_planes(&together, &apart, &format!("{sampling:?}"));
        }
    }
}
