//! AVIF: 8 bits, full resolution of colour (4:4:4), sRGB in BT.601 (ISO/IEC 23000-22), on one core.
//!
//! Knows neither the client's default nor a deadline: what has begun is finished. A megapixel takes
//! 2 to 4 seconds of one core at effort 4, a large picture half a second for each, and 20 to 40 MB
//! besides the pixels.

use avif_serialize::{Aviffy, constants::MatrixCoefficients};
use thumbmill_jpeg_write::{Sampling, YcbcrPlanes, ycbcr_from_rgb};

use super::refused;
use crate::render::RenderError;
use crate::render::pixels::{Channels, Pixels};
use crate::render::plan::Size;

mod av1;
mod invisible;

use av1::Av1;

/// The client's quality, in percent; AV1's step of quantisation that comes as near to the original as
/// sharp's encoder, which is libaom, does at the client's, for a picture of busyness [`MIDDLE`]; and
/// by how much it grows with each unit of busyness. Straight lines between.
///
/// libaom takes the coarser steps for the busier pictures: at a quality of 80 from 65 to 100.
/// Measured on eight photos and four drawn pictures at 200 and 800 px; the steps are within 6 of
/// what was measured, two times of three. At 80 there are 1.00 times sharp's bytes in the mean, 0.93
/// to 1.18, and 0.3 dB more PSNR, 0.8 less to 3.7 more; at 30, where rav1e needs 8 % more bytes than
/// libaom for the same, 1.03 and 0.1 dB less.
const QUALITIES: [(f32, f32, f32); 7] = [
    (1.0, 240.0, 10.0),
    (15.0, 211.0, 13.0),
    (30.0, 186.0, 14.5),
    (50.0, 145.0, 17.5),
    (80.0, 74.0, 14.5),
    (90.0, 43.5, 9.5),
    (100.0, 1.0, 0.0),
];
/// The busyness that [`QUALITIES`] is for.
const MIDDLE: f32 = 4.0;
/// The least and the greatest busyness that counts: those of photos are within.
const BUSYNESS: (f32, f32) = (2.0, 6.0);

/// Encodes a picture; transparency is kept, not premultiplied, and what is invisible gets the
/// colour of its neighbours.
///
/// `quality` is 1 to 100 percent, `effort` 0 (fast) to 9 (small); both mean what they mean to
/// sharp's `avif()`.
pub(super) fn avif(pixels: Pixels, quality: u8, effort: u8) -> Result<Vec<u8>, RenderError> {
    let size = pixels.size();
    let (colours, opacities) = parts(pixels);
    let planes = ycbcr_from_rgb(&colours, size.width, size.height, Sampling::Full)
        .map_err(|error| refused(&error))?;
    drop(colours);
    let YcbcrPlanes { y, cb, cr, .. } = &planes;
    let av1 = Av1 {
        size,
        quantizer: quantizer(quality, busyness(y, size)),
        effort,
    };
    let colours = av1.encoded(&[y, cb, cr])?;
    let opacities = opacities.map(|alpha| av1.encoded(&[&alpha])).transpose()?;
    let mut container = Aviffy::new();
    container.matrix_coefficients(MatrixCoefficients::Bt601);
    let Size { width, height } = size;
    Ok(container.to_vec(&colours, opacities.as_deref(), width, height, 8))
}

/// Red, green and blue of every pixel, and how opaque each is, unless all are.
fn parts(pixels: Pixels) -> (Vec<u8>, Option<Vec<u8>>) {
    let width = pixels.size().width as usize;
    let pixels = pixels.widened(Channels::Rgb);
    let channels = pixels.channels();
    let mut samples = pixels.into_samples();
    match channels {
        Channels::Gray | Channels::Rgb => (samples, None),
        Channels::Rgba | Channels::Cmyk => {
            let (pixels, _) = samples.as_chunks_mut::<4>();
            let alpha: Vec<u8> = pixels.iter().map(|[.., alpha]| *alpha).collect();
            invisible::fill(pixels, width);
            let colours = pixels
                .iter()
                .flat_map(|[red, green, blue, _]| [*red, *green, *blue]);
            let colours = colours.collect();
            (
                colours,
                alpha.iter().any(|alpha| *alpha < u8::MAX).then_some(alpha),
            )
        }
    }
}

/// How much a pixel differs from its neighbours: log2 of the root of the mean square, in shades.
#[expect(clippy::cast_precision_loss, reason = "a mean need not be exact")]
fn busyness(luma: &[u8], size: Size) -> f32 {
    let width = size.width as usize;
    let square = |(one, other): (&u8, &u8)| u64::from(one.abs_diff(*other)).pow(2);
    let across: u64 = luma
        .chunks(width.max(1))
        .map(|row| row.iter().zip(row.iter().skip(1)).map(square).sum::<u64>())
        .sum();
    let down: u64 = luma.iter().zip(luma.iter().skip(width)).map(square).sum();
    ((across + down) as f32 / luma.len().max(1) as f32).log2() / 2.0
}

/// AV1's step of quantisation, 1 (fine) to 255, by [`QUALITIES`].
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 1 to 255"
)]
fn quantizer(percent: u8, busyness: f32) -> u8 {
    let busyness = busyness.clamp(BUSYNESS.0, BUSYNESS.1);
    let percent = f32::from(percent.clamp(1, 100));
    let of = |(_, base, slope): &(f32, f32, f32)| base + slope * (busyness - MIDDLE);
    let mut lines = QUALITIES.iter().zip(QUALITIES.iter().skip(1));
    let quantizer = lines
        .rfind(|((from, ..), _)| *from <= percent)
        .map_or(1.0, |(from, to)| {
            let part = (percent - from.0) / (to.0 - from.0);
            of(from) + part * (of(to) - of(from))
        });
    quantizer.round().clamp(1.0, 255.0) as u8
}

#[cfg(test)]
mod tests;
