//! PNG of at most 256 colours: all that a picture has, or those that stand for them, dithered.
//!
//! Besides the pixels it takes up to 7 bytes a pixel and, for the colours, 100 MB.

use std::borrow::Cow;

use super::refused;
use crate::render::RenderError;
use crate::render::pixels::{Channels, Pixels};
use crate::render::plan::Size;

mod indexed;
mod quantise;

use indexed::Indexed;

/// Red, green, blue and how opaque.
type Colour = [u8; 4];

/// What an invisible pixel is, whatever colour it hides.
const INVISIBLE: Colour = [0; 4];

/// Encodes a picture as an indexed PNG with its transparency.
///
/// `quality` is 1 to 99 percent: the less, the fewer colours; a picture of at most 256 keeps them
/// exactly. `zlib_level` is 1 (fast) to 9 (small).
pub(super) fn palette(
    pixels: &Pixels,
    quality: u8,
    zlib_level: u8,
) -> Result<Vec<u8>, RenderError> {
    let samples = rgba(pixels);
    let (colours, _) = samples.as_chunks::<4>();
    let size = pixels.size();
    let indexed = match few(colours) {
        Some(few) => exact(colours, &few, size),
        None => quantise::quantised(colours, size, quality).map_err(|error| refused(&error))?,
    };
    indexed.png(zlib_level).map_err(|error| refused(&error))
}

/// The samples in four channels.
fn rgba(pixels: &Pixels) -> Cow<'_, [u8]> {
    match pixels.channels() {
        Channels::Rgba | Channels::Cmyk => Cow::Borrowed(pixels.samples()),
        Channels::Gray | Channels::Rgb => {
            Cow::Owned(pixels.clone().widened(Channels::Rgba).into_samples())
        }
    }
}

/// A colour as a number that puts the most transparent first, as PNG's `tRNS` wants it.
fn rank(colour: Colour) -> u32 {
    let [red, green, blue, alpha] = colour;
    if alpha == 0 {
        return 0;
    }
    u32::from_be_bytes([alpha, red, green, blue])
}

/// The colour that [`rank`] gave the number of.
fn ranked(rank: u32) -> Colour {
    let [alpha, red, green, blue] = rank.to_be_bytes();
    [red, green, blue, alpha]
}

/// The ranks of all colours in order, if there are at most 256.
fn few(colours: &[Colour]) -> Option<Vec<u32>> {
    let mut few = Vec::new();
    for same in colours.chunk_by(|a, b| a == b) {
        let rank = same.first().map_or(0, |colour| rank(*colour));
        if let Err(place) = few.binary_search(&rank) {
            if few.len() == 256 {
                return None;
            }
            few.insert(place, rank);
        }
    }
    Some(few)
}

fn exact(colours: &[Colour], few: &[u32], size: Size) -> Indexed {
    // There are no more than 256, and every colour is one of them.
    let index = |colour: &Colour| {
        let place = few.partition_point(|other| *other < rank(*colour));
        u8::try_from(place).unwrap_or_default()
    };
    Indexed {
        size,
        colours: few.iter().copied().map(ranked).collect(),
        indexes: colours.iter().map(index).collect(),
    }
}

#[cfg(test)]
mod tests;
