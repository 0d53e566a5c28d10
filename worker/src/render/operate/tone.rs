//! Operations that look at one pixel at a time.

use thumbmill_shared::transform::Modulate;

use super::lab::{Lab, Light, sample_of};
use crate::render::frame::Colour;
use crate::render::pixels::{Channels, Pixels};

/// Luminance, weighed in linear light (ITU-R BT.709).
pub(super) fn grayscale(pixels: Pixels) -> Pixels {
    match pixels.channels() {
        Channels::Gray => pixels,
        Channels::Rgb => {
            let light = Light::new();
            let (all, _) = pixels.samples().as_chunks::<3>();
            let gray = all.iter().map(|rgb| luminance(&light, *rgb)).collect();
            let size = pixels.size();
            Pixels::new(size, gray, Channels::Gray)
                .unwrap_or_else(|| Pixels::black(size, Channels::Gray))
        }
        Channels::Rgba | Channels::Cmyk => {
            let light = Light::new();
            colours(pixels, |rgb| [luminance(&light, rgb); 3])
        }
    }
}

/// Every sample becomes 255 from `least` on, else 0. Alpha likewise.
pub(super) fn threshold(mut pixels: Pixels, least: u8) -> Pixels {
    for sample in pixels.samples_mut() {
        *sample = if *sample >= least { u8::MAX } else { 0 };
    }
    pixels
}

/// Brightness, saturation, hue and lightness, in CIE L\*C\*h.
pub(super) fn modulate(pixels: Pixels, modulate: &Modulate) -> Pixels {
    let light = Light::new();
    let saturation = modulate.saturation.as_f32();
    let (sin, cos) = modulate.hue.as_f32().to_radians().sin_cos();
    let (sin, cos) = (sin * saturation, cos * saturation);
    let (factor, offset) = (modulate.brightness.as_f32(), modulate.lightness.as_f32());
    colours(pixels.widened(Channels::Rgb), |rgb| {
        let Lab { lightness, a, b } = light.lab(rgb);
        let modulated = Lab {
            lightness: lightness * factor + offset,
            a: a * cos - b * sin,
            b: a * sin + b * cos,
        };
        modulated.to_rgb()
    })
}

/// What `table` has for every sample; not alpha.
pub(super) fn linear(pixels: Pixels, table: &[u8; 256]) -> Pixels {
    samples(pixels, |sample| looked_up(table, sample))
}

/// Grays in the hue of `tint`: strongest in the middle of the lightness, none at black and white.
pub(super) fn tint(pixels: Pixels, [red, green, blue, _]: Colour) -> Pixels {
    let light = Light::new();
    let Lab { a, b, .. } = light.lab([red, green, blue]);
    let mut tinted = [[0; 3]; 256];
    for (colour, gray) in tinted.iter_mut().zip(0_u8..=255) {
        let lightness = light.lab([gray; 3]).lightness;
        let from_middle = lightness / 100.0 - 0.5;
        let share = 1.0 - 4.0 * from_middle * from_middle;
        *colour = Lab {
            lightness,
            a: a * share,
            b: b * share,
        }
        .to_rgb();
    }
    colours(pixels.widened(Channels::Rgb), |rgb| {
        let gray = luminance(&light, rgb);
        tinted.get(usize::from(gray)).copied().unwrap_or_default()
    })
}

/// Stretches lightness so that what lies between two percentiles of it becomes the whole range. A
/// picture of about one lightness is left alone.
pub(super) fn normalise(pixels: Pixels, percentiles: [f64; 2]) -> Pixels {
    let light = Light::new();
    let pixels = pixels.widened(Channels::Rgb);
    let mut histogram = [0_u64; 101];
    each_colour(&pixels, |rgb| {
        let bin = usize::from(whole(light.lab(rgb).lightness));
        if let Some(count) = histogram.get_mut(bin) {
            *count += 1;
        }
    });
    let [least, most] = percentiles.map(|percent| percentile(&histogram, percent));
    if most.saturating_sub(least) <= 1 {
        return pixels;
    }
    let factor = 100.0 / f32::from(most - least);
    colours(pixels, |rgb| {
        let Lab { lightness, a, b } = light.lab(rgb);
        let lightness = (lightness - f32::from(least)) * factor;
        Lab { lightness, a, b }.to_rgb()
    })
}

/// Each sample from the other end; alpha too.
pub(super) fn negate(mut pixels: Pixels) -> Pixels {
    for sample in pixels.samples_mut() {
        *sample = u8::MAX - *sample;
    }
    pixels
}

/// As negate, but alpha stays.
pub(super) fn negate_colours(pixels: Pixels) -> Pixels {
    samples(pixels, |sample| u8::MAX - sample)
}

fn luminance(light: &Light, [red, green, blue]: [u8; 3]) -> u8 {
    sample_of(0.212_6 * light.of(red) + 0.715_2 * light.of(green) + 0.072_2 * light.of(blue))
}

/// The lightness that about `percent` of all pixels lie below. As in the reference the shares are
/// no finer than the used part of the histogram, so that 99 is the brightest as a rule.
fn percentile(histogram: &[u64], percent: f64) -> u8 {
    let all: u64 = histogram.iter().sum();
    let used = histogram.iter().rposition(|count| *count > 0);
    let (last, mut seen) = (used.unwrap_or_default(), 0_u64);
    for (bin, count) in (0_u8..).zip(histogram) {
        seen += count;
        let share = (seen * last as u64).checked_div(all).unwrap_or_default();
        let share = u8::try_from(share).unwrap_or(u8::MAX);
        #[expect(clippy::cast_precision_loss, reason = "at most 101")]
        let wanted = percent / 100.0 * (last + 1) as f64;
        if f64::from(share) > wanted || usize::from(bin) > last {
            return bin;
        }
    }
    100
}

fn looked_up(table: &[u8; 256], sample: u8) -> u8 {
    table.get(usize::from(sample)).copied().unwrap_or_default()
}

/// Without its fraction, and into 0 to 255.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates"
)]
fn whole(value: f32) -> u8 {
    value as u8
}

/// Every sample but alpha, by a table of all answers.
fn samples(pixels: Pixels, change: impl Fn(u8) -> u8) -> Pixels {
    let mut table = [0; 256];
    for (answer, sample) in table.iter_mut().zip(0_u8..=255) {
        *answer = change(sample);
    }
    if pixels.channels().count() == 4 {
        return colours(pixels, |rgb| rgb.map(|sample| looked_up(&table, sample)));
    }
    let mut pixels = pixels;
    for sample in pixels.samples_mut() {
        *sample = looked_up(&table, *sample);
    }
    pixels
}

/// Every RGB colour; alpha stays, and a gray picture is left alone.
fn colours(mut pixels: Pixels, mut change: impl FnMut([u8; 3]) -> [u8; 3]) -> Pixels {
    match pixels.channels() {
        Channels::Gray => {}
        Channels::Rgb => {
            let (all, _) = pixels.samples_mut().as_chunks_mut::<3>();
            for rgb in all {
                *rgb = change(*rgb);
            }
        }
        Channels::Rgba | Channels::Cmyk => {
            let (all, _) = pixels.samples_mut().as_chunks_mut::<4>();
            for pixel in all {
                let [red, green, blue, alpha] = *pixel;
                let [red, green, blue] = change([red, green, blue]);
                *pixel = [red, green, blue, alpha];
            }
        }
    }
    pixels
}

fn each_colour(pixels: &Pixels, mut look: impl FnMut([u8; 3])) {
    match pixels.channels() {
        Channels::Gray => pixels.samples().iter().for_each(|gray| look([*gray; 3])),
        Channels::Rgb => {
            let (all, _) = pixels.samples().as_chunks::<3>();
            for rgb in all {
                look(*rgb);
            }
        }
        Channels::Rgba | Channels::Cmyk => {
            let (all, _) = pixels.samples().as_chunks::<4>();
            for [red, green, blue, _] in all {
                look([*red, *green, *blue]);
            }
        }
    }
}
