//! Averages the rows of a plane over boxes, as they come.
//!
//! It knows one plane of bytes and its window, and not what the bytes mean.

use crate::{
    Error,
    budget::Budget,
    picture::Plane,
    window::{Placed, Window},
};

/// Takes the rows of a plane from its top, and keeps what its window wants of them.
#[derive(Debug)]
pub(crate) struct Shrinker {
    window: Window,
    placed: Placed,
    background: u8,
    /// A row of the canvas, if the plane does not cover it.
    canvas: Vec<u8>,
    next_row: usize,
    /// Of the boxes that are not finished yet.
    sums: Vec<u32>,
    samples: Vec<u8>,
}

impl Shrinker {
    /// For a plane that is `placed` on a canvas of `background`.
    pub(crate) fn new(
        window: Window,
        placed: Placed,
        background: u8,
        budget: &mut Budget,
    ) -> Result<Self, Error> {
        let columns = window.columns.len();
        let samples = columns * window.rows.len();
        budget.take(samples as u64)?;
        let canvas = if placed.covers(&window) {
            0
        } else {
            window.width
        };
        let mut new = Self {
            canvas: budget.vec(background, canvas)?,
            sums: budget.vec(0, columns)?,
            window,
            placed,
            background,
            next_row: 0,
            samples: Vec::with_capacity(samples),
        };
        new.push_background(new.placed.top);
        Ok(new)
    }

    /// Takes the next row, which has at least the plane's width. Rows below the plane are ignored.
    #[inline]
    pub(crate) fn push(&mut self, row: &[u8]) {
        let Placed {
            left,
            top,
            width,
            height,
        } = self.placed;
        if self.next_row >= top + height {
            return;
        }
        if self.canvas.is_empty() {
            return self.push_canvas(row);
        }
        let mut canvas = std::mem::take(&mut self.canvas);
        if let (Some(to), Some(from)) = (canvas.get_mut(left..left + width), row.get(..width)) {
            to.copy_from_slice(from);
        }
        self.push_canvas(&canvas);
        self.canvas = canvas;
    }

    /// The finished plane.
    pub(crate) fn into_plane(mut self) -> Plane {
        self.push_background(self.window.height.saturating_sub(self.next_row));
        Plane {
            width: self.window.columns.len(),
            height: self.window.rows.len(),
            samples: self.samples,
        }
    }

    fn push_background(&mut self, rows: usize) {
        let mut canvas = std::mem::take(&mut self.canvas);
        canvas.fill(self.background);
        for _ in 0..rows {
            self.push_canvas(&canvas);
        }
        self.canvas = canvas;
    }

    fn push_canvas(&mut self, row: &[u8]) {
        let y = self.next_row;
        self.next_row += 1;
        let log2 = self.window.log2;
        if !self.window.rows.contains(&(y >> log2)) {
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
