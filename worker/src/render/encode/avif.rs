//! AVIF: 8 bits, full resolution of colour (4:4:4), sRGB in BT.601 (ISO/IEC 23000-22), on one core.
//!
//! Knows neither the client's default nor a deadline: what has begun is finished. A megapixel takes
//! 1 to 4 seconds of one core at effort 4, a large picture about one second for each, and 20 to
//! 40 MB besides the pixels.

use ravif::{AlphaColorMode, BitDepth, Encoder, Img, RGB8, RGBA8};

use super::refused;
use crate::render::RenderError;
use crate::render::pixels::{Channels, Pixels};

/// The client's quality, in percent, and ravif's that comes as near to the original as sharp's
/// encoder, which is libaom, does at the client's; straight lines between.
///
/// Three photos, a flower, a lake and a circuit board, at 200 and 800 px. To reach sharp's PSNR
/// ravif needs 24 to 42 for 30, 51 to 75 for 50, and 86 to 92 for 80. These are the means.
const QUALITIES: [(f32, f32); 5] = [
    (1.0, 1.0),
    (30.0, 34.0),
    (50.0, 64.0),
    (80.0, 88.0),
    (100.0, 100.0),
];

/// Pixels beyond which every effort is the least: what cannot be interrupted has to be quick.
const LARGE: usize = 1_000_000;

/// Encodes a picture; transparency is kept, not premultiplied, and what is invisible gets the
/// colour of its neighbours.
///
/// `quality` is 1 to 100 percent, `effort` 0 (fast) to 9 (small); both mean what they mean to
/// sharp's `avif()`.
pub(super) fn avif(pixels: Pixels, quality: u8, effort: u8) -> Result<Vec<u8>, RenderError> {
    let quality = ravif_quality(quality);
    let size = pixels.size();
    let encoder = Encoder::new()
        .with_quality(quality)
        .with_alpha_quality(quality)
        .with_speed(ravif_speed(effort, size.area()))
        .with_bit_depth(BitDepth::Eight)
        .with_alpha_color_mode(AlphaColorMode::UnassociatedClean)
        .with_num_threads(Some(1));
    let (width, height) = (size.width as usize, size.height as usize);
    let pixels = pixels.widened(Channels::Rgb);
    let file = match pixels.channels() {
        Channels::Gray | Channels::Rgb => {
            let (samples, _) = pixels.samples().as_chunks::<3>();
            let colours: Vec<RGB8> = samples.iter().copied().map(RGB8::from).collect();
            drop(pixels);
            encoder.encode_rgb(Img::new(&colours, width, height))
        }
        Channels::Rgba | Channels::Cmyk => {
            let (samples, _) = pixels.samples().as_chunks::<4>();
            let colours: Vec<RGBA8> = samples.iter().copied().map(RGBA8::from).collect();
            drop(pixels);
            encoder.encode_rgba(Img::new(&colours, width, height))
        }
    };
    Ok(file.map_err(|error| refused(&error))?.avif_file)
}

/// ravif's quality for the client's, by [`QUALITIES`].
fn ravif_quality(percent: u8) -> f32 {
    let percent = f32::from(percent.clamp(1, 100));
    let mut lines = QUALITIES.iter().zip(QUALITIES.iter().skip(1));
    lines
        .rfind(|((from, _), _)| *from <= percent)
        .map_or(percent, |((from, low), (to, high))| {
            low + (percent - from) / (to - from) * (high - low)
        })
}

/// rav1e's speed, 1 (slow) to 10, that takes about as long as libaom does with sharp's effort.
///
/// Milliseconds of a 200 px photo, sharp's and ours: effort 3: 33 and 46; 4: 128 and 100;
/// 5: 152 and 188; 6: 396 and 244; 7: 540 and 740. Below 4 libaom is faster than rav1e can be.
fn ravif_speed(effort: u8, pixels: usize) -> u8 {
    match effort {
        0..=9 if pixels > LARGE => 10,
        0..=3 => 10,
        4 => 8,
        5 => 4,
        6 => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
