//! Rows of one size as they come out of the stream, unfiltered as far to the right as is wanted.

use crate::errors::Error;
use crate::unfilter::{self, Filtered};
use crate::window::Window;

/// Rows are made in twos, see [`unfilter`].
pub(crate) const AT_ONCE: usize = 2;

/// Where a row ends, in bytes.
#[derive(Clone, Copy)]
pub(crate) struct RowBytes {
    /// Of the whole row, without the byte that names its filter.
    pub(crate) whole: usize,
    /// Of the part that is wanted, from the left.
    pub(crate) wanted: usize,
    /// Of a pixel, at least 1.
    pub(crate) pixel: usize,
}

/// A number of rows, and those of them at hand.
pub(crate) struct Rows {
    bytes: RowBytes,
    left: u32,
    above: Vec<u8>,
    upper: Vec<u8>,
    lower: Vec<u8>,
}

impl Rows {
    /// What `Rows` of `row_bytes` bytes take.
    pub(crate) fn size_bytes(row_bytes: u64) -> u64 {
        row_bytes.saturating_mul(AT_ONCE as u64 + 1)
    }

    /// The first of `count` rows.
    pub(crate) fn new(bytes: RowBytes, count: u32) -> Self {
        Self {
            bytes,
            left: count,
            above: vec![0; bytes.wanted],
            upper: vec![0; bytes.wanted],
            lower: vec![0; bytes.wanted],
        }
    }

    /// Calls `with` for every row, with its number and the wanted part of it.
    pub(crate) fn for_each(
        mut self,
        window: &mut Window<'_>,
        cancelled: &dyn Fn() -> bool,
        mut with: impl FnMut(u32, &[u8]),
    ) -> Result<(), Error> {
        let mut y = 0;
        while self.left > 0 {
            for row in self.next(window, cancelled)? {
                with(y, row);
                y += 1;
            }
        }
        Ok(())
    }

    /// The next row or two, the wanted part of them.
    fn next(
        &mut self,
        window: &mut Window<'_>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<impl Iterator<Item = &[u8]>, Error> {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        let (stride, pixel) = (self.bytes.whole + 1, self.bytes.pixel);
        let rows;
        if self.left >= 2 {
            rows = 2;
            let stored = window.take(2 * stride, cancelled)?;
            let (first, second) = stored.split_at_checked(stride).ok_or(Error::Truncated)?;
            let filtered = [self.wanted(first)?, self.wanted(second)?];
            unfilter::two(
                pixel,
                filtered,
                &self.above,
                [&mut self.upper, &mut self.lower],
            )?;
            std::mem::swap(&mut self.above, &mut self.lower);
        } else {
            rows = 1;
            let filtered = self.wanted(window.take(stride, cancelled)?)?;
            unfilter::one(pixel, filtered, &self.above, &mut self.upper)?;
        }
        self.left -= rows;
        Ok([self.upper.as_slice(), self.above.as_slice()]
            .into_iter()
            .take(rows as usize))
    }

    /// A stored row's filter, and the part that is wanted.
    fn wanted<'s>(&self, stored: &'s [u8]) -> Result<Filtered<'s>, Error> {
        let (filter, raw) = stored.split_first().ok_or(Error::Truncated)?;
        let raw = raw.get(..self.bytes.wanted).ok_or(Error::Truncated)?;
        Ok((*filter, raw))
    }
}
