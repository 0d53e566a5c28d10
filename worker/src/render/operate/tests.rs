//! Every operation against what the reference (sharp 0.35.5, libvips 8.18.7) makes of one drawn
//! picture, and any size without a panic.

use proptest::prelude::*;
use thumbmill_shared::transform::{Decimal, Modulate, Sharpen};

use super::*;
use crate::render::pixels::Channels;
use crate::render::plan::Size;

/// Where the drawn picture is looked at.
const POINTS: [(usize, usize); 8] = [
    (0, 0),
    (23, 0),
    (0, 15),
    (23, 15),
    (12, 8),
    (5, 3),
    (18, 11),
    (7, 13),
];

/// 24x16: red grows to the right and green downwards, blue is rough, alpha grows to the right.
fn drawn(channels: Channels) -> Pixels {
    let mut samples = Vec::new();
    for (y, x) in (0_u32..16).flat_map(|y| (0_u32..24).map(move |x| (y, x))) {
        let rgba = [x * 10, y * 16, (x * 7 + y * 13) * 5 % 256, x * 11];
        let wanted = match channels {
            Channels::Gray => vec![x * 10 + y],
            Channels::Rgb => rgba[..3].to_vec(),
            Channels::Rgba | Channels::Cmyk => rgba.to_vec(),
        };
        samples.extend(
            wanted
                .into_iter()
                .map(|sample| u8::try_from(sample).unwrap()),
        );
    }
    let size = Size {
        width: 24,
        height: 16,
    };
    Pixels::new(size, samples, channels).unwrap()
}

fn at(pixels: &Pixels, (x, y): (usize, usize)) -> Vec<u8> {
    let channels = pixels.channels().count();
    let start = (y * pixels.size().width as usize + x) * channels;
    pixels.samples()[start..start + channels].to_vec()
}

/// Compares RGB at the points, within `tolerance`.
fn assert_rgb(name: &str, made: &Pixels, expected: [[u8; 3]; 8], tolerance: u8) {
    for (point, expected) in POINTS.into_iter().zip(expected) {
        let made = match made.channels() {
            Channels::Gray => at(made, point).repeat(3),
            Channels::Rgb | Channels::Rgba | Channels::Cmyk => at(made, point),
        };
        let near = made[..3]
            .iter()
            .zip(expected)
            .all(|(made, expected)| made.abs_diff(expected) <= tolerance);
        assert!(near, "{name} at {point:?}: {made:?}, not {expected:?}");
    }
}

/// Compares RGBA; a colour at an alpha below 16 is only looked at by its alpha, because the
/// reference premultiplies in 8 bits and loses it there.
fn assert_rgba(name: &str, made: &Pixels, expected: [[u8; 4]; 8], tolerance: u8) {
    for (point, expected) in POINTS.into_iter().zip(expected) {
        let made = at(made, point);
        assert!(
            made[3].abs_diff(expected[3]) <= 1,
            "{name} at {point:?}: alpha {made:?}, not {expected:?}"
        );
        // One step of a premultiplied sample, in steps of the sample.
        let step = 255 / u16::from(expected[3].max(1));
        let near = made.iter().zip(expected).all(|(made, expected)| {
            u16::from(made.abs_diff(expected)) <= u16::from(tolerance) + step
        });
        assert!(
            expected[3] < 16 || near,
            "{name} at {point:?}: {made:?}, not {expected:?}"
        );
    }
}

/// A number in thousandths.
const fn n(thousandths: i32) -> Decimal {
    Decimal::thousandths(thousandths)
}

const MODULATE: Modulate = Modulate {
    brightness: n(1_200),
    saturation: n(700),
    hue: n(40_000),
    lightness: n(-5_000),
};
const SHARPEN: Sharpen = Sharpen {
    sigma: n(2_000),
    m1: n(1_000),
    m2: n(2_000),
    x1: n(2_000),
    y2: n(10_000),
    y3: n(20_000),
};

fn table() -> [u8; 256] {
    linear_table(n(1_300), n(-20_400))
}

#[test]
#[rustfmt::skip]
fn opaque_pictures_are_as_the_references() {
    let rgb = || drawn(Channels::Rgb);
    assert_rgb("threshold", &tone::threshold(tone::grayscale(rgb()), 128), [[0, 0, 0], [0, 0, 0], [255, 255, 255], [255, 255, 255], [255, 255, 255], [0, 0, 0], [255, 255, 255], [255, 255, 255]], 0);
    assert_rgb("threshold100color", &tone::threshold(rgb(), 100), [[0, 0, 0], [255, 0, 0], [0, 255, 255], [255, 255, 255], [255, 255, 255], [0, 0, 255], [255, 255, 0], [0, 255, 0]], 0);
    assert_rgb("blur", &blur::mild(&rgb()), [[3, 5, 33], [226, 5, 47], [3, 234, 197], [226, 234, 210], [120, 128, 143], [50, 48, 114], [180, 176, 93], [70, 208, 94]], 1);
    assert_rgb("blur0.5", &blur::gaussian(&rgb(), 0.5), [[0, 0, 0], [230, 0, 37], [0, 240, 207], [230, 240, 244], [120, 128, 172], [50, 48, 114], [180, 176, 65], [70, 208, 66]], 1);
    assert_rgb("blur2", &blur::gaussian(&rgb(), 2.0), [[7, 10, 62], [223, 10, 90], [7, 230, 157], [223, 230, 182], [120, 128, 122], [50, 48, 130], [180, 176, 122], [70, 207, 126]], 1);
    assert_rgb("blur5", &blur::gaussian(&rgb(), 5.0), [[17, 27, 81], [213, 27, 101], [17, 213, 147], [213, 213, 169], [120, 128, 127], [52, 57, 120], [178, 171, 133], [70, 194, 127]], 1);
    assert_rgb("modulate", &tone::modulate(rgb(), &MODULATE), [[0, 0, 0], [176, 113, 1], [130, 255, 255], [255, 255, 255], [164, 137, 163], [88, 37, 73], [150, 212, 150], [0, 238, 203]], 1);
    assert_rgb("sharpen", &sharpen::mild(&rgb()), [[0, 0, 0], [231, 0, 33], [0, 242, 210], [231, 242, 255], [120, 128, 182], [50, 48, 114], [180, 176, 54], [70, 208, 55]], 1);
    assert_rgb("sharpen2", &sharpen::lightness(rgb(), &SHARPEN), [[0, 0, 0], [228, 0, 36], [59, 255, 226], [247, 255, 255], [121, 130, 173], [35, 36, 99], [176, 173, 61], [68, 206, 65]], 2);
    assert_rgb("linear", &tone::linear(rgb(), &table()), [[0, 0, 0], [255, 0, 27], [0, 255, 248], [255, 255, 255], [135, 146, 203], [44, 42, 127], [213, 208, 64], [70, 250, 65]], 0);
    assert_rgb("tint", &tone::tint(rgb(), [255, 0, 0, 255]), [[0, 0, 0], [237, 0, 0], [255, 182, 152], [255, 225, 210], [255, 19, 5], [135, 0, 0], [255, 109, 73], [255, 127, 91]], 2);
    assert_rgb("tint2", &tone::tint(rgb(), [20, 90, 160, 255]), [[0, 0, 0], [61, 115, 188], [197, 213, 254], [232, 238, 255], [82, 131, 205], [13, 58, 105], [139, 173, 238], [153, 182, 243]], 2);
    assert_rgb("normalise", &tone::normalise(rgb(), [1.0, 99.0]), [[0, 0, 0], [217, 0, 28], [38, 249, 216], [244, 254, 255], [113, 121, 165], [26, 30, 93], [181, 177, 66], [74, 211, 69]], 1);
    assert_rgb("normalise10,80", &tone::normalise(rgb(), [10.0, 80.0]), [[0, 0, 0], [214, 0, 26], [161, 255, 255], [255, 255, 255], [124, 132, 176], [0, 0, 42], [233, 226, 113], [140, 255, 126]], 1);
    assert_rgb("negate", &tone::negate(rgb()), [[255, 255, 255], [25, 255, 218], [255, 15, 48], [25, 15, 11], [135, 127, 83], [205, 207, 141], [75, 79, 190], [185, 47, 189]], 0);
}

#[test]
#[rustfmt::skip]
fn transparent_pictures_are_as_the_references() {
    let rgba = || drawn(Channels::Rgba);
    assert_rgba("threshold", &tone::threshold(tone::grayscale(rgba()), 128), [[0, 0, 0, 0], [0, 0, 0, 255], [255, 255, 255, 0], [255, 255, 255, 255], [255, 255, 255, 255], [0, 0, 0, 0], [255, 255, 255, 255], [255, 255, 255, 0]], 0);
    assert_rgba("blur", &blur::mild(&rgba()), [[0, 0, 46, 3], [226, 5, 46, 249], [0, 224, 208, 3], [226, 234, 210, 249], [119, 126, 142, 132], [47, 45, 115, 55], [179, 175, 92, 198], [69, 205, 91, 77]], 1);
    assert_rgba("blur2", &blur::gaussian(&rgba(), 2.0), [[0, 0, 109, 7], [222, 10, 88, 246], [0, 218, 145, 7], [222, 229, 182, 246], [121, 127, 121, 132], [51, 46, 129, 55], [180, 175, 121, 198], [72, 205, 122, 77]], 1);
    assert_rgba("blur5", &blur::gaussian(&rgba(), 5.0), [[40, 26, 134, 19], [215, 27, 99, 234], [40, 201, 134, 19], [215, 212, 172, 234], [133, 127, 125, 132], [76, 53, 129, 57], [184, 170, 134, 196], [92, 192, 125, 77]], 1);
    assert_rgba("modulate", &tone::modulate(rgba(), &MODULATE), [[0, 0, 0, 0], [176, 113, 1, 253], [130, 255, 255, 0], [255, 255, 255, 253], [164, 137, 163, 132], [88, 37, 73, 55], [150, 212, 150, 198], [0, 238, 203, 77]], 1);
    assert_rgba("sharpen", &sharpen::mild(&rgba()), [[0, 0, 46, 0], [231, 0, 32, 254], [0, 224, 208, 0], [231, 241, 255, 254], [119, 127, 183, 132], [45, 46, 109, 55], [178, 174, 53, 198], [69, 205, 52, 77]], 1);
    assert_rgba("linear", &tone::linear(rgba(), &table()), [[0, 0, 0, 0], [255, 0, 27, 253], [0, 255, 248, 0], [255, 255, 255, 253], [135, 146, 203, 132], [44, 42, 127, 55], [213, 208, 64, 198], [70, 250, 65, 77]], 0);
    assert_rgba("tint", &tone::tint(rgba(), [255, 0, 0, 255]), [[0, 0, 0, 0], [237, 0, 0, 253], [255, 182, 152, 0], [255, 225, 210, 253], [255, 19, 5, 132], [135, 0, 0, 55], [255, 109, 73, 198], [255, 127, 91, 77]], 1);
    assert_rgba("normalise", &tone::normalise(rgba(), [1.0, 99.0]), [[0, 0, 0, 0], [217, 0, 28, 253], [38, 249, 216, 0], [244, 254, 255, 253], [113, 121, 165, 132], [26, 30, 93, 55], [181, 177, 66, 198], [74, 211, 69, 77]], 1);
    assert_rgba("negate", &tone::negate(rgba()), [[255, 255, 255, 255], [25, 255, 218, 2], [255, 15, 48, 255], [25, 15, 11, 2], [135, 127, 83, 123], [205, 207, 141, 200], [75, 79, 190, 57], [185, 47, 189, 178]], 0);
    assert_rgba("negatenoalpha", &tone::negate_colours(rgba()), [[255, 255, 255, 0], [25, 255, 218, 253], [255, 15, 48, 0], [25, 15, 11, 253], [135, 127, 83, 132], [205, 207, 141, 55], [75, 79, 190, 198], [185, 47, 189, 77]], 0);
    assert_rgba("ensureAlpha", &alpha::ensure(rgba(), 102), [[0, 0, 0, 0], [230, 0, 37, 253], [0, 240, 207, 0], [230, 240, 244, 253], [120, 128, 172, 132], [50, 48, 114, 55], [180, 176, 65, 198], [70, 208, 66, 77]], 0);
}

#[test]
fn gray_is_luminance_in_linear_light() {
    let expected = [0, 114, 213, 238, 130, 57, 172, 182];
    let gray = tone::grayscale(drawn(Channels::Rgb));
    assert_eq!(gray.channels(), Channels::Gray);
    for (point, expected) in POINTS.into_iter().zip(expected) {
        assert!(at(&gray, point)[0].abs_diff(expected) <= 1, "{point:?}");
    }
    let gray = tone::grayscale(drawn(Channels::Rgba));
    for (point, expected) in POINTS.into_iter().zip(expected) {
        assert!(at(&gray, point)[0].abs_diff(expected) <= 1, "{point:?}");
        assert!(
            matches!(at(&gray, point)[..], [red, green, blue, _] if red == green && green == blue)
        );
    }
}

#[test]
#[rustfmt::skip]
fn odd_angles_are_as_the_references() {
    let red = [255, 0, 0, 255];
    for (degrees, size, expected) in [
        (10.0, (26, 20), [[255, 0, 0], [255, 0, 0], [138, 110, 95], [223, 181, 158], [103, 101, 132], [25, 42, 101], [167, 132, 95], [62, 194, 163]]),
        (33.0, (29, 26), [[255, 0, 0], [255, 0, 0], [255, 0, 0], [199, 79, 28], [69, 81, 58], [255, 0, 0], [135, 69, 160], [54, 192, 201]]),
        (45.0, (28, 28), [[255, 0, 0], [255, 0, 0], [255, 0, 0], [191, 34, 38], [64, 79, 45], [255, 0, 0], [127, 45, 117], [64, 192, 140]]),
        (100.0, (20, 26), [[255, 0, 0], [255, 0, 0], [255, 0, 0], [158, 232, 213], [63, 112, 165], [26, 236, 86], [82, 9, 70], [121, 177, 119]]),
        (200.5, (28, 23), [[255, 0, 0], [255, 0, 0], [243, 0, 17], [19, 125, 69], [146, 169, 173], [229, 204, 97], [79, 157, 150], [176, 66, 114]]),
        (-30.0, (29, 26), [[255, 0, 0], [255, 0, 0], [255, 0, 0], [184, 226, 25], [124, 41, 87], [255, 0, 0], [161, 130, 68], [56, 70, 170]]),
    ] {
        let rotated = rotate(drawn(Channels::Rgb), degrees, red);
        let Size { width, height } = rotated.size();
        assert_eq!((width, height), size, "{degrees} degrees");
        assert_rgb(&format!("{degrees} degrees"), &rotated, expected, 2);
    }
}

/// On 300x200: red is rough, green and blue have edges.
#[test]
#[rustfmt::skip]
fn large_blurs_are_as_the_references_within_three_levels() {
    let points = [(0, 0), (299, 0), (0, 199), (299, 199), (150, 100), (100, 60), (110, 70), (200, 90)];
    let mut samples = Vec::new();
    for (y, x) in (0_usize..200).flat_map(|y| (0_usize..300).map(move |x| (y, x))) {
        let green = if x < 100 { 255 } else { 0 };
        let blue = if y < 70 && x > 150 { 255 } else { 20 };
        samples.extend([u8::try_from(x * y % 256).unwrap(), green, blue]);
    }
    let size = Size { width: 300, height: 200 };
    let pixels = Pixels::new(size, samples, Channels::Rgb).unwrap();
    for (sigma, expected) in [
        (7.5, [[7, 255, 20], [53, 0, 255], [63, 255, 20], [124, 0, 20], [129, 0, 20], [127, 120, 20], [127, 13, 20], [126, 0, 20]]),
        (20.0, [[23, 255, 20], [57, 0, 255], [65, 255, 20], [124, 0, 20], [126, 0, 23], [127, 125, 20], [127, 72, 20], [126, 0, 49]]),
        (60.0, [[30, 253, 20], [61, 0, 234], [66, 253, 20], [122, 0, 20], [125, 45, 54], [108, 127, 44], [115, 109, 47], [122, 3, 89]]),
        (300.0, [[31, 163, 61], [53, 60, 120], [48, 163, 42], [80, 60, 73], [55, 109, 73], [46, 127, 71], [48, 124, 72], [59, 91, 83]]),
    ] {
        let blurred = blur::gaussian(&pixels, sigma);
        for (point, expected) in points.into_iter().zip(expected) {
            let made = at(&blurred, point);
            let near = made.iter().zip(expected).all(|(made, expected): (&u8, u8)| made.abs_diff(expected) <= 3);
            assert!(near, "sigma {sigma} at {point:?}: {made:?}, not {expected:?}");
        }
    }
}

proptest! {
    #[test]
    fn no_size_is_too_small(
        width in 1_u32..20, height in 1_u32..20, kind in 0_usize..3,
        sigma in 0.0_f32..300.0, degrees in -400.0_f64..400.0, noise: u8,
    ) {
        let channels = [Channels::Gray, Channels::Rgb, Channels::Rgba][kind];
        let size = Size { width, height };
        let pixels = || {
            let mut pixels = Pixels::black(size, channels);
            let mut sample = noise;
            for place in pixels.samples_mut() {
                sample = sample.wrapping_mul(37).wrapping_add(11);
                *place = sample;
            }
            pixels
        };
        for made in [
            median::median(&pixels()),
            blur::mild(&pixels()),
            blur::gaussian(&pixels(), sigma),
            sharpen::mild(&pixels()),
            sharpen::lightness(pixels(), &SHARPEN),
            tone::normalise(pixels(), [f64::from(noise % 50), 99.0]),
        ] {
            prop_assert_eq!(made.size(), size);
        }
        let background = [noise, 1, 2, 255 - noise];
        prop_assert_eq!(
            rotate(pixels(), degrees, background).size(),
            rotated_size(size, degrees)
        );
        if let Some(found) = trim(&pixels(), None, 10.0) {
            prop_assert!(found.left + found.width <= width && found.top + found.height <= height);
        }
    }
}

#[test]
fn all_grays_tint_alike() {
    let samples = (0..=255).collect();
    let (width, height) = (16, 16);
    let gray = Pixels::new(Size { width, height }, samples, Channels::Gray).unwrap();
    let tinted = |sample| tone::tint(gray.clone(), [sample, sample, sample, 255]);
    let black = tinted(0);
    for sample in 0..=255 {
        assert_eq!(tinted(sample).samples(), black.samples(), "{sample}");
    }
}

#[test]
fn a_neutral_modulation_and_sharpening_leave_every_colour() {
    let neutral = Modulate {
        brightness: n(1_000),
        saturation: n(1_000),
        hue: n(0),
        lightness: n(0),
    };
    let nothing = Sharpen {
        m1: n(0),
        m2: n(0),
        ..SHARPEN
    };
    let (width, height) = (256, 256);
    for red in 0..=255 {
        let others = (0..=255).flat_map(|green| (0..=255).map(move |blue| [red, green, blue]));
        let samples = others.flatten().collect();
        let pixels = Pixels::new(Size { width, height }, samples, Channels::Rgb).unwrap();
        let made = tone::modulate(pixels.clone(), &neutral);
        assert!(made.samples() == pixels.samples(), "{red}");
        let made = sharpen::lightness(pixels.clone(), &nothing);
        assert!(made.samples() == pixels.samples(), "{red}");
    }
}

#[test]
fn edges_are_added_in_any_colour() {
    let gray = || drawn(Channels::Gray);
    let extended = alpha::extend(gray(), [1, 0, 0, 2], [7, 7, 7, 255]);
    assert_eq!(extended.channels(), Channels::Gray);
    assert_eq!(
        (at(&extended, (0, 0)), at(&extended, (25, 16))),
        (vec![7], vec![245])
    );
    let extended = alpha::extend(gray(), [0, 1, 2, 0], [255, 0, 0, 255]);
    assert_eq!(at(&extended, (24, 17)), [255, 0, 0]);
    assert_eq!(at(&extended, (23, 15)), [245; 3]);
    let extended = alpha::extend(drawn(Channels::Rgb), [1, 0, 0, 2], [255, 0, 0, 128]);
    assert_eq!(at(&extended, (0, 0)), [255, 0, 0, 128]);
    assert_eq!(at(&extended, (25, 16)), [230, 240, 244, 255]);
}

#[test]
fn trim_finds_what_is_there() {
    // As the reference: 23x16 are left of the drawn picture, whose first column is transparent.
    let found = trim(&drawn(Channels::Rgba), None, 10.0).unwrap();
    let expected = Rectangle {
        left: 1,
        top: 0,
        width: 23,
        height: 16,
    };
    assert_eq!(found, expected);
    // A speck is no picture, a block of 3x3 is.
    let size = Size {
        width: 20,
        height: 10,
    };
    let mut pixels = Pixels::filled(size, Channels::Rgb, [250, 250, 250, 255]);
    pixels.samples_mut()[3 * 20 * 3] = 0;
    assert_eq!(trim(&pixels, None, 10.0), None);
    for (x, y) in (4..7).flat_map(|y| (10..13).map(move |x| (x, y))) {
        pixels.samples_mut()[(y * 20 + x) * 3] = 0;
    }
    let found = trim(&pixels, Some([255, 250, 250, 255]), 10.0).unwrap();
    let expected = Rectangle {
        left: 10,
        top: 4,
        width: 3,
        height: 3,
    };
    assert_eq!(found, expected);
    assert_eq!(trim(&pixels, None, 250.0), None);
}
