//! Averages the pixels of lossless pictures over boxes, as their rows come.
//!
//! Colours count as much as they are opaque: what cannot be seen does not shine through.

use crate::{
    Error,
    budget::Budget,
    picture::Pixels,
    window::{Placed, Window},
};

/// Takes the rows of a picture from its top, and keeps what its window wants of them.
#[derive(Debug)]
pub(crate) struct Samples {
    window: Window,
    placed: Placed,
    has_alpha: bool,
    next_row: usize,
    /// Of the boxes that are not finished yet.
    sums: Vec<Sum>,
    /// A row of the canvas.
    canvas: Vec<u32>,
    finished: Vec<u8>,
}

/// Colours by opacity, the opacity itself, and how many pixels there are.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    red: u32,
    green: u32,
    blue: u32,
    alpha: u32,
    count: u32,
}

impl Samples {
    pub(crate) fn new(
        window: Window,
        placed: Placed,
        has_alpha: bool,
        budget: &mut Budget,
    ) -> Result<Self, Error> {
        let columns = window.columns.len();
        let bytes = columns * window.rows.len() * if has_alpha { 4 } else { 3 };
        budget.take(bytes as u64)?;
        let mut new = Self {
            sums: budget.vec(Sum::default(), columns)?,
            canvas: budget.vec(0, window.width)?,
            window,
            placed,
            has_alpha,
            next_row: 0,
            finished: Vec::with_capacity(bytes),
        };
        new.push_empty(new.placed.top);
        Ok(new)
    }

    /// Takes the next row of the placed picture.
    pub(crate) fn push(&mut self, row: &[u32]) {
        let left = self.placed.left;
        if let Some(place) = self.canvas.get_mut(left..left + row.len()) {
            // Where all is opaque, whatever stands for opacity means nothing.
            let opaque = if self.has_alpha { 0 } else { 0xff00_0000 };
            for (to, from) in place.iter_mut().zip(row) {
                *to = from | opaque;
            }
        }
        self.push_canvas();
    }

    /// The finished samples.
    pub(crate) fn into_pixels(mut self) -> Pixels {
        self.canvas.fill(0);
        self.push_empty(self.window.height - self.next_row);
        if self.has_alpha {
            Pixels::Rgba(self.finished)
        } else {
            Pixels::Rgb(self.finished)
        }
    }

    fn push_empty(&mut self, rows: usize) {
        for _ in 0..rows {
            self.push_canvas();
        }
    }

    fn push_canvas(&mut self) {
        let y = self.next_row;
        self.next_row += 1;
        let log2 = self.window.log2;
        if !self.window.rows.contains(&(y >> log2)) {
            return;
        }
        let columns = &self.window.columns;
        let end = (columns.end << log2).min(self.window.width);
        let row = self
            .canvas
            .get(columns.start << log2..end)
            .unwrap_or_default();
        if log2 == 0 {
            put(&mut self.finished, self.has_alpha, row.iter().copied());
            return;
        }
        for (sum, pixels) in self.sums.iter_mut().zip(row.chunks(1 << log2)) {
            for pixel in pixels {
                sum.add(*pixel);
            }
        }
        let is_last = (y + 1).trailing_zeros() >= log2 || y + 1 == self.window.height;
        if is_last {
            put(
                &mut self.finished,
                self.has_alpha,
                self.sums.iter().map(Sum::mean),
            );
            self.sums.fill(Sum::default());
        }
    }
}

fn put(samples: &mut Vec<u8>, has_alpha: bool, pixels: impl Iterator<Item = u32>) {
    for pixel in pixels {
        let [alpha, red, green, blue] = pixel.to_be_bytes();
        if has_alpha {
            samples.extend_from_slice(&[red, green, blue, alpha]);
        } else {
            samples.extend_from_slice(&[red, green, blue]);
        }
    }
}

impl Sum {
    #[inline(always)]
    fn add(&mut self, pixel: u32) {
        let [alpha, red, green, blue] = pixel.to_be_bytes().map(u32::from);
        self.red += red * alpha;
        self.green += green * alpha;
        self.blue += blue * alpha;
        self.alpha += alpha;
        self.count += 1;
    }

    fn mean(&self) -> u32 {
        let colour = |sum: u32| match self.alpha {
            0 => 0,
            alpha => (sum + alpha / 2) / alpha,
        };
        let alpha = (self.alpha + self.count / 2) / self.count.max(1);
        alpha << 24 | colour(self.red) << 16 | colour(self.green) << 8 | colour(self.blue)
    }
}
