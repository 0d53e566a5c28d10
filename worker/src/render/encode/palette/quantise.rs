//! Finds the colours that stand for a picture's, as few as its quality allows.

use quantizr::{Error, Histogram, Image, Options, QuantizeResult};

use super::indexed::Indexed;
use super::{Colour, INVISIBLE, rank, ranked};
use crate::render::plan::Size;

/// How many colours there may be besides [`MOST`], each about √2 times as many as before.
const STEPS: [i32; 14] = [2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 128, 181];
const MOST: i32 = 256;

/// Pixels that are looked at for colours; of larger pictures it is every second, third, …
const COUNTED: usize = 1 << 20;
/// Pixels of one colour that are counted. quantizr sums 255 times as many as `f32`, which is exact
/// up to 2^24; beyond, it may part one colour in two, and panic.
const COUNTED_OF_A_COLOUR: usize = 1 << 16;
/// Pixels at which colours are tried.
const TRIED: usize = 1 << 14;
/// sharp's default, and all that there is.
const DITHERING: f32 = 1.0;

/// A picture of more than 256 colours in at most 256, dithered.
///
/// Each percent of quality that is not asked for allows an error of 1: the mean of the squared
/// distance between a pixel and its colour, in red, green, blue and alpha, before dithering.
/// Photos of sharp's, whose quantiser is libimagequant, have 50 to 72 at quality 30, 32 to 38 at
/// 60, and 15 at 80; below 10 it takes far fewer colours.
pub(super) fn quantised(colours: &[Colour], size: Size, quality: u8) -> Result<Indexed, Error> {
    let allowed = usize::from(100_u8.saturating_sub(quality));
    let mut found = Search::in_colours(colours)?.fewest(allowed)?;
    found.set_dithering_level(DITHERING)?;
    let image = Image::new(
        colours.as_flattened(),
        size.width as usize,
        size.height as usize,
    )?;
    let mut indexes = vec![0; colours.len()];
    found.remap_image(&image, &mut indexes)?;
    let palette = palette(&found);
    if palette.first() == Some(&INVISIBLE) {
        // Dithering must not make them visible.
        let all = indexes.iter_mut().zip(colours);
        all.filter(|(_, [.., alpha])| *alpha == 0)
            .for_each(|(index, _)| *index = 0);
    }
    Ok(Indexed {
        size,
        colours: palette,
        indexes,
    })
}

/// The colours of a picture, and pixels at which to try what may stand for them.
struct Search {
    histogram: Histogram,
    tried: Vec<Colour>,
}

impl Search {
    fn in_colours(colours: &[Colour]) -> Result<Self, Error> {
        let mut ranks: Vec<u32> = thinned(colours, COUNTED).map(rank).collect();
        ranks.sort_unstable();
        let counted: Vec<Colour> = ranks
            .chunk_by(|a, b| a == b)
            .flat_map(|same| same.iter().take(COUNTED_OF_A_COLOUR))
            .map(|rank| ranked(*rank))
            .collect();
        let mut histogram = Histogram::new();
        histogram.add_image(&row(&counted)?);
        let tried = thinned(colours, TRIED).map(rank).map(ranked).collect();
        Ok(Self { histogram, tried })
    }

    /// The fewest colours with at most the allowed error.
    fn fewest(&self, allowed: usize) -> Result<QuantizeResult, Error> {
        let mut steps = STEPS.as_slice();
        let mut best = None;
        while let Some((fewer, step, more)) = middle(steps) {
            let found = self.found(step)?;
            if self.error(&found)? <= allowed {
                best = Some(found);
                steps = fewer;
            } else {
                steps = more;
            }
        }
        best.map_or_else(|| self.found(MOST), Ok)
    }

    /// So many colours, not dithered.
    fn found(&self, most: i32) -> Result<QuantizeResult, Error> {
        let mut options = Options::default();
        options.set_max_colors(most)?;
        let mut found = QuantizeResult::quantize_histogram(&self.histogram, &options);
        found.set_dithering_level(0.0)?;
        Ok(found)
    }

    /// The mean squared distance. quantizr's own error forgets how many pixels a colour has.
    fn error(&self, found: &QuantizeResult) -> Result<usize, Error> {
        let mut indexes = vec![0; self.tried.len()];
        found.remap_image(&row(&self.tried)?, &mut indexes)?;
        let palette = palette(found);
        let stands_for = |index: &u8| palette.get(usize::from(*index)).copied();
        let pairs = self.tried.iter().zip(indexes.iter().filter_map(stands_for));
        let squares = pairs.map(|(colour, other)| squared_distance(*colour, other));
        Ok(squares.sum::<usize>() / self.tried.len().max(1))
    }
}

fn middle(steps: &[i32]) -> Option<(&[i32], i32, &[i32])> {
    let (fewer, rest) = steps.split_at(steps.len() / 2);
    let (step, more) = rest.split_first()?;
    Some((fewer, *step, more))
}

/// About `most` of the pixels, evenly.
fn thinned(colours: &[Colour], most: usize) -> impl Iterator<Item = Colour> {
    let every = colours.len().div_ceil(most).max(1);
    colours.iter().step_by(every).copied()
}

/// The pixels side by side.
fn row(colours: &[Colour]) -> Result<Image<'_>, Error> {
    Image::new(colours.as_flattened(), colours.len(), 1)
}

fn palette(found: &QuantizeResult) -> Vec<Colour> {
    let palette = found.get_palette();
    let colours = palette.entries.iter().take(palette.count as usize);
    colours.map(|c| [c.r, c.g, c.b, c.a]).collect()
}

fn squared_distance(a: Colour, b: Colour) -> usize {
    let differences = a.iter().zip(b).map(|(a, b)| usize::from(a.abs_diff(b)));
    differences.map(|difference| difference.pow(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These colours made quantizr part the first, of which there are the most, and panic.
    #[test]
    fn a_large_area_of_one_colour_is_no_two_colours() {
        let mut colours = [
            vec![[201, 201, 201, 128]; 350_003],
            vec![[0, 0, 30, 255]; 200_000],
            vec![[0, 200, 30, 255]; 200_000],
        ]
        .concat();
        colours.extend([[0, 0, 31, 255], [0, 200, 31, 255]]);
        colours.extend((1..=252).map(|red| [red, 0, 30, 255]));
        let found = Search::in_colours(&colours).unwrap().found(MOST).unwrap();
        assert!(palette(&found).contains(&[201, 201, 201, 128]));
    }
}
