//! Smaller pictures are means of boxes, and crops are parts of the whole.

use thumbmill_webp_shrink::{Crop, Error, Options, Pixels, Plane, Scale};
use webp::PixelLayout::{Rgb, Rgba};

use crate::drawn::{at, decoded, drawing, encoded, photo};

pub(crate) const SCALES: [(Scale, usize); 3] =
    [(Scale::Half, 2), (Scale::Quarter, 4), (Scale::Eighth, 8)];

/// The plane's boxes, averaged the slow way.
pub(crate) fn averaged(plane: &Plane, side: usize) -> Plane {
    let (width, height) = (plane.width.div_ceil(side), plane.height.div_ceil(side));
    let mut samples = Vec::new();
    for top in 0..height {
        for left in 0..width {
            let rows = plane
                .samples
                .chunks(plane.width)
                .skip(top * side)
                .take(side);
            let inside: Vec<u32> = rows
                .flat_map(|row| row.iter().skip(left * side).take(side))
                .map(|sample| u32::from(*sample))
                .collect();
            let count = inside.len() as u32;
            samples.push(((inside.iter().sum::<u32>() + count / 2) / count) as u8);
        }
    }
    Plane {
        width,
        height,
        samples,
    }
}

pub(crate) fn planes(pixels: Pixels) -> Vec<Plane> {
    match pixels {
        Pixels::Ycbcr { y, u, v, alpha } => [Some(y), Some(u), Some(v), alpha]
            .into_iter()
            .flatten()
            .collect(),
        Pixels::Rgb(_) | Pixels::Rgba(_) => panic!("a lossy picture has planes"),
    }
}

#[test]
fn scaled_planes_are_means_of_boxes() {
    for size in [(1, 1), (17, 33), (65, 40), (250, 131)] {
        let bytes = encoded(&photo(size.0, size.1), Rgba, size, |config| {
            config.quality = 60.0;
        });
        let whole = planes(decoded(&bytes, &at(Scale::Full)).unwrap().pixels);
        for (scale, side) in SCALES {
            let scaled = decoded(&bytes, &at(scale)).unwrap();
            assert_eq!(scaled.full_width, size.0.div_ceil(side as u32));
            for (ours, whole) in planes(scaled.pixels).iter().zip(&whole) {
                assert!(*ours == averaged(whole, side), "{size:?} {scale:?}");
            }
        }
    }
}

#[test]
fn scaled_samples_are_means_of_boxes() {
    let size = (83, 45);
    let bytes = encoded(&photo(size.0, size.1), Rgb, size, |config| {
        config.lossless = 1;
    });
    let whole = decoded(&bytes, &at(Scale::Full)).unwrap().to_rgb();
    for (scale, side) in SCALES {
        let scaled = decoded(&bytes, &at(scale)).unwrap().to_rgb();
        for channel in 0..3 {
            let of = |samples: &[u8]| samples.iter().skip(channel).step_by(3).copied().collect();
            let plane = Plane {
                width: 83,
                height: 45,
                samples: of(&whole),
            };
            let ours: Vec<u8> = of(&scaled);
            assert!(
                ours == averaged(&plane, side).samples,
                "{scale:?}, channel {channel}"
            );
        }
    }
}

#[test]
fn what_cannot_be_seen_does_not_shine_through() {
    // White pixels, and between them red ones that are transparent.
    let samples: Vec<u8> = (0..64)
        .flat_map(|n| if n % 2 == 0 { [255; 4] } else { [255, 0, 0, 0] })
        .collect();
    let bytes = encoded(&samples, Rgba, (8, 8), |config| {
        config.lossless = 1;
        config.exact = 1;
    });
    let scaled = decoded(&bytes, &at(Scale::Eighth)).unwrap();
    assert_eq!(scaled.pixels, Pixels::Rgba(vec![255, 255, 255, 128]));
}

/// The part of `rows` that `crop` names.
pub(crate) fn part(samples: &[u8], width: usize, crop: Crop, size: usize) -> Vec<u8> {
    let rows = samples
        .chunks(width * size)
        .skip(crop.y as usize)
        .take(crop.height as usize);
    rows.flat_map(|row| &row[crop.x as usize * size..][..crop.width as usize * size])
        .copied()
        .collect()
}

#[test]
fn crops_equal_their_part_of_the_whole() {
    let size = (250, 131);
    let lossy = encoded(&photo(size.0, size.1), Rgba, size, |config| {
        config.quality = 40.0;
    });
    let lossless = encoded(&drawing(size.0, size.1, 99), Rgba, size, |config| {
        config.lossless = 1;
    });
    let scales = [Scale::Full, Scale::Half, Scale::Quarter, Scale::Eighth];
    for (scale, side) in scales.into_iter().zip([1, 2, 4, 8]) {
        let (width, height) = (size.0.div_ceil(side), size.1.div_ceil(side));
        for (x, y, w, h) in [
            (0, 0, 1, 1),
            (3, 5, 7, 9),
            (width - 1, height - 1, 1, 1),
            (5, 0, width - 5, height),
        ] {
            let crop = Crop {
                x,
                y,
                width: w,
                height: h,
            };
            let options = Options {
                crop: Some(crop),
                ..at(scale)
            };
            let whole = planes(decoded(&lossy, &at(scale)).unwrap().pixels);
            let ours = decoded(&lossy, &options).unwrap();
            let got = ours.crop;
            assert!(
                got.x <= x
                    && got.y <= y
                    && got.x + got.width >= x + w
                    && got.y + got.height >= y + h
            );
            let chroma = Crop {
                x: got.x / 2,
                y: got.y / 2,
                width: got.width.div_ceil(2),
                height: got.height.div_ceil(2),
            };
            for ((ours, whole), crop) in planes(ours.pixels)
                .iter()
                .zip(&whole)
                .zip([got, chroma, chroma, got])
            {
                assert!(
                    ours.samples == part(&whole.samples, whole.width, crop, 1),
                    "{scale:?} {crop:?}"
                );
            }
            let whole = decoded(&lossless, &at(scale)).unwrap().to_rgba();
            let ours = decoded(&lossless, &options).unwrap();
            assert!(
                ours.to_rgba() == part(&whole, width as usize, ours.crop, 4),
                "{scale:?} {crop:?}"
            );
        }
    }
}

#[test]
fn a_crop_outside_of_the_picture_is_refused() {
    let bytes = encoded(&photo(20, 20), Rgb, (20, 20), |_| {});
    for (x, width) in [(10, 1), (0, 11), (u32::MAX, 2), (0, 0)] {
        let crop = Some(Crop {
            x,
            y: 0,
            width,
            height: 1,
        });
        let refused = decoded(
            &bytes,
            &Options {
                crop,
                ..at(Scale::Half)
            },
        );
        assert!(matches!(refused, Err(Error::Unsupported(_))));
    }
}
