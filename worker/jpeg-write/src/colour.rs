//! RGB to the planes of a JPEG: the matrix of JFIF, and chroma at the picture's sampling.
//!
//! Both round as libjpeg does. Knows nothing of transparency or profiles: RGB is sRGB by then.

use crate::{Components, Error, Plane, Sampling, frame};

/// Planes of their own, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YcbcrPlanes {
    /// Brightness: `width` × `height` samples.
    pub y: Vec<u8>,
    /// Blue difference: [`Sampling::chroma_size`] samples.
    pub cb: Vec<u8>,
    /// Red difference, as many.
    pub cr: Vec<u8>,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// How many samples of brightness share one of colour.
    pub sampling: Sampling,
}

impl YcbcrPlanes {
    /// What [`write`](crate::write) takes.
    pub fn components(&self) -> Components<'_> {
        let (width, height) = self.sampling.chroma_size(self.width, self.height);
        let plane = |samples, width, height| Plane {
            samples,
            width,
            height,
        };
        Components::Ycbcr {
            y: plane(&self.y, self.width, self.height),
            cb: plane(&self.cb, width, height),
            cr: plane(&self.cr, width, height),
            sampling: self.sampling,
        }
    }
}

/// Converts pixels of three bytes, red, green and blue, row after row (JFIF 1.02: BT.601, full
/// range). Chroma shared by several pixels is their mean; beyond the right and lower edge the last
/// pixel goes on.
pub fn ycbcr_from_rgb(
    rgb: &[u8],
    width: u32,
    height: u32,
    sampling: Sampling,
) -> Result<YcbcrPlanes, Error> {
    frame::sides(width, height)?;
    let pixels = u64::from(width) * u64::from(height);
    if u64::try_from(rgb.len()) != Ok(pixels * 3) {
        return Err(Error::Length {
            width,
            height,
            found: rgb.len(),
        });
    }
    let (chroma_width, chroma_height) = sampling.chroma_size(width, height);
    let chroma = chroma_width as usize * chroma_height as usize;
    let mut planes = YcbcrPlanes {
        y: Vec::with_capacity(rgb.len() / 3),
        cb: Vec::with_capacity(chroma),
        cr: Vec::with_capacity(chroma),
        width,
        height,
        sampling,
    };
    let width = width as usize;
    let (_, down) = sampling.factors();
    let mut rows = [Rows::of(width), Rows::of(width)];
    for group in rgb.chunks(width * 3 * usize::from(down)) {
        for (pixels, rows) in group.chunks_exact(width * 3).zip(&mut rows) {
            rows.convert(pixels);
            planes.y.extend_from_slice(&rows.y);
        }
        let [upper, lower] = &rows;
        match sampling {
            Sampling::Full => {
                planes.cb.extend_from_slice(&upper.cb);
                planes.cr.extend_from_slice(&upper.cr);
            }
            Sampling::Half => {
                put_means_of_two(&upper.cb, &mut planes.cb);
                put_means_of_two(&upper.cr, &mut planes.cr);
            }
            Sampling::Quarter => {
                let lower = if group.len() > width * 3 {
                    lower
                } else {
                    upper
                };
                put_means_of_four(&upper.cb, &lower.cb, &mut planes.cb);
                put_means_of_four(&upper.cr, &lower.cr, &mut planes.cr);
            }
        }
    }
    Ok(planes)
}

/// One row of pixels on its way: its colours apart, and what becomes of them.
#[derive(Clone, Debug)]
struct Rows {
    red: Vec<u8>,
    green: Vec<u8>,
    blue: Vec<u8>,
    y: Vec<u8>,
    cb: Vec<u8>,
    cr: Vec<u8>,
}

impl Rows {
    fn of(width: usize) -> Self {
        let row = || vec![0; width];
        Self {
            red: row(),
            green: row(),
            blue: row(),
            y: row(),
            cb: row(),
            cr: row(),
        }
    }

    /// The colours are taken apart first because the compiler cannot do it among vectors.
    fn convert(&mut self, pixels: &[u8]) {
        let colours = self.red.iter_mut().zip(&mut self.green).zip(&mut self.blue);
        for (((red, green), blue), pixel) in colours.zip(pixels.as_chunks::<3>().0) {
            [*red, *green, *blue] = *pixel;
        }
        let colours = self.red.iter().zip(&self.green).zip(&self.blue);
        let out = self.y.iter_mut().zip(&mut self.cb).zip(&mut self.cr);
        for (((&red, &green), &blue), ((y, cb), cr)) in colours.zip(out) {
            [*y, *cb, *cr] = converted(red.into(), green.into(), blue.into());
        }
    }
}

/// Weights in parts of 65536; those of brightness sum up to one, those of either colour to zero.
#[inline]
fn converted(red: u32, green: u32, blue: u32) -> [u8; 3] {
    const HALF: u32 = 1 << 15;
    // 128, and a half less a trace, so that pure blue and pure red stay below 256.
    const CENTRE: u32 = (128 << 16) + HALF - 1;
    let y = red * 19_595 + green * 38_470 + blue * 7_471 + HALF;
    let cb = CENTRE + (blue << 15) - red * 11_059 - green * 21_709;
    let cr = CENTRE + (red << 15) - green * 27_439 - blue * 5_329;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a weighted mean of bytes is a byte"
    )]
    let bytes = [y, cb, cr].map(|sum| (sum >> 16) as u8);
    bytes
}

/// Halves are rounded down and up in turns, so that the picture does not drift.
fn put_means_of_two(row: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(
        start + row.len().div_ceil(2),
        row.last().copied().unwrap_or_default(),
    );
    let means = out.get_mut(start..).unwrap_or_default();
    let (pairs, _) = row.as_chunks::<2>();
    for (index, (mean, &[left, right])) in means.iter_mut().zip(pairs).enumerate() {
        let round = u16::from(index % 2 == 1);
        *mean = byte((u16::from(left) + u16::from(right) + round) >> 1);
    }
}

/// Fourths are rounded from the half downwards and upwards in turns.
fn put_means_of_four(upper: &[u8], lower: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + upper.len().div_ceil(2), 0);
    let means = out.get_mut(start..).unwrap_or_default();
    let mean_of = |upper: [u8; 2], lower: [u8; 2], index: usize| {
        let sum = upper
            .map(u16::from)
            .iter()
            .chain(&lower.map(u16::from))
            .sum::<u16>();
        byte((sum + 1 + u16::from(index % 2 == 1)) >> 2)
    };
    let (upper_pairs, upper_odd) = upper.as_chunks::<2>();
    let (lower_pairs, lower_odd) = lower.as_chunks::<2>();
    let pairs = upper_pairs.iter().zip(lower_pairs);
    for (index, (mean, (&upper, &lower))) in means.iter_mut().zip(pairs).enumerate() {
        *mean = mean_of(upper, lower, index);
    }
    if let ([upper], [lower], Some(mean)) = (upper_odd, lower_odd, means.last_mut()) {
        *mean = mean_of([*upper; 2], [*lower; 2], upper_pairs.len());
    }
}

/// What a mean of bytes is.
#[inline]
fn byte(mean: u16) -> u8 {
    mean.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corners_of_the_colour_cube_are_those_of_jfif() {
        let corners = [
            ([0, 0, 0], [0, 128, 128]),
            ([255, 255, 255], [255, 128, 128]),
            ([255, 0, 0], [76, 85, 255]),
            ([0, 255, 0], [150, 44, 21]),
            ([0, 0, 255], [29, 255, 107]),
        ];
        for (rgb, [y, cb, cr]) in corners {
            let planes = ycbcr_from_rgb(&rgb, 1, 1, Sampling::Full).unwrap();
            assert_eq!(
                (planes.y, planes.cb, planes.cr),
                (vec![y], vec![cb], vec![cr]),
                "{rgb:?}"
            );
        }
    }

    #[test]
    fn every_conversion_is_the_formula_rounded() {
        for place in 0..1 << 15 {
            let [r, g, b] =
                [place >> 10, place >> 5 & 31, place & 31].map(|level| level * 255 / 31);
            let (red, green, blue) = (f64::from(r), f64::from(g), f64::from(b));
            let exact = [
                0.299 * red + 0.587 * green + 0.114 * blue,
                128.0 - 0.168_735_9 * red - 0.331_264_1 * green + 0.5 * blue,
                128.0 + 0.5 * red - 0.418_687_6 * green - 0.081_312_4 * blue,
            ];
            for (found, exact) in converted(r, g, b).into_iter().zip(exact) {
                assert!((f64::from(found) - exact).abs() < 0.51, "({r}, {g}, {b})");
            }
        }
    }

    #[test]
    fn means_of_two_round_in_turns_and_keep_an_odd_last_sample() {
        let mut out = vec![9];
        put_means_of_two(&[1, 2, 1, 2, 1, 2, 7], &mut out);
        assert_eq!(out, [9, 1, 2, 1, 7]);
    }

    #[test]
    fn means_of_four_round_in_turns_and_repeat_an_odd_last_column() {
        let mut out = vec![9];
        put_means_of_four(&[1, 1, 1, 1, 4], &[2, 2, 2, 2, 5], &mut out);
        assert_eq!(out, [9, 1, 2, 4]);
    }

    #[test]
    fn an_odd_last_row_is_its_own_neighbour() {
        let rgb = [[10; 3], [20; 3], [250; 3]].concat();
        let planes = ycbcr_from_rgb(&rgb, 1, 3, Sampling::Quarter).unwrap();
        assert_eq!(
            (planes.y, planes.cb, planes.cr),
            (vec![10, 20, 250], vec![128; 2], vec![128; 2])
        );
    }

    #[test]
    fn a_buffer_of_another_length_is_refused() {
        let refused = ycbcr_from_rgb(&[0; 11], 2, 2, Sampling::Half);
        assert_eq!(
            refused,
            Err(Error::Length {
                width: 2,
                height: 2,
                found: 11
            })
        );
    }
}
