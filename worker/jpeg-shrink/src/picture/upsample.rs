//! A row of the picture out of a plane that may be less dense: linear between the samples, which
//! lie in the middle of the pixels that they stand for.

use super::Plane;

/// Weights have this many bits behind the point.
const POINT: u32 = 8;

/// Fills `row` with the picture's row `y`.
pub(super) fn row(plane: &Plane, y: usize, row: &mut [u8]) {
    let vertical = Place::new(y, plane.down, plane.height);
    let line = |index: usize| {
        plane
            .samples
            .get(index * plane.width..(index + 1) * plane.width)
            .unwrap_or_default()
    };
    let (upper, lower) = (line(vertical.index), line(vertical.neighbour));
    if plane.across.0 == plane.across.1 && vertical.weight == 0 {
        for (value, sample) in row.iter_mut().zip(upper) {
            *value = *sample;
        }
        return;
    }
    let at = |index: usize| {
        let pair = (upper.get(index).copied(), lower.get(index).copied());
        let (upper, lower) = (
            u32::from(pair.0.unwrap_or(0)),
            u32::from(pair.1.unwrap_or(0)),
        );
        mixed(upper << POINT, lower << POINT, vertical.weight)
    };
    for (x, value) in row.iter_mut().enumerate() {
        let place = Place::new(x, plane.across, plane.width);
        let level = mixed(at(place.index), at(place.neighbour), place.weight);
        *value = ((level + (1 << (POINT - 1))) >> POINT).min(255) as u8;
    }
}

fn mixed(a: u32, b: u32, weight: u32) -> u32 {
    (a * ((1 << POINT) - weight) + b * weight) >> POINT
}

/// Between which samples a pixel lies, and how close to the second.
struct Place {
    index: usize,
    neighbour: usize,
    weight: u32,
}

impl Place {
    fn new(pixel: usize, (pixels, samples): (u8, u8), count: usize) -> Self {
        let (pixels, samples) = (usize::from(pixels), usize::from(samples));
        let last = count.saturating_sub(1);
        // (pixel + 1/2) * samples / pixels - 1/2, in halves of a pixel's share.
        let twice = (2 * pixel + 1) * samples;
        let Some(behind) = twice.checked_sub(pixels) else {
            return Self {
                index: 0,
                neighbour: 0,
                weight: 0,
            };
        };
        let index = (behind / (2 * pixels)).min(last);
        let weight = ((behind % (2 * pixels)) << POINT) / (2 * pixels);
        Self {
            index,
            neighbour: (index + 1).min(last),
            weight: weight as u32,
        }
    }
}
