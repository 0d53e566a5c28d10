//! Weighted means of neighbours: a separable kernel moved over rows of numbers. Knows no colours.

use thumbmill_shared::transform::gaussian_weights;

use crate::render::plan::Size;

/// The weights of a pixel's neighbours in one direction, symmetric, with a sum of one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kernel {
    /// The pixel's own weight, then its neighbours' outwards; never empty.
    half: Vec<f32>,
}

impl Kernel {
    /// The mean of a pixel and its two neighbours.
    pub(super) fn mean_of_three() -> Self {
        Self {
            half: vec![1.0 / 3.0; 2],
        }
    }

    /// A Gaussian, cut off where it falls below `least` of its peak and rounded to twentieths, as
    /// the reference's are. Neighbours further away than `side_px` are the same edge pixel, so
    /// their weights are added up in the last one.
    pub(super) fn gaussian(sigma: f32, least: f32, side_px: u32) -> Self {
        let edge = side_px.max(1) as usize;
        let mut half: Vec<f32> = Vec::new();
        for weight in gaussian_weights(sigma, least) {
            match half.get_mut(edge) {
                Some(edge) => *edge += weight,
                None => half.push(weight),
            }
        }
        let sum = 2.0 * half.iter().sum::<f32>() - half.first().copied().unwrap_or_default();
        for weight in &mut half {
            *weight /= sum;
        }
        Self { half }
    }

    fn radius(&self) -> usize {
        self.half.len().saturating_sub(1)
    }

    /// Each weight with the two offsets that it is for; the pixel's own weight comes halved.
    fn pairs(&self) -> impl Iterator<Item = (usize, f32)> {
        let halved = |(distance, weight): (usize, &f32)| match distance {
            0 => (0, weight / 2.0),
            _ => (distance, *weight),
        };
        self.half.iter().enumerate().map(halved)
    }
}

/// Moves a kernel over a picture of `size` with `channels` numbers a pixel, what lies outside
/// being like the nearest edge: `row(y, place)` writes a source row, `done(y, row)` gets a result.
///
/// Memory: as many rows as the kernel is high.
pub(super) fn convolve(
    (size, channels): (Size, usize),
    (across, down): (&Kernel, &Kernel),
    mut row: impl FnMut(usize, &mut [f32]),
    mut done: impl FnMut(usize, &[f32]),
) {
    let (width, height) = (size.width as usize, size.height as usize);
    let samples = width * channels;
    if samples == 0 || height == 0 {
        return;
    }
    let radius = down.radius();
    let mut ring = vec![vec![0.0; samples]; (2 * radius + 1).min(height)];
    let ring_rows = ring.len();
    let mut padded = vec![0.0; samples + 2 * across.radius() * channels];
    let mut result = vec![0.0; samples];
    let mut ready = 0;
    for y in 0..height {
        while ready < height.min(y + radius + 1) {
            row(ready, inner(&mut padded, across.radius() * channels));
            pad(&mut padded, channels, across.radius());
            if let Some(place) = ring.get_mut(ready % ring_rows) {
                across_row(&padded, channels, across, place);
            }
            ready += 1;
        }
        result.fill(0.0);
        for (distance, weight) in down.pairs() {
            let above = y.saturating_sub(distance) % ring_rows;
            let below = (y + distance).min(height - 1) % ring_rows;
            if let (Some(above), Some(below)) = (ring.get(above), ring.get(below)) {
                for ((sum, above), below) in result.iter_mut().zip(above).zip(below) {
                    *sum += weight * (above + below);
                }
            }
        }
        done(y, &result);
    }
}

/// A padded row without its padding.
fn inner(padded: &mut [f32], padding: usize) -> &mut [f32] {
    let end = padded.len().saturating_sub(padding);
    padded.get_mut(padding..end).unwrap_or_default()
}

/// Repeats the first and last pixel of the inner row outwards.
fn pad(padded: &mut [f32], channels: usize, radius: usize) {
    let padding = channels * radius;
    let Some((before, rest)) = padded.split_at_mut_checked(padding) else {
        return;
    };
    let Some((row, after)) = rest.split_at_mut_checked(rest.len().saturating_sub(padding)) else {
        return;
    };
    if let Some(first) = row.get(..channels) {
        for place in before.chunks_exact_mut(channels) {
            place.copy_from_slice(first);
        }
    }
    if let Some(last) = row.get(row.len().saturating_sub(channels)..) {
        for place in after.chunks_exact_mut(channels) {
            place.copy_from_slice(last);
        }
    }
}

fn across_row(padded: &[f32], channels: usize, kernel: &Kernel, place: &mut [f32]) {
    place.fill(0.0);
    for (distance, weight) in kernel.pairs() {
        let left = padded.get((kernel.radius() - distance) * channels..);
        let right = padded.get((kernel.radius() + distance) * channels..);
        if let (Some(left), Some(right)) = (left, right) {
            for ((sum, left), right) in place.iter_mut().zip(left).zip(right) {
                *sum += weight * (left + right);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_gaussian_is_cut_off_as_the_references_is() {
        // 20, 18, 12, 6 of 92: exp(-1/8), exp(-4/8), exp(-9/8); exp(-16/8) is below 0.2.
        let kernel = Kernel::gaussian(2.0, 0.2, 100);
        let twentieths: Vec<f32> = kernel.half.iter().map(|weight| weight * 92.0).collect();
        assert_eq!(twentieths, [20.0, 18.0, 12.0, 6.0]);
    }

    #[test]
    fn weights_beyond_the_picture_are_the_edges() {
        let kernel = Kernel::gaussian(2.0, 0.2, 2);
        let twentieths: Vec<f32> = kernel.half.iter().map(|weight| weight * 92.0).collect();
        assert_eq!(twentieths, [20.0, 18.0, 18.0]);
    }

    proptest! {
        #[test]
        fn a_plain_picture_stays_as_it_is(
            width in 1_u32..40, height in 1_u32..40, sigma in 0.1_f32..60.0, channels in 1_usize..5,
        ) {
            let kernel = |side| Kernel::gaussian(sigma, 0.2, side);
            let mut rows = 0;
            convolve(
                (Size { width, height }, channels),
                (&kernel(width), &kernel(height)),
                |_, row| row.fill(100.0),
                |_, row| {
                    rows += 1;
                    assert_eq!(row.len(), width as usize * channels);
                    assert!(row.iter().all(|sample| (sample - 100.0).abs() < 0.01));
                },
            );
            prop_assert_eq!(rows, height);
        }

        #[test]
        fn any_sigma_is_a_kernel(sigma: f32, side_px in 1_u32..100) {
            let kernel = Kernel::gaussian(sigma, 0.1, side_px);
            prop_assert!((1..=side_px as usize + 1).contains(&kernel.half.len()));
        }
    }
}
