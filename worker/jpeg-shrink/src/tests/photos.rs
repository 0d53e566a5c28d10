//! Photographs that libjpeg-turbo encoded: `tests/data/photos`.

use super::files::{Kind, SAMPLINGS, encoded, photo};
use super::{
    Crop, SCALES, Scale, assert_crop_is_part, boxed, by_zune, mean_difference, read_header, whole,
};
use crate::Process;

macro_rules! photo {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!("../../../../tests/data/photos/", $name)).as_slice(),
        )
    };
}

/// What they are called, and their bytes.
const PHOTOS: [(&str, &[u8]); 5] = [
    photo!("rocket-420.jpg"),
    photo!("chelsea-422-restarts.jpg"),
    photo!("chelsea-gray.jpg"),
    photo!("astronaut-progressive-444.jpg"),
    photo!("coffee-progressive-420.jpg"),
];

#[test]
fn photographs_match_another_decoder() {
    for (name, bytes) in PHOTOS {
        let ours = whole(bytes, Scale::Full);
        let difference = mean_difference(&ours.to_rgb(), &by_zune(bytes));
        assert!(difference < 0.3, "{name}: {difference}");
    }
}

#[test]
fn smaller_photographs_match_a_box_filter_behind_the_full_one() {
    for (name, bytes) in PHOTOS {
        let full = whole(bytes, Scale::Full);
        // Fur and hair have much between the frequencies that are left out and a box.
        for (scale, side, most) in [
            (Scale::Half, 2, 1.5),
            (Scale::Quarter, 4, 1.2),
            (Scale::Eighth, 8, 0.15),
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
    for (name, bytes) in PHOTOS {
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
        let (one, other) = (whole(one, scale), whole(other, scale));
        assert!(one.planes == other.planes, "{what} {scale:?}");
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
fn restarts_in_scans_of_one_component_change_nothing() {
    let (first_four, apart) = SAMPLINGS.split_at(4);
    let gray = first_four.iter().take(1).map(|sampling| (true, *sampling));
    for (gray, sampling) in gray.chain(apart.iter().map(|sampling| (false, *sampling))) {
        let plain = Kind {
            gray,
            sampling,
            ..Kind::default()
        };
        let restarts = Kind {
            restart_interval: 7,
            ..plain.clone()
        };
        let picture = photo(83, 61);
        let (plain, restarts) = (encoded(&picture, &plain), encoded(&picture, &restarts));
        let scans = if gray { 1 } else { 3 };
        assert_eq!((scans_of(&plain), scans_of(&restarts)), (scans, scans));
        assert!(restarts.windows(2).any(|pair| pair == b"\xff\xd3"));
        assert_same_planes(&plain, &restarts, &format!("{sampling:?}"));
    }
}

#[test]
fn a_scan_for_each_component_changes_nothing() {
    // The encoder writes scans of one component when it makes tables of its own. With restarts
    // those lack codes that it needs.
    for sampling in SAMPLINGS.into_iter().take(4) {
        let together = Kind {
            sampling,
            ..Kind::default()
        };
        let apart = Kind {
            optimized: true,
            ..together.clone()
        };
        let picture = photo(83, 61);
        let (together, apart) = (encoded(&picture, &together), encoded(&picture, &apart));
        assert_eq!((scans_of(&together), scans_of(&apart)), (1, 3));
        assert_same_planes(&together, &apart, &format!("{sampling:?}"));
    }
}

fn scans_of(bytes: &[u8]) -> usize {
    bytes.windows(2).filter(|pair| *pair == b"\xff\xda").count()
}
