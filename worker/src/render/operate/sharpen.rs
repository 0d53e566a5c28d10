//! Makes edges stronger: what a blur takes away is added.

use super::super::pixels::{Channels, Pixels};
use super::blur::{load, store};
use super::kernel::{Kernel, convolve};
use super::lab::Light;

/// Where the reference cuts this Gaussian off, as a share of its peak.
const LEAST: f32 = 0.1;
/// Of the difference to the mean of nine pixels, how much is added.
const MILD: f32 = 0.375;

/// How strongly flat and jagged areas are sharpened. Differences are in lightness, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::render) struct Sharpening {
    /// The blur's sigma in pixels.
    pub(in crate::render) sigma: f32,
    /// The factor for flat areas.
    pub(in crate::render) flat: f32,
    /// The factor for jagged areas.
    pub(in crate::render) jagged: f32,
    /// The difference at which an area begins to be jagged.
    pub(in crate::render) threshold: f32,
    /// How much brighter a pixel may become.
    pub(in crate::render) most_brighter: f32,
    /// How much darker a pixel may become.
    pub(in crate::render) most_darker: f32,
}

impl Sharpening {
    /// What is added to a pixel that is this much lighter than its neighbourhood.
    fn added(self, difference: f32) -> f32 {
        let size = difference.abs();
        let flat = size.min(self.threshold) * self.flat;
        let jagged = (size - self.threshold).max(0.0) * self.jagged;
        (flat + jagged)
            .copysign(difference)
            .max(-self.most_darker)
            .min(self.most_brighter)
    }
}

/// A mild sharpening of 3x3 pixels: the kernel with 32 amid -1, over 24.
pub(super) fn sharpen(pixels: &Pixels) -> Pixels {
    let kernel = Kernel::mean_of_three();
    let mut sharp = Pixels::black(pixels.size(), pixels.channels());
    let mut own = vec![0.0; pixels.size().width as usize * pixels.channels().count()];
    convolve(
        (pixels.size(), pixels.channels().count()),
        (&kernel, &kernel),
        |y, row| load(pixels, y, row),
        |y, mean| {
            load(pixels, y, &mut own);
            for (own, mean) in own.iter_mut().zip(mean) {
                *own += MILD * (*own - mean);
            }
            if pixels.channels() == Channels::Rgba {
                clamp_alpha(&mut own);
            }
            store(&own, &mut sharp, y);
        },
    );
    sharp
}

/// Alpha that was sharpened beyond opaque must not darken its colours.
fn clamp_alpha(row: &mut [f32]) {
    let (all, _) = row.as_chunks_mut::<4>();
    for [.., alpha] in all {
        *alpha = alpha.clamp(0.0, 255.0);
    }
}

/// Sharpens the lightness (CIE L\*) and leaves colour and alpha as they are.
pub(super) fn sharpen_lightness(pixels: Pixels, sharpening: Sharpening) -> Pixels {
    let light = Light::new();
    let mut pixels = pixels.widened(Channels::Rgb);
    let size = pixels.size();
    let mut lightness = Vec::with_capacity(size.width as usize * size.height as usize);
    let channels = pixels.channels().count();
    for pixel in pixels.samples().chunks_exact(channels) {
        if let [red, green, blue, ..] = pixel {
            lightness.push(light.lab([*red, *green, *blue]).lightness);
        }
    }
    let width = (size.width as usize).max(1);
    let row_of = |y: usize| lightness.chunks_exact(width).nth(y).unwrap_or_default();
    let kernel = |side| Kernel::gaussian(sharpening.sigma, LEAST, side);
    convolve(
        (size, 1),
        (&kernel(size.width), &kernel(size.height)),
        |y, row| row.copy_from_slice(row_of(y)),
        |y, blurred| {
            let row = pixels.samples_mut().chunks_exact_mut(width * channels).nth(y);
            let row = row.unwrap_or_default().chunks_exact_mut(channels);
            for ((pixel, own), blurred) in row.zip(row_of(y)).zip(blurred) {
                if let [red, green, blue, ..] = pixel {
                    let mut lab = light.lab([*red, *green, *blue]);
                    lab.lightness = (own + sharpening.added(own - blurred)).clamp(0.0, 100.0);
                    [*red, *green, *blue] = lab.to_rgb();
                }
            }
        },
    );
    pixels
}
