//! YCbCr to RGB (ITU-R BT.601), for planes of one size.

use crate::render::picture::{Planes, Range};
use crate::render::pixels::{Channels, Pixels};

/// Fixed point: 16 bits behind the point.
const ONE: f64 = 65536.0;

/// What the samples are multiplied with.
#[derive(Clone, Copy)]
struct Matrix {
    black: i32,
    luma: i32,
    cr_to_red: i32,
    cb_to_green: i32,
    cr_to_green: i32,
    cb_to_blue: i32,
}

impl Matrix {
    /// Of JPEG: JFIF 1.02, clause 7.
    const FULL: Self = Self::new(0, 1.0, 1.0);
    /// Of video: luma has 219 steps, chroma 224.
    const VIDEO: Self = Self::new(16, 255.0 / 219.0, 255.0 / 224.0);

    const fn new(black: i32, luma: f64, chroma: f64) -> Self {
        Self {
            black,
            luma: fixed(luma),
            cr_to_red: fixed(1.402 * chroma),
            cb_to_green: fixed(0.344_136 * chroma),
            cr_to_green: fixed(0.714_136 * chroma),
            cb_to_blue: fixed(1.772 * chroma),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the constants are small")]
const fn fixed(factor: f64) -> i32 {
    (factor * ONE + 0.5) as i32
}

/// Converts planes of one size; what chroma lacks is black.
pub(super) fn to_rgb(planes: &Planes) -> Pixels {
    let matrix = match planes.range {
        Range::Full => Matrix::FULL,
        Range::Video => Matrix::VIDEO,
    };
    let mut pixels = Pixels::black(planes.luma.size(), Channels::Rgb);
    let [cb, cr] = &planes.chroma;
    let (rgb, _) = pixels.samples_mut().as_chunks_mut::<3>();
    let chroma = cb.samples().iter().zip(cr.samples());
    for ((y, (cb, cr)), rgb) in planes.luma.samples().iter().zip(chroma).zip(rgb) {
        *rgb = pixel(matrix, *y, *cb, *cr);
    }
    pixels
}

#[inline]
fn pixel(matrix: Matrix, y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let half = 1 << 15;
    let luma = (i32::from(y) - matrix.black) * matrix.luma + half;
    let (cb, cr) = (i32::from(cb) - 128, i32::from(cr) - 128);
    let sample = |value: i32| u8::try_from((value >> 16).clamp(0, 255)).unwrap_or(u8::MAX);
    [
        sample(luma + cr * matrix.cr_to_red),
        sample(luma - cb * matrix.cb_to_green - cr * matrix.cr_to_green),
        sample(luma + cb * matrix.cb_to_blue),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_the_standards() {
        let table = [
            (Matrix::FULL, [0, 128, 128], [0, 0, 0]),
            (Matrix::FULL, [255, 128, 128], [255, 255, 255]),
            (Matrix::FULL, [76, 85, 255], [254, 0, 0]),
            (Matrix::FULL, [150, 44, 21], [0, 255, 1]),
            (Matrix::VIDEO, [16, 128, 128], [0, 0, 0]),
            (Matrix::VIDEO, [235, 128, 128], [255, 255, 255]),
            (Matrix::VIDEO, [81, 90, 240], [254, 0, 0]),
        ];
        for (matrix, [y, cb, cr], expected) in table {
            assert_eq!(pixel(matrix, y, cb, cr), expected, "{y} {cb} {cr}");
        }
    }
}
