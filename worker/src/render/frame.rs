//! Lays a picture on its canvas (letterbox), and on a colour where a format has no alpha (flatten).

use super::pixels::{Channels, Pixels};
use super::plan::{Plan, Size};

/// Red, green, blue and how opaque.
pub(super) type Colour = [u8; 4];

/// What bars are and what shows through when nothing is said.
pub(super) const BLACK: Colour = [0, 0, 0, 255];

/// Adds the planned bars in one colour.
pub(super) fn letterbox(pixels: Pixels, plan: &Plan, colour: Colour) -> Pixels {
    let Some((canvas, left, top)) = plan.canvas else {
        return pixels;
    };
    let [red, green, blue, alpha] = colour;
    let pixels = match pixels.channels() {
        Channels::Gray if alpha == u8::MAX && red == green && green == blue => pixels,
        Channels::Gray if alpha == u8::MAX => pixels.widened(Channels::Rgb),
        Channels::Rgb if alpha == u8::MAX => pixels,
        Channels::Gray | Channels::Rgb | Channels::Rgba | Channels::Cmyk => {
            pixels.widened(Channels::Rgba)
        }
    };
    let mut framed = Pixels::filled(canvas, pixels.channels(), colour);
    let Size { width, height } = pixels.size();
    let place = pixels.row_bytes(left)..pixels.row_bytes(left + width);
    let canvas_rows = framed.rows_mut().skip(top as usize).take(height as usize);
    for (row, canvas_row) in pixels.rows().zip(canvas_rows) {
        if let Some(place) = canvas_row.get_mut(place.clone()) {
            place.copy_from_slice(row);
        }
    }
    framed
}

/// Drops alpha: what is transparent shows `colour`, whose own alpha is not looked at.
pub(super) fn flatten(pixels: Pixels, colour: Colour) -> Pixels {
    if pixels.channels() != Channels::Rgba {
        return pixels;
    }
    let size = pixels.size();
    let [red, green, blue, _] = colour;
    let mix = |sample: u8, below: u8, alpha: u8| {
        let alpha = u32::from(alpha);
        let sum = u32::from(sample) * alpha + u32::from(below) * (255 - alpha) + 127;
        u8::try_from(sum / 255).unwrap_or(u8::MAX)
    };
    let (all, _) = pixels.samples().as_chunks::<4>();
    let flat: Vec<u8> = all
        .iter()
        .flat_map(|[r, g, b, alpha]| {
            [
                mix(*r, red, *alpha),
                mix(*g, green, *alpha),
                mix(*b, blue, *alpha),
            ]
        })
        .collect();
    Pixels::new(size, flat, Channels::Rgb).unwrap_or_else(|| Pixels::black(size, Channels::Rgb))
}
