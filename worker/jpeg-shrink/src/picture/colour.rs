//! Colours of single pixels: YCbCr to RGB (ITU T.871, 7), and inks.

use super::{Plane, Planes};
use crate::Colour;

/// Appends a row of RGB made of one row of each plane.
pub(super) fn append_rgb(planes: Planes, rows: &[Vec<u8>], rgb: &mut Vec<u8>) {
    match (planes, rows) {
        (Planes::Gray, [gray]) => rgb.extend(gray.iter().flat_map(|level| [*level; 3])),
        (Planes::Rgb, [red, green, blue]) => {
            rgb.extend(
                red.iter()
                    .zip(green)
                    .zip(blue)
                    .flat_map(|((r, g), b)| [*r, *g, *b]),
            );
        }
        (Planes::Ycbcr, [luma, blue, red]) => {
            let pixels = luma.iter().zip(blue).zip(red);
            rgb.extend(pixels.flat_map(|((y, cb), cr)| ycc_to_rgb(*y, *cb, *cr)));
        }
        (Planes::Cmyk, [cyan, magenta, yellow, black]) => {
            let inks = cyan.iter().zip(magenta).zip(yellow).zip(black);
            rgb.extend(
                inks.flat_map(|(((c, m), y), k)| {
                    [*c, *m, *y].map(|ink| product(255 - ink, 255 - k))
                }),
            );
        }
        // A picture has as many planes as its colour says; there is nothing to do for any other.
        (Planes::Gray | Planes::Rgb | Planes::Ycbcr | Planes::Cmyk, _) => {}
    }
}

/// Turns stored components into inks: 0 for none.
pub(super) fn to_inks(planes: &mut [Plane], stored: Colour, inverted: bool) {
    let [cyan, magenta, yellow, black] = planes else {
        return;
    };
    if stored == Colour::Ycck {
        let first = cyan.samples.iter_mut().zip(&mut magenta.samples);
        for ((a, b), c) in first.zip(&mut yellow.samples) {
            // The stored colour is the complement of the stored inks.
            [*a, *b, *c] = ycc_to_rgb(*a, *b, *c).map(|level| 255 - level);
        }
    }
    if inverted {
        for plane in [cyan, magenta, yellow, black] {
            for sample in &mut plane.samples {
                *sample = 255 - *sample;
            }
        }
    }
}

/// a * b / 255, rounded.
fn product(a: u8, b: u8) -> u8 {
    ((u32::from(a) * u32::from(b) + 127) / 255) as u8
}

fn ycc_to_rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let level = (i32::from(y) << 16) + (1 << 15);
    let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
    // 1.402, 0.344136, 0.714136 and 1.772, with 16 bits behind the point.
    [
        level + 91_881 * cr,
        level - 22_554 * cb - 46_802 * cr,
        level + 116_130 * cb,
    ]
    .map(|value| (value >> 16).clamp(0, 255) as u8)
}
