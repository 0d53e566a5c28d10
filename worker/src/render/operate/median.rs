//! The median of a square of neighbours, sample by sample; what lies outside is like the nearest
//! edge.
#![expect(
    clippy::indexing_slicing,
    reason = "hot loops: a sample is below 256, and every position is clamped to the picture"
)]

use super::super::geometry::Size;
use super::super::pixels::Pixels;

/// The median of each pixel's square of `side_px`.
pub(super) fn median(pixels: &Pixels, side_px: u16) -> Pixels {
    let mut filtered = Pixels::black(pixels.size(), pixels.channels());
    match side_px {
        0 | 1 => filtered.samples_mut().copy_from_slice(pixels.samples()),
        3 => of_nine(pixels, filtered.samples_mut()),
        _ => {
            for channel in 0..pixels.channels().count() {
                Square::new(pixels, channel, side_px).filter(filtered.samples_mut());
            }
        }
    }
    filtered
}

/// The usual 3x3, by sorting: each column of three, then their least, middle and greatest.
fn of_nine(pixels: &Pixels, filtered: &mut [u8]) {
    let Size { width, height } = pixels.size();
    let channels = pixels.channels().count();
    let row_bytes = width as usize * channels;
    let row = |y: usize| &pixels.samples()[y * row_bytes..][..row_bytes];
    let mut columns = vec![[0; 3]; row_bytes + 2 * channels];
    for (y, filtered) in filtered.chunks_exact_mut(row_bytes).enumerate() {
        let above = row(y.saturating_sub(1));
        let below = row((y + 1).min(height as usize - 1));
        let sources = above.iter().zip(row(y)).zip(below);
        for (column, ((above, here), below)) in columns[channels..].iter_mut().zip(sources) {
            let (low, high) = (*above.min(here), *above.max(here));
            *column = [low.min(*below), low.max(high.min(*below)), high.max(*below)];
        }
        columns.copy_within(channels..2 * channels, 0);
        columns.copy_within(row_bytes..row_bytes + channels, row_bytes + channels);
        for (at, sample) in filtered.iter_mut().enumerate() {
            let (left, here) = (columns[at], columns[at + channels]);
            let right = columns[at + 2 * channels];
            let least = left[0].max(here[0]).max(right[0]);
            let greatest = left[2].min(here[2]).min(right[2]);
            *sample = middle(least, middle(left[1], here[1], right[1]), greatest);
        }
    }
}

fn middle(a: u8, b: u8, c: u8) -> u8 {
    a.min(b).max(a.max(b).min(c))
}

/// Larger squares of one channel: a histogram of each column moves down, that of the square moves
/// along, so that a pixel costs the same for every size (Perreault and Hébert, 2007).
struct Square<'a> {
    pixels: &'a Pixels,
    channel: usize,
    side: usize,
    /// One of 256 bins for each column.
    columns: Vec<[u16; 256]>,
}

impl<'a> Square<'a> {
    fn new(pixels: &'a Pixels, channel: usize, side_px: u16) -> Self {
        let width = pixels.size().width as usize;
        let mut square = Self {
            pixels,
            channel,
            side: usize::from(side_px),
            columns: vec![[0; 256]; width],
        };
        // As the square stands one row above the picture's first.
        for at in 0..square.side {
            square.count_row(at.saturating_sub(square.before() + 1), 1);
        }
        square
    }

    /// How many of its rows lie above a pixel, and of its columns left of it.
    fn before(&self) -> usize {
        self.side / 2
    }

    /// Adds a row to the columns' histograms, or with `u16::MAX`, which is −1, takes it away.
    fn count_row(&mut self, y: usize, count: u16) {
        let Size { width, height } = self.pixels.size();
        let channels = self.pixels.channels().count();
        let row_bytes = width as usize * channels;
        let row = &self.pixels.samples()[y.min(height as usize - 1) * row_bytes..][..row_bytes];
        for (column, pixel) in self.columns.iter_mut().zip(row.chunks_exact(channels)) {
            let bin = &mut column[usize::from(pixel[self.channel])];
            *bin = bin.wrapping_add(count);
        }
    }

    fn filter(mut self, filtered: &mut [u8]) {
        let Size { width, height } = self.pixels.size();
        let channels = self.pixels.channels().count();
        let (before, side) = (self.before(), self.side);
        for y in 0..height as usize {
            self.count_row((y + side).saturating_sub(before + 1), 1);
            self.count_row(y.saturating_sub(before + 1), u16::MAX);
            let row = &mut filtered[y * width as usize * channels..];
            self.filter_row(&mut row[..width as usize * channels]);
        }
    }

    fn filter_row(&self, row: &mut [u8]) {
        let (before, side) = (self.before(), self.side);
        let channels = self.pixels.channels().count();
        let last = self.columns.len() - 1;
        let column = |x: usize| &self.columns[x.saturating_sub(before + 1).min(last)];
        let mut bins = [0_u32; 256];
        for x in 0..side {
            for (bin, count) in bins.iter_mut().zip(column(x)) {
                *bin += u32::from(*count);
            }
        }
        for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
            let sides = column(x + side).iter().zip(column(x));
            for (bin, (enters, leaves)) in bins.iter_mut().zip(sides) {
                *bin = (*bin + u32::from(*enters)).wrapping_sub(u32::from(*leaves));
            }
            pixel[self.channel] = rank(&bins, side * side / 2);
        }
    }
}

/// The sample that `below` others come before.
fn rank(bins: &[u32; 256], below: usize) -> u8 {
    let mut seen = 0;
    let (coarse, _) = bins.as_chunks::<16>();
    for (first, fine) in (0_u8..=240).step_by(16).zip(coarse) {
        let count: u32 = fine.iter().sum();
        if seen + count as usize > below {
            for (sample, count) in (first..).zip(fine) {
                seen += *count as usize;
                if seen > below {
                    return sample;
                }
            }
        }
        seen += count as usize;
    }
    u8::MAX
}
