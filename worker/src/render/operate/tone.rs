//! Operations that look at one pixel at a time.

use super::super::geometry::Size;
use super::super::pixels::{Channels, Pixels};
use super::lab::{Lab, Light, rounded, sample_of};

/// Numbers for each channel, or one for all colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::render) struct Line {
    /// What a sample is multiplied by.
    pub(in crate::render) factor: f32,
    /// What is added then.
    pub(in crate::render) offset: f32,
}

/// How colours are changed in CIE L\*C\*h.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::render) struct Modulation {
    /// Factor of lightness.
    pub(in crate::render) brightness: f32,
    /// Factor of chroma.
    pub(in crate::render) saturation: f32,
    /// Degrees to turn the hue by.
    pub(in crate::render) hue: f32,
    /// Added to lightness, which is 0 to 100.
    pub(in crate::render) lightness: f32,
}

/// Raises every colour to the power of `gamma / gamma_out`.
///
/// The reference darkens by `gamma` before it scales and brightens by `gamma_out` after the other
/// operations; in 8 bits the two together would cost dark tones for nothing.
pub(super) fn gamma(pixels: Pixels, gamma: f32, gamma_out: f32) -> Pixels {
    let exponent = gamma / gamma_out;
    samples(pixels, |sample| {
        rounded(255.0 * (f32::from(sample) / 255.0).powf(exponent))
    })
}

/// Luminance, weighed in linear light (ITU-R BT.709).
pub(super) fn grayscale(pixels: Pixels) -> Pixels {
    match pixels.channels() {
        Channels::Gray => pixels,
        Channels::Rgb => {
            let light = Light::new();
            let (all, _) = pixels.samples().as_chunks::<3>();
            let gray = all.iter().map(|rgb| luminance(&light, *rgb)).collect();
            picture(pixels.size(), gray, Channels::Gray)
        }
        Channels::Rgba => {
            let light = Light::new();
            colours(pixels, |rgb| [luminance(&light, rgb); 3])
        }
    }
}

/// What the luminance of each pixel is: white from `least` on, else black. Alpha likewise.
pub(super) fn threshold_gray(pixels: Pixels, least: u8) -> Pixels {
    threshold(grayscale(pixels), least)
}

/// Every sample becomes 255 from `least` on, else 0. Alpha likewise.
pub(super) fn threshold(mut pixels: Pixels, least: u8) -> Pixels {
    for sample in pixels.samples_mut() {
        *sample = if *sample >= least { u8::MAX } else { 0 };
    }
    pixels
}

/// Brightness, saturation and hue.
pub(super) fn modulate(pixels: Pixels, modulation: Modulation) -> Pixels {
    let light = Light::new();
    let (sin, cos) = modulation.hue.to_radians().sin_cos();
    let (sin, cos) = (sin * modulation.saturation, cos * modulation.saturation);
    colours(pixels.widened(Channels::Rgb), |rgb| {
        let Lab { lightness, a, b } = light.lab(rgb);
        let modulated = Lab {
            lightness: lightness * modulation.brightness + modulation.lightness,
            a: a * cos - b * sin,
            b: a * sin + b * cos,
        };
        modulated.to_rgb()
    })
}

/// `sample * factor + offset`, fractions cut off as the reference does, by one line for all
/// colours, or one for each.
pub(super) fn linear(pixels: Pixels, lines: [Line; 3]) -> Pixels {
    let same = lines.iter().all(|line| Some(line) == lines.first());
    let pixels = if same {
        pixels
    } else {
        pixels.widened(Channels::Rgb)
    };
    let [reds, greens, blues] = lines.map(table);
    if pixels.channels() == Channels::Gray {
        return samples(pixels, |gray| looked_up(&reds, gray));
    }
    colours(pixels, |[red, green, blue]| {
        [
            looked_up(&reds, red),
            looked_up(&greens, green),
            looked_up(&blues, blue),
        ]
    })
}

/// As linear, for alpha.
pub(super) fn linear_alpha(mut pixels: Pixels, line: Line) -> Pixels {
    if pixels.channels() == Channels::Rgba {
        let table = table(line);
        let (all, _) = pixels.samples_mut().as_chunks_mut::<4>();
        for [_, _, _, alpha] in all {
            *alpha = looked_up(&table, *alpha);
        }
    }
    pixels
}

/// Grays in the hue of `tint`: strongest in the middle of the lightness, none at black and white.
pub(super) fn tint(pixels: Pixels, tint: [u8; 3]) -> Pixels {
    let light = Light::new();
    let Lab { a, b, .. } = light.lab(tint);
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

/// Stretches lightness so that what lies between its percentiles `lower` and `upper` becomes the
/// whole range. A picture of about one lightness is left alone.
pub(super) fn normalise(pixels: Pixels, lower: u8, upper: u8) -> Pixels {
    let light = Light::new();
    let pixels = pixels.widened(Channels::Rgb);
    let mut histogram = [0_u64; 101];
    each_colour(&pixels, |rgb| {
        let bin = usize::from(whole(light.lab(rgb).lightness));
        if let Some(count) = histogram.get_mut(bin) {
            *count += 1;
        }
    });
    let (least, most) = (
        percentile(&histogram, lower),
        percentile(&histogram, upper),
    );
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
fn percentile(histogram: &[u64], percent: u8) -> u8 {
    let all: u64 = histogram.iter().sum();
    let used = histogram.iter().rposition(|count| *count > 0);
    let (last, mut seen) = (used.unwrap_or_default() as u64, 0_u64);
    for (bin, count) in (0_u8..).zip(histogram) {
        seen += count;
        let share = (seen * last).checked_div(all).unwrap_or_default();
        if share * 100 > u64::from(percent) * (last + 1) || u64::from(bin) > last {
            return bin;
        }
    }
    100
}

/// All 256 answers of a line.
fn table(line: Line) -> [u8; 256] {
    let mut table = [0; 256];
    for (answer, sample) in table.iter_mut().zip(0_u8..=255) {
        *answer = whole(f32::from(sample) * line.factor + line.offset);
    }
    table
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
    if pixels.channels() == Channels::Rgba {
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
        Channels::Rgba => {
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
            all.iter().for_each(|rgb| look(*rgb));
        }
        Channels::Rgba => {
            let (all, _) = pixels.samples().as_chunks::<4>();
            all.iter().for_each(|[red, green, blue, _]| look([*red, *green, *blue]));
        }
    }
}

fn picture(size: Size, samples: Vec<u8>, channels: Channels) -> Pixels {
    Pixels::new(size, samples, channels).unwrap_or_else(|| Pixels::black(size, channels))
}
