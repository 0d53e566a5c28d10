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
        let plane = |samples, width, height| Plane { samples, width, height };
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
        return Err(Error::Length { width, height, found: rgb.len() });
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
    for group in rgb.chunks(width * 3 * down as usize) {
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
                let lower = if group.len() > width * 3 { lower } else { upper };
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
        Self { red: row(), green: row(), blue: row(), y: row(), cb: row(), cr: row() }
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
    #[expect(clippy::cast_possible_truncation, reason = "a weighted mean of bytes is a byte")]
    let bytes = [y, cb, cr].map(|sum| (sum >> 16) as u8);
    bytes
}

/// Halves are rounded down and up in turns, so that the picture does not drift.
fn put_means_of_two(row: &[u8], out: &mut Vec<u8>) {
    let (pairs, odd) = row.as_chunks::<2>();
    let turns = [0, 1].into_iter().cycle();
    out.extend(pairs.iter().zip(turns).map(|(&[left, right], round)| {
        let sum = u16::from(left) + u16::from(right);
        byte((sum + round) >> 1)
    }));
    out.extend(odd);
}

/// Halves are rounded down and up in turns: fourths by one half and by a half more than that.
fn put_means_of_four(upper: &[u8], lower: &[u8], out: &mut Vec<u8>) {
    let (upper_pairs, upper_odd) = upper.as_chunks::<2>();
    let (lower_pairs, lower_odd) = lower.as_chunks::<2>();
    let sum = |upper: [u8; 2], lower: [u8; 2]| {
        let [a, b, c, d] = [upper[0], upper[1], lower[0], lower[1]].map(u16::from);
        a + b + c + d
    };
    let turns = [1, 2].into_iter().cycle();
    let pairs = upper_pairs.iter().zip(lower_pairs).zip(turns);
    out.extend(pairs.map(|((&upper, &lower), round)| byte((sum(upper, lower) + round) >> 2)));
    let round = if upper_pairs.len() % 2 == 0 { 1 } else { 2 };
    let odd = upper_odd.iter().zip(lower_odd);
    out.extend(odd.map(|(&upper, &lower)| byte((sum([upper; 2], [lower; 2]) + round) >> 2)));
}

fn byte(mean: u16) -> u8 {
    u8::try_from(mean).unwrap_or(u8::MAX)
}
