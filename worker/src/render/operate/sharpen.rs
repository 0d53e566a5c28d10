//! Makes edges stronger: what a blur takes away is added.

use thumbmill_shared::transform::{SHARPEN_LEAST, Sharpen};

use super::blur::{load, store};
use super::kernel::{Kernel, convolve};
use super::lab::Light;
use crate::render::pixels::{Channels, Pixels};

/// Of the difference to the mean of nine pixels, how much is added.
const MILD: f32 = 0.375;

/// A mild sharpening of 3x3 pixels: the kernel with 32 amid -1, over 24.
pub(super) fn mild(pixels: &Pixels) -> Pixels {
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
pub(super) fn lightness(pixels: Pixels, sharpen: &Sharpen) -> Pixels {
    let added = Added::of(sharpen);
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
    let kernel = |side| Kernel::gaussian(sharpen.sigma.as_f32(), SHARPEN_LEAST, side);
    convolve(
        (size, 1),
        (&kernel(size.width), &kernel(size.height)),
        |y, row| row.copy_from_slice(row_of(y)),
        |y, blurred| {
            let row = pixels.rows_mut().nth(y).unwrap_or_default();
            let row = row.chunks_exact_mut(channels);
            for ((pixel, own), blurred) in row.zip(row_of(y)).zip(blurred) {
                if let [red, green, blue, ..] = pixel {
                    let mut lab = light.lab([*red, *green, *blue]);
                    lab.lightness = (own + added.to(own - blurred)).clamp(0.0, 100.0);
                    [*red, *green, *blue] = lab.to_rgb();
                }
            }
        },
    );
    pixels
}

/// What is added to a lightness, by how much lighter it is than its neighbourhood.
struct Added {
    flat: f32,
    jagged: f32,
    /// The difference at which an area begins to be jagged.
    from: f32,
    most: f32,
    least: f32,
}

impl Added {
    fn of(sharpen: &Sharpen) -> Self {
        Self {
            flat: sharpen.m1.as_f32(),
            jagged: sharpen.m2.as_f32(),
            from: sharpen.x1.as_f32(),
            most: sharpen.y2.as_f32(),
            least: -sharpen.y3.as_f32(),
        }
    }

    fn to(&self, difference: f32) -> f32 {
        let size = difference.abs();
        let flat = size.min(self.from) * self.flat;
        let jagged = (size - self.from).max(0.0) * self.jagged;
        let added = (flat + jagged).copysign(difference);
        added.max(self.least).min(self.most)
    }
}
