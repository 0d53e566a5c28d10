//! Photographs that libwebp encoded: `tests/data/photos`.

use thumbmill_webp_shrink::{Coding, Crop, Options, Plane, Scale, read_header};

use crate::drawn::{assert_as_libwebp, at, decoded};
use crate::scaled::{SCALES, averaged, part, planes};

const LOSSY: &[u8] = include_bytes!("../../../../tests/data/photos/rocket.webp");
const LOSSLESS: &[u8] = include_bytes!("../../../../tests/data/photos/chelsea-lossless.webp");

/// Planes, or red, green and blue as such.
fn channels(bytes: &[u8], options: &Options) -> (Crop, Vec<Plane>) {
    let picture = decoded(bytes, options).unwrap();
    let crop = picture.crop;
    if read_header(bytes).unwrap().coding == Coding::Lossy {
        return (crop, planes(picture.pixels));
    }
    let rgb = picture.to_rgb();
    let channel = |at: usize| Plane {
        width: crop.width as usize,
        height: crop.height as usize,
        samples: rgb.iter().skip(at).step_by(3).copied().collect(),
    };
    (crop, (0..3).map(channel).collect())
}

#[test]
fn photographs_equal_libwebps() {
    assert_eq!(read_header(LOSSY).unwrap().coding, Coding::Lossy);
    assert_eq!(read_header(LOSSLESS).unwrap().coding, Coding::Lossless);
    assert_as_libwebp(LOSSY, "lossy");
    assert_as_libwebp(LOSSLESS, "lossless");
}

#[test]
fn smaller_photographs_are_means_of_boxes() {
    for bytes in [LOSSY, LOSSLESS] {
        let (_, whole) = channels(bytes, &at(Scale::Full));
        for (scale, side) in SCALES {
            let (_, scaled) = channels(bytes, &at(scale));
            assert_eq!(scaled.len(), 3);
            for (ours, whole) in scaled.iter().zip(&whole) {
                assert!(*ours == averaged(whole, side), "{scale:?}");
            }
        }
    }
}

#[test]
fn a_part_of_a_photograph_is_cut_from_the_whole() {
    let crop = Some(Crop {
        x: 3,
        y: 2,
        width: 7,
        height: 5,
    });
    for bytes in [LOSSY, LOSSLESS] {
        for scale in [Scale::Full, Scale::Half, Scale::Quarter, Scale::Eighth] {
            let (_, whole) = channels(bytes, &at(scale));
            let options = Options { crop, ..at(scale) };
            let (place, found) = channels(bytes, &options);
            assert!(place.x <= 3 && place.x + place.width >= 10, "{scale:?}");
            assert!(place.y <= 2 && place.y + place.height >= 7, "{scale:?}");
            // Luma, or red; chroma has a place of its own, and its own test.
            let expected = part(&whole[0].samples, whole[0].width, place, 1);
            assert!(found[0].samples == expected, "{scale:?}");
        }
    }
}
