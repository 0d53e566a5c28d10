//! CMYK without a profile: what the reference shows for inks on paper, from measured colours.

use std::sync::LazyLock;

use crate::render::pixels::{Channels, Pixels};

/// How much ink was measured.
const LEVELS: [u8; 5] = [0, 64, 128, 191, 255];

/// The colours of all mixtures of [`LEVELS`], measured on sharp 0.35.5, which shows them by a
/// profile of its own; black changes fastest, then yellow, magenta, cyan.
static MEASURED: LazyLock<Vec<[u8; 3]>> = LazyLock::new(|| {
    let colour = |text: &str| {
        let number = u32::from_str_radix(text, 16).unwrap_or_default();
        let [_, red, green, blue] = number.to_be_bytes();
        [red, green, blue]
    };
    include_str!("cmyk/measured.txt")
        .split_whitespace()
        .map(colour)
        .collect()
});

/// Converts pixels of four inks; 255 is full ink.
pub(super) fn to_rgb(pixels: &Pixels) -> Pixels {
    let (inks, _) = pixels.samples().as_chunks::<4>();
    let measured = &*MEASURED;
    let mut last = ([0; 4], mix(measured, [0; 4]));
    let colours = inks.iter().flat_map(|inks| {
        if last.0 != *inks {
            last = (*inks, mix(measured, *inks));
        }
        last.1
    });
    let colours = colours.collect();
    let size = pixels.size();
    Pixels::new(size, colours, Channels::Rgb).unwrap_or_else(|| Pixels::black(size, Channels::Rgb))
}

/// Interpolates linearly between the 16 mixtures around one.
fn mix(measured: &[[u8; 3]], inks: [u8; 4]) -> [u8; 3] {
    let places = inks.map(place);
    let mut sum = [0.0_f32; 3];
    for corner in 0..16_usize {
        let (mut weight, mut at) = (1.0, 0);
        for (axis, (level, part)) in places.iter().enumerate() {
            let upper = corner >> axis & 1;
            weight *= if upper == 1 { *part } else { 1.0 - part };
            at = at * LEVELS.len() + level + upper;
        }
        if let Some(colour) = measured.get(at).filter(|_| weight > 0.0) {
            for (sum, sample) in sum.iter_mut().zip(colour) {
                *sum += weight * f32::from(*sample);
            }
        }
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a mean of bytes"
    )]
    sum.map(|sample| (sample + 0.5) as u8)
}

/// The level below, and how much of the way to the next one.
fn place(ink: u8) -> (usize, f32) {
    let pairs = LEVELS.iter().zip(LEVELS.iter().skip(1)).enumerate();
    let found = pairs.into_iter().find(|(_, (_, above))| ink <= **above);
    found.map_or((0, 0.0), |(level, (below, above))| {
        (level, f32::from(ink - below) / f32::from(above - below))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::plan::Size;

    #[test]
    fn inks_look_as_they_do_in_the_reference() {
        // The last one lies between the measured ones.
        let table = [
            ([0, 0, 0, 0], [255, 255, 255], 0),
            ([255, 0, 0, 0], [0, 0x99, 0xe3], 0),
            ([0, 255, 0, 0], [234, 0, 128], 0),
            ([0, 0, 255, 0], [255, 240, 0], 0),
            ([0, 0, 0, 255], [20, 5, 0], 0),
            ([255, 255, 0, 0], [32, 6, 117], 0),
            ([68, 32, 130, 60], [147, 152, 109], 3),
        ];
        let inks: Vec<u8> = table.iter().flat_map(|(inks, ..)| *inks).collect();
        let size = Size {
            width: 7,
            height: 1,
        };
        let pixels = Pixels::new(size, inks, Channels::Cmyk).unwrap();
        let shown = to_rgb(&pixels);
        for (found, (inks, expected, tolerance)) in shown.samples().chunks(3).zip(table) {
            let near = found
                .iter()
                .zip(expected)
                .all(|(found, expected)| found.abs_diff(expected) <= tolerance);
            assert!(near, "{inks:?}: {found:?} is not {expected:?}");
        }
        assert_eq!(MEASURED.len(), 625);
    }
}
