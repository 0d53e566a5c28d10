//! Operations on how opaque a picture is, and on what lies behind and around it.

use super::super::geometry::Size;
use super::super::pixels::{Channels, Pixels};

/// How many pixels are added at each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::render) struct Margins {
    pub(in crate::render) top_px: u32,
    pub(in crate::render) left_px: u32,
    pub(in crate::render) bottom_px: u32,
    pub(in crate::render) right_px: u32,
}

/// Lays the picture on a colour; it is opaque then.
pub(in crate::render) fn flatten(pixels: Pixels, background: [u8; 3]) -> Pixels {
    if pixels.channels() != Channels::Rgba {
        return pixels;
    }
    picture(pixels.size(), on(background, pixels.samples()), Channels::Rgb)
}

/// RGBA samples on a colour, as RGB.
pub(super) fn on(background: [u8; 3], rgba: &[u8]) -> Vec<u8> {
    let mixed = |over: u8, under: u8, alpha: u8| {
        let (alpha, rest) = (u32::from(alpha), u32::from(u8::MAX - alpha));
        let sum = u32::from(over) * alpha + u32::from(under) * rest;
        u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX)
    };
    let [under_red, under_green, under_blue] = background;
    let (all, _) = rgba.as_chunks::<4>();
    all.iter()
        .flat_map(|[red, green, blue, alpha]| {
            [
                mixed(*red, under_red, *alpha),
                mixed(*green, under_green, *alpha),
                mixed(*blue, under_blue, *alpha),
            ]
        })
        .collect()
}

/// Drops alpha and shows the colours that it hid.
pub(super) fn remove(pixels: Pixels) -> Pixels {
    if pixels.channels() != Channels::Rgba {
        return pixels;
    }
    let (all, _) = pixels.samples().as_chunks::<4>();
    let opaque = all
        .iter()
        .flat_map(|[red, green, blue, _]| [*red, *green, *blue])
        .collect();
    picture(pixels.size(), opaque, Channels::Rgb)
}

/// A picture without alpha gets one, the same everywhere.
pub(super) fn ensure(pixels: Pixels, alpha: u8) -> Pixels {
    if pixels.channels() == Channels::Rgba {
        return pixels;
    }
    let mut pixels = pixels.widened(Channels::Rgba);
    let (all, _) = pixels.samples_mut().as_chunks_mut::<4>();
    for [_, _, _, place] in all {
        *place = alpha;
    }
    pixels
}

/// Adds margins of one colour.
pub(in crate::render) fn extend(pixels: Pixels, margins: Margins, background: [u8; 4]) -> Pixels {
    if margins == Margins::default() {
        return pixels;
    }
    let pixels = holding(pixels, background);
    let channels = pixels.channels();
    let Size { width, height } = pixels.size();
    let sum = |side: u32, before: u32, after: u32| side.saturating_add(before).saturating_add(after);
    let canvas = Size {
        width: sum(width, margins.left_px, margins.right_px),
        height: sum(height, margins.top_px, margins.bottom_px),
    };
    let mut extended = filled(canvas, background, channels);
    let row_bytes = |px: u32| px as usize * channels.count();
    let place = row_bytes(margins.left_px)..row_bytes(margins.left_px.saturating_add(width));
    let rows = pixels.samples().chunks_exact(row_bytes(width).max(1));
    let canvas_rows = extended
        .samples_mut()
        .chunks_exact_mut(row_bytes(canvas.width).max(1))
        .skip(margins.top_px as usize);
    for (row, canvas_row) in rows.zip(canvas_rows) {
        if let Some(place) = canvas_row.get_mut(place.clone()) {
            place.copy_from_slice(row);
        }
    }
    extended
}

/// The same picture in channels that can also show `background`.
pub(super) fn holding(pixels: Pixels, background: [u8; 4]) -> Pixels {
    let [red, green, blue, alpha] = background;
    if alpha < u8::MAX {
        pixels.widened(Channels::Rgba)
    } else if red == green && green == blue {
        pixels
    } else {
        pixels.widened(Channels::Rgb)
    }
}

/// A picture of nothing but `background`.
pub(super) fn filled(size: Size, background: [u8; 4], channels: Channels) -> Pixels {
    let mut pixels = Pixels::black(size, channels);
    if let Some(sample) = background.get(..channels.count()) {
        for pixel in pixels.samples_mut().chunks_exact_mut(channels.count()) {
            pixel.copy_from_slice(sample);
        }
    }
    pixels
}

fn picture(size: Size, samples: Vec<u8>, channels: Channels) -> Pixels {
    Pixels::new(size, samples, channels).unwrap_or_else(|| Pixels::black(size, channels))
}
