//! Operations on how opaque a picture is, and on what lies around it.

use crate::render::frame::Colour;
use crate::render::pixels::{Channels, Pixels};
use crate::render::plan::Size;

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
    let size = pixels.size();
    Pixels::new(size, opaque, Channels::Rgb).unwrap_or_else(|| Pixels::black(size, Channels::Rgb))
}

/// A picture without alpha gets one, the same everywhere.
pub(super) fn ensure(pixels: Pixels, opaque: u8) -> Pixels {
    if pixels.channels() == Channels::Rgba {
        return pixels;
    }
    let mut pixels = pixels.widened(Channels::Rgba);
    let (all, _) = pixels.samples_mut().as_chunks_mut::<4>();
    for [.., alpha] in all {
        *alpha = opaque;
    }
    pixels
}

/// Adds edges of one colour above, right, below and left.
pub(super) fn extend(pixels: Pixels, edges: [u32; 4], background: Colour) -> Pixels {
    let [top, right, bottom, left] = edges;
    let pixels = holding(pixels, background);
    let Size { width, height } = pixels.size();
    let canvas = Size {
        width: width.saturating_add(left).saturating_add(right),
        height: height.saturating_add(top).saturating_add(bottom),
    };
    let mut extended = Pixels::filled(canvas, pixels.channels(), background);
    let place = pixels.row_bytes(left)..pixels.row_bytes(left.saturating_add(width));
    let canvas_rows = extended.rows_mut().skip(top as usize);
    for (row, canvas_row) in pixels.rows().zip(canvas_rows) {
        if let Some(place) = canvas_row.get_mut(place.clone()) {
            place.copy_from_slice(row);
        }
    }
    extended
}

/// The same picture in channels that can also show `background`.
pub(super) fn holding(pixels: Pixels, background: Colour) -> Pixels {
    let [red, green, blue, alpha] = background;
    if alpha < u8::MAX {
        pixels.widened(Channels::Rgba)
    } else if red == green && green == blue {
        pixels
    } else {
        pixels.widened(Channels::Rgb)
    }
}
