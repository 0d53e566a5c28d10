//! Whole files, read back by a decoder of another make.

mod refusals;

use crate::{Components, Plane, Process, Sampling, write, ycbcr_from_rgb};
use jpeg_decoder::{ColorTransform, Decoder};
use proptest::prelude::*;

const SIZES: [(u32, u32); 9] = [
    (1, 1),
    (2, 1),
    (1, 9),
    (7, 8),
    (8, 8),
    (9, 17),
    (16, 16),
    (17, 33),
    (40, 25),
];
const SAMPLINGS: [Sampling; 3] = [Sampling::Full, Sampling::Half, Sampling::Quarter];

/// Samples of the planes, and their sizes.
#[derive(Clone, Debug)]
struct Picture {
    planes: [Vec<u8>; 3],
    size: (u32, u32),
    sampling: Sampling,
}

impl Picture {
    /// Each sample from the number of its plane and its place there.
    fn drawn(
        size: (u32, u32),
        sampling: Sampling,
        mut sample: impl FnMut(usize, u32, u32) -> u8,
    ) -> Self {
        let chroma = sampling.chroma_size(size.0, size.1);
        let mut plane = |number: usize, (width, height): (u32, u32)| {
            let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
            places.map(|(x, y)| sample(number, x, y)).collect()
        };
        let planes = [plane(0, size), plane(1, chroma), plane(2, chroma)];
        Self {
            planes,
            size,
            sampling,
        }
    }

    /// Brightness with some detail; colours that change slowly, so that it hardly matters how a
    /// decoder grows them.
    fn soft(size: (u32, u32), sampling: Sampling) -> Self {
        Self::drawn(size, sampling, |plane, x, y| {
            let (x, y) = (f64::from(x), f64::from(y));
            let value = match plane {
                0 => 128.0 + 60.0 * (x * 0.4).sin() + 50.0 * (y * 0.3 + x * 0.1).cos(),
                1 => 100.0 + x + y,
                _ => 180.0 - x - y * 0.5,
            };
            level(value)
        })
    }

    fn noise(size: (u32, u32), sampling: Sampling, mut seed: u32) -> Self {
        Self::drawn(size, sampling, |_, _, _| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed.to_be_bytes()[0]
        })
    }

    fn plane(&self, number: usize) -> Plane<'_> {
        let (width, height) = match number {
            0 => self.size,
            _ => self.sampling.chroma_size(self.size.0, self.size.1),
        };
        Plane {
            samples: &self.planes[number],
            width,
            height,
        }
    }

    fn gray(&self) -> Components<'_> {
        Components::Gray(self.plane(0))
    }

    fn colour(&self) -> Components<'_> {
        let [y, cb, cr] = [0, 1, 2].map(|number| self.plane(number));
        Components::Ycbcr {
            y,
            cb,
            cr,
            sampling: self.sampling,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates"
)]
fn level(value: f64) -> u8 {
    value as u8
}

/// The components' samples, pixel after pixel, without any conversion.
fn decoded(file: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(file);
    // Taken for RGB, the components stay what they are.
    decoder.set_color_transform(ColorTransform::RGB);
    decoder.decode().unwrap()
}

fn written(components: &Components, quality: u8, process: Process) -> Vec<u8> {
    write(components, quality, process).unwrap()
}

/// Both processes decode to the same pixels, which are returned.
fn decoded_alike(components: &Components, quality: u8) -> Vec<u8> {
    let baseline = decoded(&written(components, quality, Process::Baseline));
    let progressive = decoded(&written(components, quality, Process::Progressive));
    assert!(baseline == progressive, "the processes differ");
    baseline
}

fn worst(found: impl IntoIterator<Item = u8>, expected: impl IntoIterator<Item = u8>) -> u8 {
    let pairs = found.into_iter().zip(expected);
    pairs
        .map(|(found, expected)| found.abs_diff(expected))
        .max()
        .unwrap()
}

fn mean_error(found: &[u8], expected: &[u8]) -> f64 {
    let sum: f64 = found
        .iter()
        .zip(expected)
        .map(|(a, b)| f64::from(a.abs_diff(*b)))
        .sum();
    sum / f64::from(u32::try_from(expected.len()).unwrap())
}

#[test]
fn gray_pictures_of_all_sizes_come_back() {
    for size in SIZES {
        let picture = Picture::soft(size, Sampling::Full);
        let pixels = decoded_alike(&picture.gray(), 100);
        assert_eq!(pixels.len(), picture.planes[0].len(), "{size:?}");
        assert!(worst(pixels, picture.planes[0].clone()) <= 2, "{size:?}");
    }
}

#[test]
fn colour_pictures_of_all_sizes_and_samplings_come_back() {
    for sampling in SAMPLINGS {
        for size in SIZES {
            let picture = Picture::soft(size, sampling);
            let pixels = decoded_alike(&picture.colour(), 100);
            assert_eq!(
                pixels.len(),
                picture.planes[0].len() * 3,
                "{sampling:?} {size:?}"
            );
            let luma = pixels.iter().step_by(3).copied();
            assert!(
                worst(luma, picture.planes[0].clone()) <= 2,
                "{sampling:?} {size:?}"
            );
            let (across, down) = sampling.factors();
            let (across, down) = (u32::from(across), u32::from(down));
            let places = (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x, y)));
            let width = sampling.chroma_size(size.0, size.1).0;
            for ((x, y), pixel) in places.zip(pixels.chunks(3)) {
                let place = (y / down * width + x / across) as usize;
                for number in [1, 2] {
                    let error = pixel[number].abs_diff(picture.planes[number][place]);
                    assert!(
                        error <= 4,
                        "{sampling:?} {size:?} at {x}, {y}: off by {error}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_quality_can_be_read_and_a_higher_one_is_closer() {
    let picture = Picture::soft((64, 48), Sampling::Quarter);
    let error = |quality| {
        let pixels = decoded_alike(&picture.colour(), quality);
        let luma: Vec<u8> = pixels.iter().step_by(3).copied().collect();
        mean_error(&luma, &picture.planes[0])
    };
    let errors: Vec<f64> = (1..=100).map(error).collect();
    for (low, high) in [(0, 9), (9, 39), (39, 74), (74, 94), (94, 99)] {
        assert!(
            errors[high] < errors[low],
            "{} is no better than {}",
            high + 1,
            low + 1
        );
    }
    assert!(errors[79] < 2.0, "80 is off by {}", errors[79]);
}

#[test]
fn noise_and_checkers_come_back_at_both_ends_of_the_scale() {
    let checker = |_, x: u32, y: u32| if (x + y).is_multiple_of(2) { 255 } else { 0 };
    let squares = |_, x: u32, y: u32| {
        if (x / 4 + y / 4).is_multiple_of(2) {
            255
        } else {
            0
        }
    };
    for picture in [
        Picture::noise((70, 50), Sampling::Full, 1),
        Picture::drawn((70, 50), Sampling::Full, checker),
        Picture::drawn((70, 50), Sampling::Full, squares),
        Picture::drawn((64, 64), Sampling::Full, |_, x, y| {
            if (x / 8 + y / 8).is_multiple_of(2) {
                255
            } else {
                0
            }
        }),
    ] {
        for quality in [1, 50] {
            decoded_alike(&picture.colour(), quality);
        }
        let pixels = decoded_alike(&picture.colour(), 100);
        for (number, plane) in picture.planes.iter().enumerate() {
            let found = pixels.iter().skip(number).step_by(3).copied();
            assert!(worst(found, plane.iter().copied()) <= 2);
        }
    }
}

#[test]
fn a_picture_with_more_flat_blocks_than_one_run_can_count_comes_back() {
    let picture = Picture::drawn((2048, 1104), Sampling::Full, |_, x, y| {
        if (x, y) == (2000, 1100) { 255 } else { 90 }
    });
    let pixels = decoded_alike(&picture.gray(), 90);
    assert!(pixels[..2048 * 1000].iter().all(|&pixel| pixel == 90));
    assert!(mean_error(&pixels, &picture.planes[0]) < 0.01);
}

#[test]
fn blocks_at_the_edges_go_on_with_the_last_row_and_column() {
    let full = Picture::soft((13, 11), Sampling::Full);
    let grown = Picture::drawn((16, 16), Sampling::Full, |number, x, y| {
        full.planes[number][(y.min(10) * 13 + x.min(12)) as usize]
    });
    let cut = decoded_alike(&full.gray(), 30);
    let whole = decoded_alike(&grown.gray(), 30);
    for (cut, whole) in cut.chunks(13).zip(whole.chunks(16)) {
        assert_eq!(cut, &whole[..13]);
    }
}

#[test]
fn the_file_is_one_interleaved_scan_behind_a_jfif_header() {
    let picture = Picture::soft((20, 20), Sampling::Quarter);
    let file = written(&picture.colour(), 80, Process::Baseline);
    assert!(
        file.starts_with(b"\xFF\xD8\xFF\xE0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
    );
    assert!(file.ends_with(b"\xFF\xD9"));
    let count = |marker| file.windows(2).filter(|two| *two == [0xFF, marker]).count();
    assert_eq!(
        (count(0xC0), count(0xDA), count(0xDB), count(0xC4)),
        (1, 1, 2, 4)
    );
    let frame = b"\xFF\xC0\x00\x11\x08\x00\x14\x00\x14\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01";
    assert!(file.windows(frame.len()).any(|window| window == frame));
}

#[test]
fn the_progressive_file_has_the_ten_scans_of_the_script() {
    let picture = Picture::noise((20, 20), Sampling::Half, 5);
    let scans = |file: &[u8]| file.windows(2).filter(|two| *two == [0xFF, 0xDA]).count();
    assert_eq!(
        scans(&written(&picture.colour(), 80, Process::Progressive)),
        10
    );
    assert_eq!(
        scans(&written(&picture.gray(), 80, Process::Progressive)),
        6
    );
}

#[test]
fn a_picture_of_rgb_comes_back_in_its_colours() {
    let rgb: Vec<u8> = (0..24 * 18)
        .flat_map(|place: u32| {
            let (x, y) = (place % 24, place / 24);
            [60 + x * 5, 200 - y * 4, 90 + x * 2 + y].map(|value| u8::try_from(value).unwrap())
        })
        .collect();
    for sampling in SAMPLINGS {
        let planes = ycbcr_from_rgb(&rgb, 24, 18, sampling).unwrap();
        let file = written(&planes.components(), 98, Process::Baseline);
        let pixels = Decoder::new(file.as_slice()).decode().unwrap();
        assert!(mean_error(&pixels, &rgb) < 1.5, "{sampling:?}");
        assert!(worst(pixels, rgb.clone()) <= 10, "{sampling:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_small_picture_decodes_alike_from_both_processes(
        (width, height, sampling) in (1_u32..50, 1_u32..50, prop::sample::select(&SAMPLINGS[..])),
        (quality, seed, step) in (1_u8..=100, any::<u32>(), prop::sample::select(&[1_u8, 9, 64, 255][..])),
    ) {
        let mut picture = Picture::noise((width, height), sampling, seed);
        for sample in picture.planes.iter_mut().flatten() {
            *sample = *sample / step * step;
        }
        let pixels = decoded_alike(&picture.colour(), quality);
        prop_assert_eq!(pixels.len(), (width * height * 3) as usize);
        if quality == 100 {
            let luma = pixels.iter().step_by(3).copied();
            prop_assert!(worst(luma, picture.planes[0].iter().copied()) <= 2);
        }
        decoded_alike(&picture.gray(), quality);
    }
}
