//! The median of 3x3 pixels, sample by sample; what lies outside is like the nearest edge.
#![expect(
    clippy::indexing_slicing,
    reason = "a hot loop, whose positions are all within one row"
)]

use crate::render::pixels::Pixels;
use crate::render::plan::Size;

/// The median of each pixel and its eight neighbours: each column of three is sorted, then the
/// greatest of the least, the middle one of the middle ones and the least of the greatest are.
pub(super) fn median(pixels: &Pixels) -> Pixels {
    let Size { width, height } = pixels.size();
    let channels = pixels.channels().count();
    let row_bytes = pixels.row_bytes(width);
    let bottom = (height as usize).saturating_sub(1);
    let row = |y: usize| &pixels.samples()[y.min(bottom) * row_bytes..][..row_bytes];
    let mut filtered = Pixels::black(pixels.size(), pixels.channels());
    let mut columns = vec![[0; 3]; row_bytes + 2 * channels];
    for (y, filtered) in filtered.rows_mut().enumerate() {
        let sources = row(y.saturating_sub(1)).iter().zip(row(y)).zip(row(y + 1));
        for (column, ((above, here), below)) in columns[channels..].iter_mut().zip(sources) {
            let (low, high) = (*above.min(here), *above.max(here));
            *column = [low.min(*below), low.max(high.min(*below)), high.max(*below)];
        }
        columns.copy_within(channels..2 * channels, 0);
        columns.copy_within(row_bytes..row_bytes + channels, row_bytes + channels);
        for (at, sample) in filtered.iter_mut().enumerate() {
            let (left, here) = (columns[at], columns[at + channels]);
            let right = columns[at + 2 * channels];
            let darkest = left[0].max(here[0]).max(right[0]);
            let brightest = left[2].min(here[2]).min(right[2]);
            *sample = middle(darkest, middle(left[1], here[1], right[1]), brightest);
        }
    }
    filtered
}

fn middle(a: u8, b: u8, c: u8) -> u8 {
    a.min(b).max(a.max(b).min(c))
}
