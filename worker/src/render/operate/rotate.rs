//! Turns a picture by any angle; the canvas grows so that all of it is seen.

use super::alpha::holding;
use super::lab::rounded;
use crate::render::pixels::Pixels;
use crate::render::plan::Size;

/// The size of a picture turned by `degrees`: that of the rectangle around it, rounded.
pub(in crate::render) fn rotated_size(size: Size, degrees: f64) -> Size {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (width, height) = (f64::from(size.width), f64::from(size.height));
    Size {
        width: whole(width * cos.abs() + height * sin.abs()).max(1),
        height: whole(width * sin.abs() + height * cos.abs()).max(1),
    }
}

/// Turns clockwise by `degrees`, bilinear, on `background`.
pub(in crate::render) fn rotate(pixels: Pixels, degrees: f64, background: [u8; 4]) -> Pixels {
    let size = rotated_size(pixels.size(), degrees);
    let pixels = holding(pixels, background);
    let channels = pixels.channels();
    let mut rotated = Pixels::filled(size, channels, background);
    let source = Source { pixels, background };
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (left, top) = source.corner(sin, cos);
    let mut places = rotated.samples_mut().chunks_exact_mut(channels.count());
    for y in (0..size.height).map(f64::from) {
        for (x, place) in (0..size.width).map(f64::from).zip(&mut places) {
            let (x, y) = (x + left, y + top);
            if let Some(colour) = source.at(x * cos + y * sin, y * cos - x * sin) {
                let samples = colour.get(..channels.count()).unwrap_or_default();
                place.copy_from_slice(samples);
            }
        }
    }
    rotated
}

/// The picture to turn.
struct Source {
    pixels: Pixels,
    background: [u8; 4],
}

impl Source {
    /// Where the turned picture's top left corner lies, seen from the source's.
    fn corner(&self, sin: f64, cos: f64) -> (f64, f64) {
        let Size { width, height } = self.pixels.size();
        let (width, height) = (f64::from(width), f64::from(height));
        let left = (width * cos).min(0.0) + (-height * sin).min(0.0);
        let top = (width * sin).min(0.0) + (height * cos).min(0.0);
        (left.round(), top.round())
    }

    /// The colour between the four pixels around a point; `None` where that is background.
    fn at(&self, x: f64, y: f64) -> Option<[u8; 4]> {
        let Size { width, height } = self.pixels.size();
        if x <= -1.0 || y <= -1.0 || x >= f64::from(width) || y >= f64::from(height) {
            return None;
        }
        let (column, row) = (x.floor(), y.floor());
        #[expect(clippy::cast_possible_truncation, reason = "a share below one")]
        let (across, down) = ((x - column) as f32, (y - row) as f32);
        #[expect(clippy::cast_possible_truncation, reason = "within the picture")]
        let (column, row) = (column as i64, row as i64);
        // Premultiplied, so that what is transparent does not bleed.
        let mut sums = [0.0; 4];
        for (dx, dy, weight) in [
            (0, 0, (1.0 - across) * (1.0 - down)),
            (1, 0, across * (1.0 - down)),
            (0, 1, (1.0 - across) * down),
            (1, 1, across * down),
        ] {
            let [red, green, blue, alpha] = self.pixel(column + dx, row + dy).map(f32::from);
            let share = weight * alpha / 255.0;
            let parts = [red * share, green * share, blue * share, share];
            for (sum, part) in sums.iter_mut().zip(parts) {
                *sum += part;
            }
        }
        let [red, green, blue, alpha] = sums;
        let share = if alpha > 0.0 { 1.0 / alpha } else { 0.0 };
        Some([red * share, green * share, blue * share, alpha * 255.0].map(rounded))
    }

    /// One pixel; outside it is the background.
    fn pixel(&self, x: i64, y: i64) -> [u8; 4] {
        let Size { width, height } = self.pixels.size();
        if x < 0 || y < 0 || x >= i64::from(width) || y >= i64::from(height) {
            return self.background;
        }
        let channels = self.pixels.channels().count();
        let at = usize::try_from(y * i64::from(width) + x).unwrap_or(usize::MAX);
        let start = at.saturating_mul(channels);
        match self
            .pixels
            .samples()
            .get(start..start.saturating_add(channels))
        {
            Some([gray]) => [*gray, *gray, *gray, u8::MAX],
            Some([red, green, blue]) => [*red, *green, *blue, u8::MAX],
            Some([red, green, blue, alpha]) => [*red, *green, *blue, *alpha],
            _ => self.background,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates"
)]
fn whole(length: f64) -> u32 {
    length.round() as u32
}
