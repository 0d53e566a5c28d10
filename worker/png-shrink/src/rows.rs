//! Rows of one size as they come out of the stream, unfiltered as far to the right as is wanted.

use crate::errors::Error;
use crate::unfilter::unfilter;
use crate::window::Window;

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

/// The row at hand and the one before it.
pub(crate) struct Rows {
    bytes: RowBytes,
    above: Vec<u8>,
    row: Vec<u8>,
}

impl Rows {
    pub(crate) fn new(bytes: RowBytes) -> Self {
        Self {
            bytes,
            above: vec![0; bytes.wanted],
            row: vec![0; bytes.wanted],
        }
    }

    /// The next row, the wanted part of it.
    pub(crate) fn next(
        &mut self,
        window: &mut Window<'_>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<&[u8], Error> {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        std::mem::swap(&mut self.above, &mut self.row);
        let stored = window.take(self.bytes.whole + 1, cancelled)?;
        let (filter, raw) = stored.split_first().ok_or(Error::Truncated)?;
        let raw = raw.get(..self.bytes.wanted).ok_or(Error::Truncated)?;
        unfilter(*filter, self.bytes.pixel, raw, &self.above, &mut self.row)?;
        Ok(&self.row)
    }
}
