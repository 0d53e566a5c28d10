//! Averages the rows of a plane over boxes, as they come.
//!
//! It knows one plane of bytes and its window, and not what the bytes mean.

use crate::{Error, budget::Budget, picture::Plane, window::Window};

/// Takes the rows of a plane from its top, and keeps what its window wants of them.
#[derive(Debug)]
pub(crate) struct Shrinker {
    window: Window,
    next_row: usize,
    /// Of the boxes that are not finished yet.
    sums: Vec<u32>,
    samples: Vec<u8>,
}

impl Shrinker {
    pub(crate) fn new(window: Window, budget: &mut Budget) -> Result<Self, Error> {
        let columns = window.columns.len();
        let samples = columns * window.rows.len();
        budget.take(samples as u64)?;
        Ok(Self {
            sums: budget.vec(0, columns)?,
            window,
            next_row: 0,
            samples: Vec::with_capacity(samples),
        })
    }

    /// Takes the next row, which has at least the plane's width. Rows below the plane are ignored.
    pub(crate) fn push(&mut self, row: &[u8]) {
        let y = self.next_row;
        self.next_row += 1;
        let log2 = self.window.log2;
        if y >= self.window.height || !self.window.rows.contains(&(y >> log2)) {
            return;
        }
        let columns = &self.window.columns;
        let end = (columns.end << log2).min(self.window.width);
        let row = row.get(columns.start << log2..end).unwrap_or_default();
        match log2 {
            0 => return self.samples.extend_from_slice(row),
            1 => self.add::<2>(row),
            2 => self.add::<4>(row),
            _ => self.add::<8>(row),
        }
        let rows_in_box = (y & ((1 << log2) - 1)) + 1;
        if rows_in_box == 1 << log2 || y + 1 == self.window.height {
            self.finish(rows_in_box as u32);
        }
    }

    /// The finished plane.
    pub(crate) fn into_plane(self) -> Plane {
        Plane {
            width: self.window.columns.len(),
            height: self.window.rows.len(),
            samples: self.samples,
        }
    }

    fn add<const SIDE: usize>(&mut self, row: &[u8]) {
        let (boxes, rest) = row.as_chunks::<SIDE>();
        let mut sums = self.sums.iter_mut();
        for (samples, sum) in boxes.iter().zip(sums.by_ref()) {
            *sum += samples.iter().map(|sample| u32::from(*sample)).sum::<u32>();
        }
        if let Some(sum) = sums.next() {
            *sum += rest.iter().map(|sample| u32::from(*sample)).sum::<u32>();
        }
    }

    /// Makes a row of means, rounded, of sums over `rows` rows.
    fn finish(&mut self, rows: u32) {
        let side = 1_u32 << self.window.log2;
        let whole = side * rows;
        let mean = |sum: u32, count: u32| ((sum + count / 2) / count) as u8;
        let end = self.window.columns.end << self.window.log2;
        let missing = end.saturating_sub(self.window.width) as u32;
        if let Some((last, sums)) = self.sums.split_last() {
            if rows == side {
                let log2 = 2 * self.window.log2;
                let half = whole / 2;
                let means = sums.iter().map(|sum| ((sum + half) >> log2) as u8);
                self.samples.extend(means);
            } else {
                self.samples
                    .extend(sums.iter().map(|sum| mean(*sum, whole)));
            }
            self.samples.push(mean(*last, (side - missing) * rows));
        }
        self.sums.fill(0);
    }
}
