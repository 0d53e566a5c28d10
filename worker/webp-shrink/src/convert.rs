//! From luma and chroma to red, green and blue, as libwebp does it.

use crate::picture::{Picture, Pixels, Plane};

impl Picture {
    /// Three samples a pixel: red, green, blue. Opacity is left out.
    ///
    /// Chroma is interpolated between its four nearest samples with weights 9, 3, 3 and 1, and the
    /// constants are those of libwebp, so that a whole picture at full size has exactly its values.
    pub fn to_rgb(&self) -> Vec<u8> {
        match &self.pixels {
            Pixels::Rgb(samples) => samples.clone(),
            Pixels::Rgba(samples) => {
                let pixels = samples.as_chunks::<4>().0.iter();
                pixels.flat_map(|&[r, g, b, _]| [r, g, b]).collect()
            }
            Pixels::Ycbcr { y, u, v, .. } => {
                let mut rgb = Vec::with_capacity(3 * y.samples.len());
                convert([y, u, v], |pixel, _| rgb.extend_from_slice(&pixel));
                rgb
            }
        }
    }

    /// Four samples a pixel: red, green, blue as of [`Self::to_rgb`], and opacity.
    pub fn to_rgba(&self) -> Vec<u8> {
        match &self.pixels {
            Pixels::Rgba(samples) => samples.clone(),
            Pixels::Rgb(samples) => {
                let pixels = samples.as_chunks::<3>().0.iter();
                pixels.flat_map(|&[r, g, b]| [r, g, b, 255]).collect()
            }
            Pixels::Ycbcr { y, u, v, alpha } => {
                let alpha = alpha.as_ref().map_or(&[][..], |alpha| &alpha.samples);
                let mut rgba = Vec::with_capacity(4 * y.samples.len());
                convert([y, u, v], |[r, g, b], n| {
                    rgba.extend_from_slice(&[r, g, b, alpha.get(n).copied().unwrap_or(255)]);
                });
                rgba
            }
        }
    }
}

/// Gives every pixel and its number to `put`.
fn convert([y, u, v]: [&Plane; 3], mut put: impl FnMut([u8; 3], usize)) {
    let (mut us, mut vs) = (vec![0; y.width + 1], vec![0; y.width + 1]);
    let mut number = 0;
    for row in 0..y.height {
        upsample(u, row, &mut us);
        upsample(v, row, &mut vs);
        let luma = y
            .samples
            .chunks(y.width.max(1))
            .nth(row)
            .unwrap_or_default();
        for ((luma, u), v) in luma.iter().zip(&us).zip(&vs) {
            put(rgb(*luma, *u, *v), number);
            number += 1;
        }
    }
}

/// The samples of `plane` between which those of the luma row `row` lie.
fn upsample(plane: &Plane, row: usize, out: &mut [u8]) {
    let line = |n: usize| plane.samples.chunks(plane.width.max(1)).nth(n);
    let near = line(row / 2).unwrap_or_default();
    let far = match row % 2 {
        0 => (row / 2).checked_sub(1).and_then(line),
        _ => line(row / 2 + 1),
    };
    let far = far.unwrap_or(near);
    let sum = |n: usize| {
        let [near, far] =
            [near, far].map(|line| line.get(n).map_or(0, |sample| u16::from(*sample)));
        3 * near + far
    };
    let last = plane.width.saturating_sub(1);
    for (n, pair) in out.chunks_mut(2).enumerate().take(plane.width) {
        let here = sum(n);
        let sides = [sum(n.saturating_sub(1)), sum((n + 1).min(last))];
        for (out, side) in pair.iter_mut().zip(sides) {
            *out = ((3 * here + side + 8) >> 4) as u8;
        }
    }
}

/// One pixel in 14 bits of fixed point, of which eight are left after the products.
fn rgb(y: u8, u: u8, v: u8) -> [u8; 3] {
    let product = |sample: u8, factor: i32| (i32::from(sample) * factor) >> 8;
    let luma = product(y, 19_077);
    [
        luma + product(v, 26_149) - 14_234,
        luma - product(u, 6_419) - product(v, 13_320) + 8_708,
        luma + product(u, 33_050) - 17_685,
    ]
    .map(|channel| (channel >> 6).clamp(0, 255) as u8)
}
