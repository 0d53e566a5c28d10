//! Whole decodes of pictures that are drawn here and encoded by another crate.

mod files;
mod hostile;
mod photos;

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;

use super::*;
use files::{Kind, SAMPLINGS, all_kinds, encoded, encoded_inks, photo};

const SCALES: [Scale; 4] = [Scale::Full, Scale::Half, Scale::Quarter, Scale::Eighth];

fn options(scale: Scale) -> Options {
    Options {
        scale,
        crop: None,
        budget_bytes: 64 << 20,
        missing_end: MissingEnd::Refuse,
    }
}

fn whole(bytes: &[u8], scale: Scale) -> Picture {
    decode(bytes, &options(scale), &|| false).unwrap()
}

/// The picture by another decoder.
fn by_zune(bytes: &[u8]) -> Vec<u8> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode().unwrap()
}

fn mean_difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: u64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.len() as f64
}

/// Averages squares of whole samples.
fn boxed(plane: &Plane, side: usize) -> (usize, usize, Vec<u8>) {
    let (width, height) = (plane.width / side, plane.height / side);
    let at = |x: usize, y: usize| f64::from(plane.samples[y * plane.width + x]);
    let mean = |x: usize, y: usize| {
        let square = (0..side * side).map(|i| at(x * side + i % side, y * side + i / side));
        (square.sum::<f64>() / (side * side) as f64).round() as u8
    };
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    (width, height, places.map(|(x, y)| mean(x, y)).collect())
}

#[test]
fn at_full_size_all_kinds_of_files_match_another_decoder() {
    for kind in all_kinds() {
        let bytes = encoded(&photo(83, 61), &kind);
        let ours = whole(&bytes, Scale::Full);
        assert_eq!((ours.full_width, ours.full_height), (83, 61));
        let difference = mean_difference(&ours.to_rgb(), &by_zune(&bytes));
        // The other decoder interpolates chroma in its own way.
        let most = if kind.sampling == SAMPLINGS[0] {
            0.3
        } else {
            1.5
        };
        assert!(difference < most, "{kind:?}: {difference}");
    }
}

#[test]
fn smaller_sizes_match_a_box_filter_behind_the_full_one() {
    for kind in all_kinds() {
        let bytes = encoded(&photo(160, 128), &kind);
        let full = whole(&bytes, Scale::Full);
        for (scale, side, most) in [
            (Scale::Half, 2, 1.2),
            (Scale::Quarter, 4, 1.6),
            (Scale::Eighth, 8, 0.6),
        ] {
            let small = whole(&bytes, scale);
            for (plane, full) in small.planes.iter().zip(&full.planes) {
                let (width, height, expected) = boxed(full, side);
                let rows = plane.samples.chunks(plane.width).take(height);
                let ours: Vec<u8> = rows.flat_map(|row| row[..width].to_vec()).collect();
                let difference = mean_difference(&ours, &expected);
                assert!(difference < most, "{kind:?} {scale:?}: {difference}");
            }
        }
    }
}

#[test]
fn scaled_sizes_and_planes_are_rounded_up() {
    for (width, height) in [(1, 1), (7, 9), (8, 8), (17, 33), (100, 15)] {
        for kind in all_kinds() {
            let bytes = encoded(&photo(width, height), &kind);
            for (scale, denominator) in SCALES.into_iter().zip([1, 2, 4, 8]) {
                let picture = whole(&bytes, scale);
                assert_eq!(picture.full_width, u32::from(width).div_ceil(denominator));
                assert_eq!(picture.full_height, u32::from(height).div_ceil(denominator));
                for plane in &picture.planes {
                    assert_eq!(plane.samples.len(), plane.width * plane.height);
                    let across = plane.width * usize::from(plane.across.0);
                    assert!(across >= picture.full_width as usize * usize::from(plane.across.1));
                }
                let pixels = picture.full_width * picture.full_height;
                assert_eq!(picture.to_rgb().len(), 3 * pixels as usize);
            }
        }
    }
}

#[test]
fn a_crop_is_the_same_region_of_the_whole() {
    for kind in all_kinds() {
        let bytes = encoded(&photo(203, 151), &kind);
        for scale in SCALES {
            let all = whole(&bytes, scale);
            let (width, height) = (all.full_width, all.full_height);
            let wanted = Crop {
                left: width / 3,
                top: height / 4,
                width: width / 4,
                height: height / 3,
            };
            assert_crop_is_part(&bytes, scale, wanted, &format!("{kind:?}"));
        }
    }
}

/// A decode with a crop delivers at least that, as it is in the whole picture.
fn assert_crop_is_part(bytes: &[u8], scale: Scale, wanted: Crop, what: &str) {
    let all = whole(bytes, scale);
    let part = Options {
        crop: Some(wanted),
        ..options(scale)
    };
    let part = decode(bytes, &part, &|| false).unwrap();
    let crop = part.crop;
    assert!(crop.left <= wanted.left && crop.top <= wanted.top);
    assert!(crop.left + crop.width >= wanted.left + wanted.width);
    assert!(crop.top + crop.height >= wanted.top + wanted.height);
    for (part, all) in part.planes.iter().zip(&all.planes) {
        let offset =
            |pixels: u32, (a, b): (u8, u8)| pixels as usize * usize::from(b) / usize::from(a);
        let (left, top) = (offset(crop.left, part.across), offset(crop.top, part.down));
        for y in 0..part.height {
            let from = (y + top) * all.width + left;
            let expected = &all.samples[from..from + part.width];
            let row = &part.samples[y * part.width..(y + 1) * part.width];
            assert_eq!(row, expected, "{what} {scale:?} row {y}");
        }
    }
}

#[test]
fn inks_are_delivered_with_0_for_none() {
    // Cyan, magenta, yellow and black, each alone, then none.
    let inks: Vec<[u8; 4]> = vec![
        [255, 0, 0, 0],
        [0, 255, 0, 0],
        [0, 0, 255, 0],
        [0, 0, 0, 255],
        [0; 4],
    ];
    for as_ycck in [false, true] {
        let bytes = encoded_inks(&inks, as_ycck);
        let header = read_header(&bytes).unwrap();
        assert_eq!(header.colour == Colour::Ycck, as_ycck);
        for scale in SCALES {
            let picture = whole(&bytes, scale);
            assert_eq!(picture.colour, Planes::Cmyk);
            let patch = picture.full_width as usize / inks.len();
            for (index, ink) in inks.iter().enumerate() {
                let at = index * patch + patch / 2;
                let found: Vec<u8> = picture
                    .planes
                    .iter()
                    .map(|plane| plane.samples[at])
                    .collect();
                let far = found.iter().zip(ink).any(|(a, b)| a.abs_diff(*b) > 4);
                assert!(!far, "{as_ycck} {scale:?}: {found:?} for {ink:?}");
            }
        }
    }
}

#[test]
fn a_progressive_picture_at_an_eighth_reads_its_dc_scans_only() {
    let kind = Kind {
        progressive: true,
        ..Kind::default()
    };
    let bytes = encoded(&photo(400, 300), &kind);
    let full = whole(&bytes, Scale::Full).bytes_read;
    let eighth = whole(&bytes, Scale::Eighth).bytes_read;
    assert!(eighth * 4 < full, "{eighth} of {full}");
}

#[test]
fn a_crop_at_the_top_reads_no_further() {
    let bytes = encoded(&photo(400, 1200), &Kind::default());
    let top = Options {
        crop: Some(Crop {
            left: 0,
            top: 0,
            width: 9,
            height: 9,
        }),
        ..options(Scale::Full)
    };
    let picture = decode(&bytes, &top, &|| false).unwrap();
    assert!(
        picture.bytes_read * 2 < bytes.len(),
        "{}",
        picture.bytes_read
    );
    assert_eq!(picture.crop.height, 16);
}

#[test]
fn cancelling_stops_at_the_next_line() {
    for progressive in [false, true] {
        let kind = Kind {
            progressive,
            ..Kind::default()
        };
        let bytes = encoded(&photo(64, 640), &kind);
        let asked = std::cell::Cell::new(0);
        let cancelled = || {
            asked.set(asked.get() + 1);
            asked.get() > 5
        };
        let result = decode(&bytes, &options(Scale::Eighth), &cancelled);
        assert_eq!(result, Err(Error::Cancelled));
        assert_eq!(asked.get(), 6);
    }
}

#[test]
fn a_budget_is_refused_or_kept() {
    for progressive in [false, true] {
        let kind = Kind {
            progressive,
            ..Kind::default()
        };
        let bytes = encoded(&photo(300, 300), &kind);
        for scale in SCALES {
            let with = |budget_bytes| Options {
                budget_bytes,
                ..options(scale)
            };
            let Err(Error::OverBudget { needed_bytes, .. }) =
                decode(&bytes, &with(1000), &|| false)
            else {
                panic!("a picture for nothing");
            };
            // The second refusal, if any, counts what a progressive picture stores.
            let needed = match decode(&bytes, &with(needed_bytes), &|| false) {
                Err(Error::OverBudget { needed_bytes, .. }) => needed_bytes,
                _ => needed_bytes,
            };
            assert!(decode(&bytes, &with(needed), &|| false).is_ok());
            assert!(decode(&bytes, &with(needed - 1), &|| false).is_err());
        }
    }
}
