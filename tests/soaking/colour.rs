//! Originals whose every version has a colour of its own, so that a picture shows whose it is.

use image::{DynamicImage, Rgb, RgbImage};
use thumbmill_tests::pictures::{jpeg, png, try_decode, webp};

/// How many versions of an original have different colours.
pub const COLOURS: usize = 64;
/// A channel's values; far apart, so that no encoder mixes them up.
const LEVELS: [u8; 4] = [24, 96, 168, 232];
/// A grain, so that pictures are not empty, and how far encoders may be off.
const GRAIN: u32 = 13;
const TOLERANCE: u8 = 34;

/// How an original is stored.
#[derive(Clone, Copy, Debug)]
pub enum Encoded {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// Lossless WebP.
    Webp,
}

/// The colour of a number.
fn rgb(colour: usize) -> [u8; 3] {
    [colour / 16 % 4, colour / 4 % 4, colour % 4].map(|channel| LEVELS[channel])
}

/// An original in the colour of this number.
pub fn picture(colour: usize, width: u32, height: u32, encoded: Encoded) -> Vec<u8> {
    let [red, green, blue] = rgb(colour);
    let image = RgbImage::from_fn(width, height, |x, y| {
        let grain = ((x * 7 + y * 5) % GRAIN) as u8;
        Rgb([red, green, blue].map(|value| value + grain - GRAIN as u8 / 2))
    });
    let image = DynamicImage::from(image);
    match encoded {
        Encoded::Jpeg => jpeg(&image),
        Encoded::Png => png(&image),
        Encoded::Webp => webp(&image),
    }
}

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its sides.
    pub size: (u32, u32),
    /// The number of the colour that it has all over.
    pub colour: usize,
}

/// Decodes a picture wholly and finds its colour. Errors: what is wrong with it.
pub fn recognise(bytes: &[u8]) -> Result<Shown, String> {
    let picture = try_decode(bytes)
        .map_err(|error| format!("{error:#}"))?
        .to_rgb8();
    let first = picture.get_pixel(0, 0).0;
    let nearest = |value: u8| {
        let distance = |&level: &usize| LEVELS[level].abs_diff(value);
        (0..LEVELS.len()).min_by_key(distance).unwrap_or_default()
    };
    let colour = first
        .iter()
        .fold(0, |colour, &value| colour * 4 + nearest(value));
    let expected = rgb(colour);
    let other = picture.enumerate_pixels().find(|(_, _, pixel)| {
        let mut channels = pixel.0.iter().zip(expected);
        channels.any(|(found, expected)| found.abs_diff(expected) > TOLERANCE)
    });
    match other {
        Some((x, y, pixel)) => Err(format!("{:?} at {x},{y} of {expected:?}", pixel.0)),
        None => Ok(Shown {
            size: picture.dimensions(),
            colour,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_colour_is_recognised_in_every_encoding() {
        for colour in 0..COLOURS {
            for encoded in [Encoded::Jpeg, Encoded::Png, Encoded::Webp] {
                let shown = recognise(&picture(colour, 40, 30, encoded)).unwrap();
                assert_eq!((shown.size, shown.colour), ((40, 30), colour));
            }
        }
    }

    #[test]
    fn a_picture_with_a_gray_part_is_not() {
        let mut half = RgbImage::from_pixel(20, 20, Rgb(rgb(5)));
        half.rows_mut()
            .skip(10)
            .flatten()
            .for_each(|pixel| *pixel = Rgb([128; 3]));
        assert!(recognise(&png(&half.into())).is_err());
        assert!(recognise(b"no picture").is_err());
    }
}
