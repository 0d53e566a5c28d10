//! Blurs. Alpha is premultiplied, so that what is transparent does not bleed.

use thumbmill_shared::transform::BLUR_LEAST;

use super::kernel::{Kernel, convolve};
use super::lab::rounded;
use crate::render::pixels::{Channels, Pixels};
use crate::render::plan::Size;

/// A sigma of more pixels than this is made on a smaller picture: it looks the same, and the cost
/// of a pixel stays the same for every sigma.
const WHOLE_SIGMA_PX: f32 = 8.0;
/// The smaller picture's sides are no shorter than this, for the edges' sake.
const SMALL_SIDE_PX: u32 = 64;

/// The mean of every pixel and its eight neighbours.
pub(super) fn mild(pixels: &Pixels) -> Pixels {
    let kernel = Kernel::mean_of_three();
    let mut blurred = Pixels::black(pixels.size(), pixels.channels());
    convolve(
        (pixels.size(), pixels.channels().count()),
        (&kernel, &kernel),
        |y, row| load(pixels, y, row),
        |y, row| store(row, &mut blurred, y),
    );
    blurred
}

/// A Gaussian blur; `sigma` is in pixels.
pub(super) fn gaussian(pixels: &Pixels, sigma: f32) -> Pixels {
    let Size { width, height } = pixels.size();
    let across = reduction(sigma, width);
    let down = reduction(sigma, height);
    let small = Size {
        width: cells(width, across),
        height: cells(height, down),
    };
    let kernel = |by: u32, side: u32| Kernel::gaussian(sigma / px(by), BLUR_LEAST, side);
    let kernels = (&kernel(across, small.width), &kernel(down, small.height));
    let mut blurred = Pixels::black(pixels.size(), pixels.channels());
    let channels = pixels.channels().count();
    if (across, down) == (1, 1) {
        convolve(
            (small, channels),
            kernels,
            |y, row| load(pixels, y, row),
            |y, row| store(row, &mut blurred, y),
        );
        return blurred;
    }
    let mut rows: Vec<Vec<f32>> = Vec::new();
    convolve(
        (small, channels),
        kernels,
        |y, row| shrink(pixels, (across, down), y, row),
        |_, row| rows.push(row.to_vec()),
    );
    expand(&rows, (across, down), &mut blurred);
    blurred
}

/// How many cells a side has, with one more at each end.
fn cells(side: u32, by: u32) -> u32 {
    match by {
        1 => side,
        _ => side.div_ceil(by) + 2,
    }
}

/// How many pixels of a side become one, for a kernel of a bounded size.
fn reduction(sigma: f32, side: u32) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates"
    )]
    let by = (2.0 * sigma / WHOLE_SIGMA_PX) as u32;
    by.min(side / SMALL_SIDE_PX).max(1)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to sixteen million pixels a side, and near enough beyond"
)]
fn px(count: u32) -> f32 {
    count as f32
}

/// One row, its colours weighted by alpha.
pub(super) fn load(pixels: &Pixels, y: usize, row: &mut [f32]) {
    let samples = pixels.rows().nth(y).unwrap_or_default();
    for (place, sample) in row.iter_mut().zip(samples) {
        *place = f32::from(*sample);
    }
    if pixels.channels() == Channels::Rgba {
        let (all, _) = row.as_chunks_mut::<4>();
        for [red, green, blue, alpha] in all {
            let share = *alpha / 255.0;
            *red *= share;
            *green *= share;
            *blue *= share;
        }
    }
}

/// The other way round.
pub(super) fn store(row: &[f32], pixels: &mut Pixels, y: usize) {
    let channels = pixels.channels();
    let place = pixels.rows_mut().nth(y).unwrap_or_default();
    if channels == Channels::Rgba {
        let (places, _) = place.as_chunks_mut::<4>();
        let (all, _) = row.as_chunks::<4>();
        for (place, [red, green, blue, alpha]) in places.iter_mut().zip(all) {
            // Less than half a step of alpha is none, and its colour is anything.
            let share = if *alpha < 0.5 { 0.0 } else { 255.0 / alpha };
            *place = [red * share, green * share, blue * share, *alpha].map(rounded);
        }
    } else {
        for (place, sample) in place.iter_mut().zip(row) {
            *place = rounded(*sample);
        }
    }
}

/// Row `y` of the picture made smaller: the means of cells of `across` times `down` pixels. The
/// first and the last row and column lie outside the picture and so are all edge, as is what
/// the cells before them have too much.
fn shrink(pixels: &Pixels, (across, down): (u32, u32), y: usize, small: &mut [f32]) {
    let channels = pixels.channels().count();
    let Size { width, height } = pixels.size();
    let (width, height) = (width as usize, height as usize);
    let (across, down) = (across as usize, down as usize);
    // How far the first cell lies outside.
    let outside = |by: usize| if by == 1 { 0 } else { by };
    let mut row = vec![0.0; width * channels];
    small.fill(0.0);
    for line in y * down..(y + 1) * down {
        load(
            pixels,
            line.saturating_sub(outside(down)).min(height - 1),
            &mut row,
        );
        for (cell, sum) in small.chunks_exact_mut(channels).enumerate() {
            for column in cell * across..(cell + 1) * across {
                let x = column.saturating_sub(outside(across)).min(width - 1);
                let pixel = row.get(x * channels..).unwrap_or_default();
                for (sum, sample) in sum.iter_mut().zip(pixel) {
                    *sum += sample;
                }
            }
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "some thousand pixels at most")]
    let share = 1.0 / (across * down) as f32;
    for sum in small {
        *sum *= share;
    }
}

/// Back to the full size, bilinear between the cells' middles.
fn expand(rows: &[Vec<f32>], (across, down): (u32, u32), pixels: &mut Pixels) {
    let channels = pixels.channels().count();
    let Size { width, height } = pixels.size();
    let columns = positions(width, across);
    let mut wide = vec![0.0; width as usize * channels];
    for (y, (above, share)) in positions(height, down).into_iter().enumerate() {
        let row = |at: usize| rows.get(at.min(rows.len().saturating_sub(1)));
        let (Some(above), Some(below)) = (row(above), row(above + 1)) else {
            return;
        };
        let mixed: Vec<f32> = above
            .iter()
            .zip(below)
            .map(|(above, below)| above + share * (below - above))
            .collect();
        for (place, (left, share)) in wide.chunks_exact_mut(channels).zip(&columns) {
            let pixel = |at: usize| {
                let at = at.min((mixed.len() / channels).saturating_sub(1)) * channels;
                mixed.get(at..at + channels).unwrap_or_default()
            };
            for ((place, left), right) in place.iter_mut().zip(pixel(*left)).zip(pixel(left + 1)) {
                *place = left + share * (right - left);
            }
        }
        store(&wide, pixels, y);
    }
}

/// For every pixel of a side the cell before it, and how far it is on the way to the next.
fn positions(side: u32, by: u32) -> Vec<(usize, f32)> {
    // In half pixels, so that the middles of pixels and cells are whole numbers.
    let first = u32::from(by == 1);
    (0..side)
        .map(|at| {
            let from_first = 2 * at + 1 + by - 2 * first;
            let (cell, rest) = (from_first / (2 * by), from_first % (2 * by));
            (cell as usize, px(rest) / px(2 * by))
        })
        .collect()
}
