//! Lays a picture on its canvas (letterbox), and on black where a format has no alpha (flatten).

use super::geometry::{Plan, Size};
use super::pixels::{Channels, Pixels};

/// Adds the planned bars: opaque black in every format.
pub(super) fn letterbox(pixels: Pixels, plan: &Plan) -> Pixels {
    let Some((canvas, left, top)) = plan.canvas else {
        return pixels;
    };
    let channels = pixels.channels();
    let mut framed = Pixels::black(canvas, channels);
    if channels == Channels::Rgba {
        let (all, _) = framed.samples_mut().as_chunks_mut::<4>();
        all.fill([0, 0, 0, 255]);
    }
    let Size { width, height } = pixels.size();
    let row_bytes = |px: u32| px as usize * channels.count();
    let rows = pixels.samples().chunks_exact(row_bytes(width).max(1));
    let canvas_rows = framed
        .samples_mut()
        .chunks_exact_mut(row_bytes(canvas.width).max(1));
    for (row, canvas_row) in rows.zip(canvas_rows.skip(top as usize).take(height as usize)) {
        if let Some(place) = canvas_row.get_mut(row_bytes(left)..row_bytes(left + width)) {
            place.copy_from_slice(row);
        }
    }
    framed
}

/// Drops alpha: what is transparent becomes black.
pub(super) fn flatten(pixels: Pixels) -> Pixels {
    if pixels.channels() != Channels::Rgba {
        return pixels;
    }
    let size = pixels.size();
    let on_black = |sample: u8, alpha: u8| {
        let product = u32::from(sample) * u32::from(alpha) + 127;
        u8::try_from(product / 255).unwrap_or(u8::MAX)
    };
    let (all, _) = pixels.samples().as_chunks::<4>();
    let flat: Vec<u8> = all
        .iter()
        .flat_map(|[red, green, blue, alpha]| {
            [red, green, blue].map(|sample| on_black(*sample, *alpha))
        })
        .collect();
    Pixels::new(size, flat, Channels::Rgb).unwrap_or_else(|| Pixels::black(size, Channels::Rgb))
}
