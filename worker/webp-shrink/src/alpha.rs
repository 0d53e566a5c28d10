//! Opacity of lossy pictures: RFC 9649, section 2.7.1.2.

use crate::{Error, lossless, shrink::Shrinker};

/// How a row is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    None,
    Horizontal,
    Vertical,
    Gradient,
}

/// Decodes the first `rows` rows of the `ALPH` chunk of a picture of `size` into `plane`.
pub(crate) fn decode(
    chunk: &[u8],
    (size, rows): ((usize, usize), usize),
    limits: lossless::Limits<'_>,
    plane: &mut Shrinker,
) -> Result<(), Error> {
    let (head, data) = chunk.split_first().ok_or(Error::Truncated)?;
    let filter = match head >> 2 & 3 {
        0 => Filter::None,
        1 => Filter::Horizontal,
        2 => Filter::Vertical,
        _ => Filter::Gradient,
    };
    let mut unfilter = Unfilter {
        filter,
        above: limits.budget.vec(0, size.0)?,
        row: limits.budget.vec(0, size.0)?,
        is_first: true,
    };
    match head & 3 {
        0 => {
            for row in data.chunks_exact(size.0.max(1)).take(rows) {
                if (limits.cancelled)() {
                    return Err(Error::Cancelled);
                }
                unfilter.row.copy_from_slice(row);
                plane.push(unfilter.undo());
            }
            let is_short = data.len() / size.0.max(1) < rows;
            if is_short {
                Err(Error::Truncated)
            } else {
                Ok(())
            }
        }
        1 => lossless::decode_stream(data, (size, rows), limits, &mut |pixels| {
            for (alpha, pixel) in unfilter.row.iter_mut().zip(pixels) {
                *alpha = (pixel >> 8) as u8;
            }
            plane.push(unfilter.undo());
        }),
        _ => Err(Error::Corrupt("unknown coding of the opacity")),
    }
}

/// Undoes the prediction of rows.
struct Unfilter {
    filter: Filter,
    above: Vec<u8>,
    row: Vec<u8>,
    is_first: bool,
}

impl Unfilter {
    /// The row as it is, of what is stored in `row`.
    fn undo(&mut self) -> &[u8] {
        let filter = match self.filter {
            Filter::Vertical | Filter::Gradient if self.is_first => Filter::Horizontal,
            filter => filter,
        };
        let first = self.above.first().copied().unwrap_or(0);
        match filter {
            Filter::None => {}
            Filter::Horizontal => {
                let mut left = first;
                for alpha in &mut self.row {
                    *alpha = alpha.wrapping_add(left);
                    left = *alpha;
                }
            }
            Filter::Vertical => {
                for (alpha, above) in self.row.iter_mut().zip(&self.above) {
                    *alpha = alpha.wrapping_add(*above);
                }
            }
            Filter::Gradient => {
                let (mut left, mut corner) = (first, first);
                for (alpha, above) in self.row.iter_mut().zip(&self.above) {
                    let slope = i16::from(left) + i16::from(*above) - i16::from(corner);
                    *alpha = alpha.wrapping_add(slope.clamp(0, 255) as u8);
                    (left, corner) = (*alpha, *above);
                }
            }
        }
        self.is_first = false;
        std::mem::swap(&mut self.above, &mut self.row);
        &self.above
    }
}
