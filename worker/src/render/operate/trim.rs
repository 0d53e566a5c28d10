//! Finds the borders that show nothing but a background.

use super::median::median;
use crate::render::frame::flatten;
use crate::render::pixels::{Channels, Pixels};

/// A rectangle of whole pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::render) struct Rectangle {
    pub(in crate::render) left: u32,
    pub(in crate::render) top: u32,
    pub(in crate::render) width: u32,
    pub(in crate::render) height: u32,
}

/// What is left without borders that differ from `background` by no more than `threshold`;
/// without a background it is the top left pixel. `None`: all of it is background.
///
/// Specks are not looked at: a pixel is the median of its neighbours. A picture with alpha is
/// compared on its background, and its alpha as well.
pub(in crate::render) fn trim(
    pixels: &Pixels,
    background: Option<[u8; 4]>,
    threshold: f32,
) -> Option<Rectangle> {
    let background = background.unwrap_or_else(|| first(pixels));
    let [.., alpha] = background;
    let (colours, opaque) = match pixels.channels() {
        Channels::Gray | Channels::Rgb => (found(pixels, background, threshold), None),
        Channels::Rgba | Channels::Cmyk => {
            let flat = flatten(pixels.clone(), background);
            let (all, _) = pixels.samples().as_chunks::<4>();
            let plane = all.iter().map(|[.., alpha]| *alpha).collect();
            let plane = Pixels::new(pixels.size(), plane, Channels::Gray)?;
            (
                found(&flat, background, threshold),
                found(&plane, [alpha; 4], threshold),
            )
        }
    };
    match (colours, opaque) {
        (Some(colours), Some(opaque)) => Some(around(colours, opaque)),
        (found, None) | (None, found) => found,
    }
}

fn first(pixels: &Pixels) -> [u8; 4] {
    match (pixels.channels(), pixels.samples()) {
        (Channels::Gray, [gray, ..]) => [*gray, *gray, *gray, u8::MAX],
        (Channels::Rgb, [red, green, blue, ..]) => [*red, *green, *blue, u8::MAX],
        (Channels::Rgba | Channels::Cmyk, [red, green, blue, alpha, ..]) => {
            [*red, *green, *blue, *alpha]
        }
        _ => [0, 0, 0, u8::MAX],
    }
}

/// The rectangle around everything that is not `background`.
fn found(pixels: &Pixels, background: [u8; 4], threshold: f32) -> Option<Rectangle> {
    let smooth = median(pixels);
    let differs = |pixel: &[u8]| {
        let mut both = pixel.iter().zip(background);
        both.any(|(sample, background)| f32::from(sample.abs_diff(background)) > threshold)
    };
    let channels = smooth.channels().count();
    let mut bounds: Option<[usize; 4]> = None;
    for (y, row) in smooth.rows().enumerate() {
        let Some(left) = row.chunks_exact(channels).position(differs) else {
            continue;
        };
        let right = row
            .chunks_exact(channels)
            .rposition(differs)
            .unwrap_or(left);
        let [least, top, most, _] = bounds.unwrap_or([left, y, right, y]);
        bounds = Some([least.min(left), top, most.max(right), y]);
    }
    let [left, top, right, bottom] = bounds?;
    let px = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    Some(Rectangle {
        left: px(left),
        top: px(top),
        width: px(right - left + 1),
        height: px(bottom - top + 1),
    })
}

/// The smallest rectangle that holds both.
fn around(one: Rectangle, other: Rectangle) -> Rectangle {
    let left = one.left.min(other.left);
    let top = one.top.min(other.top);
    let right = (one.left + one.width).max(other.left + other.width);
    let bottom = (one.top + one.height).max(other.top + other.height);
    Rectangle {
        left,
        top,
        width: right - left,
        height: bottom - top,
    }
}
