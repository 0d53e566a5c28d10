//! A decoded picture: pixels, or the planes of a YCbCr picture as they are stored, at a part of
//! the stored size.

use super::pixels::{Channels, Pixels};
use super::plan::{Area, Size};

/// What was decoded, and where it lies in the stored picture.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) picture: Picture,
    /// Stored pixels for each pixel of the picture, across and down.
    pub(super) shrink: (f64, f64),
    /// Where the picture's top left corner lies, in stored pixels.
    pub(super) origin: (f64, f64),
    pub(super) shrunk: Shrunk,
}

/// How a decoder shrinks, and so how far its picture is halved afterwards: a variant looks the
/// same, whether it is made alone or of what a larger one needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shrunk {
    /// By leaving out coefficients, to an eighth at most (JPEG).
    Coefficients,
    /// By the means of boxes of pixels.
    Boxes,
}

/// Means of boxes leave at least two pixels for one, so that the filter still decides.
const HALVE_FROM: f64 = 4.0;

impl Shrunk {
    /// Is a picture of `shrink` stored pixels a pixel halved, if a variant needs one for `ratio`
    /// stored pixels?
    pub(super) fn halves(self, shrink: f64, ratio: f64) -> bool {
        let left = ratio / shrink;
        match self {
            Self::Coefficients if shrink <= 4.0 => ratio >= 2.0 * shrink + 1.0,
            Self::Coefficients | Self::Boxes => left >= HALVE_FROM,
        }
    }
}

/// Samples in one of two forms.
#[derive(Clone, Debug)]
pub(super) enum Picture {
    /// All samples of a pixel beside each other.
    Pixels(Pixels),
    /// Luma and chroma apart.
    Planes(Planes),
}

/// A YCbCr picture (ITU-R BT.601) in three planes.
#[derive(Clone, Debug)]
pub(super) struct Planes {
    pub(super) luma: Pixels,
    pub(super) chroma: [Pixels; 2],
    /// Pixels for each sample of chroma, across and down.
    pub(super) subsampling: (f64, f64),
    pub(super) range: Range,
}

/// What the samples of a YCbCr picture stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// 0 to 255, as in JPEG (JFIF 1.02).
    Full,
    /// Luma 16 to 235, chroma 16 to 240, as in WebP (RFC 9649, 2.5).
    Video,
}

impl Source {
    /// A picture as it is.
    pub(super) fn of(pixels: Pixels) -> Self {
        Self {
            picture: Picture::Pixels(pixels),
            shrink: (1.0, 1.0),
            origin: (0.0, 0.0),
            shrunk: Shrunk::Boxes,
        }
    }

    /// Where an area of the stored picture lies in this picture.
    pub(super) fn place(&self, stored: Area) -> Area {
        let ((across, down), (left, top)) = (self.shrink, self.origin);
        Area {
            left: (stored.left - left) / across,
            top: (stored.top - top) / down,
            width: stored.width / across,
            height: stored.height / down,
        }
    }

    /// The same picture at half the size on both axes: the mean of each two by two samples.
    pub(super) fn halved(&self) -> Self {
        let picture = match &self.picture {
            Picture::Pixels(pixels) => Picture::Pixels(halved(pixels)),
            Picture::Planes(planes) => {
                let [cb, cr] = &planes.chroma;
                Picture::Planes(Planes {
                    luma: halved(&planes.luma),
                    chroma: [halved(cb), halved(cr)],
                    subsampling: planes.subsampling,
                    range: planes.range,
                })
            }
        };
        let (across, down) = self.shrink;
        Self {
            picture,
            shrink: (across * 2.0, down * 2.0),
            origin: self.origin,
            shrunk: self.shrunk,
        }
    }

    /// Can it be halved? Straight alpha cannot: what is transparent would bleed.
    pub(super) fn can_be_halved(&self) -> bool {
        match &self.picture {
            Picture::Pixels(pixels) => match pixels.channels() {
                Channels::Gray | Channels::Rgb | Channels::Cmyk => true,
                Channels::Rgba => false,
            },
            Picture::Planes(_) => true,
        }
    }
}

/// Half the size, rounded up: at an odd edge the last samples are counted twice.
fn halved(pixels: &Pixels) -> Pixels {
    let (from, channels) = (pixels.size(), pixels.channels());
    let size = Size {
        width: from.width.div_ceil(2),
        height: from.height.div_ceil(2),
    };
    let mut half = Pixels::black(size, channels);
    let row_bytes = pixels.row_bytes(from.width).max(1);
    let pairs = pixels.samples().chunks(row_bytes * 2);
    for (pair, row) in pairs.zip(half.rows_mut()) {
        let (upper, lower) = pair.split_at(row_bytes.min(pair.len()));
        let lower = if lower.is_empty() { upper } else { lower };
        match channels {
            Channels::Gray => halve_row::<1>(upper, lower, row),
            Channels::Rgb => halve_row::<3>(upper, lower, row),
            Channels::Rgba | Channels::Cmyk => {
                halve_row::<4>(upper, lower, row);
            }
        }
    }
    half
}

fn halve_row<const N: usize>(upper: &[u8], lower: &[u8], row: &mut [u8]) {
    let ((upper, _), (lower, _)) = (upper.as_chunks::<N>(), lower.as_chunks::<N>());
    let (row, _) = row.as_chunks_mut::<N>();
    for ((upper, lower), mean) in upper.chunks(2).zip(lower.chunks(2)).zip(row) {
        let ([first, .., last], [third, .., fourth]) = (upper, lower) else {
            // The last column of an odd width.
            if let ([upper], [lower]) = (upper, lower) {
                *mean = std::array::from_fn(|at| mean_of(upper, lower, upper, lower, at));
            }
            continue;
        };
        *mean = std::array::from_fn(|at| mean_of(first, last, third, fourth, at));
    }
}

fn mean_of<const N: usize>(a: &[u8; N], b: &[u8; N], c: &[u8; N], d: &[u8; N], at: usize) -> u8 {
    let sample = |pixel: &[u8; N]| pixel.get(at).copied().map_or(0, u16::from);
    let sum = sample(a) + sample(b) + sample(c) + sample(d) + 2;
    u8::try_from(sum / 4).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_picture_is_the_mean_of_its_squares() {
        let size = |width, height| Size { width, height };
        let pixels = Pixels::new(
            size(3, 3),
            vec![0, 4, 9, 8, 12, 11, 100, 200, 50],
            Channels::Gray,
        );
        let half = halved(&pixels.unwrap());
        assert_eq!(half.size(), size(2, 2));
        assert_eq!(half.samples(), [6, 10, 150, 50]);
    }

    #[test]
    fn an_area_is_found_again_in_what_was_decoded() {
        let size = Size {
            width: 10,
            height: 10,
        };
        let source = Source {
            picture: Picture::Pixels(Pixels::black(size, Channels::Rgb)),
            shrink: (4.0, 2.0),
            origin: (8.0, 2.0),
            shrunk: Shrunk::Boxes,
        };
        let area = |left, top, width, height| Area {
            left,
            top,
            width,
            height,
        };
        assert_eq!(
            source.place(area(16.0, 4.0, 12.0, 6.0)),
            area(2.0, 1.0, 3.0, 3.0)
        );
        assert_eq!(
            source.halved().place(area(16.0, 4.0, 16.0, 8.0)),
            area(1.0, 0.5, 2.0, 2.0)
        );
    }
}
