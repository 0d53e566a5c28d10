//! What is undone after decoding, row by row: RFC 9649, section 3.5.

use super::bits::BitReader;
use super::image;
use super::predict::Predictor;
use crate::{Error, budget::Budget};

/// A transform of the picture, with what it needs to be undone.
#[derive(Debug)]
pub(super) enum Transform {
    Predictor(Predictor),
    Colour(Blocks),
    SubtractGreen,
    Palette(Palette),
}

/// An image of a pixel for each block of another.
#[derive(Debug)]
pub(super) struct Blocks {
    pub(super) log2: u32,
    pub(super) in_row: usize,
    pub(super) pixels: Vec<u32>,
}

impl Blocks {
    /// Reads the block size and the image, for pictures of `width` x `height` pixels.
    pub(super) fn read(
        reader: &mut BitReader<'_>,
        (width, height): (usize, usize),
        budget: &mut Budget,
    ) -> Result<Self, Error> {
        let log2 = reader.number(3) + 2;
        let in_row = width.div_ceil(1 << log2);
        let size = (in_row, height.div_ceil(1 << log2));
        Ok(Self {
            log2,
            in_row,
            pixels: image::read_small(reader, size, budget)?,
        })
    }

    /// The pixels for the blocks of row `y`.
    pub(super) fn row(&self, y: usize) -> &[u32] {
        let at = (y >> self.log2) * self.in_row;
        self.pixels.get(at..at + self.in_row).unwrap_or_default()
    }
}

/// Colours by number (section 3.5.4).
#[derive(Debug)]
pub(super) struct Palette {
    /// 256 colours, as many as are not given being transparent.
    colours: Vec<u32>,
    /// Numbers in a pixel of the stored image, as a power of two.
    packing: u32,
    width: usize,
}

impl Palette {
    fn read(reader: &mut BitReader<'_>, width: usize, budget: &mut Budget) -> Result<Self, Error> {
        let count = 1 + reader.number(8) as usize;
        let mut colours = image::read_small(reader, (count, 1), budget)?;
        let mut previous = 0;
        for colour in &mut colours {
            *colour = add(*colour, previous);
            previous = *colour;
        }
        budget.take(4 * (256 - count as u64))?;
        colours.resize(256, 0);
        let packing = match count {
            0..=2 => 3,
            3..=4 => 2,
            5..=16 => 1,
            _ => 0,
        };
        Ok(Self {
            colours,
            packing,
            width,
        })
    }

    fn undo(&self, row: &mut Vec<u32>) {
        let stored = row.len();
        row.resize(self.width, 0);
        let bits = 8 >> self.packing;
        let mask = (1_u32 << bits) - 1;
        // From the right, so that no number is overwritten before it is read.
        for x in (0..self.width).rev() {
            let from = (x >> self.packing).min(stored.saturating_sub(1));
            let within = (x & ((1 << self.packing) - 1)) as u32;
            let green = row.get(from).map_or(0, |pixel| pixel >> 8 & 0xff);
            let number = green >> (within * bits) & mask;
            let colour = self.colours.get(number as usize).copied().unwrap_or(0);
            if let Some(pixel) = row.get_mut(x) {
                *pixel = colour;
            }
        }
    }
}

impl Transform {
    /// Reads one transform. A palette makes the stored image narrower: `size.0`.
    pub(super) fn read(
        reader: &mut BitReader<'_>,
        size: &mut (usize, usize),
        budget: &mut Budget,
    ) -> Result<Self, Error> {
        Ok(match reader.number(2) {
            0 => {
                let modes = Blocks::read(reader, *size, budget)?;
                Self::Predictor(Predictor::new(modes, size.0, budget)?)
            }
            1 => Self::Colour(Blocks::read(reader, *size, budget)?),
            2 => Self::SubtractGreen,
            _ => {
                let palette = Palette::read(reader, size.0, budget)?;
                size.0 = size.0.div_ceil(1 << palette.packing);
                Self::Palette(palette)
            }
        })
    }

    /// Which of the four kinds it is.
    pub(super) fn kind(&self) -> usize {
        match self {
            Self::Predictor(_) => 0,
            Self::Colour(_) => 1,
            Self::SubtractGreen => 2,
            Self::Palette(_) => 3,
        }
    }

    /// Undoes the transform for `row`, which is that of `y`. Rows come in order.
    pub(super) fn undo(&mut self, row: &mut Vec<u32>, y: usize) {
        match self {
            Self::Predictor(predictor) => predictor.undo(row, y),
            Self::Colour(blocks) => undo_colour(row, blocks, y),
            Self::SubtractGreen => {
                for pixel in row {
                    let green = *pixel >> 8 & 0xff;
                    *pixel = add(*pixel, green << 16 | green);
                }
            }
            Self::Palette(palette) => palette.undo(row),
        }
    }
}

/// Section 3.5.2.
fn undo_colour(row: &mut [u32], blocks: &Blocks, y: usize) {
    for (pixels, factors) in row.chunks_mut(1 << blocks.log2).zip(blocks.row(y)) {
        let [_, red_to_blue, green_to_blue, green_to_red] =
            factors.to_be_bytes().map(|factor| i32::from(factor as i8));
        for pixel in pixels {
            let [alpha, red, green, blue] = pixel.to_be_bytes();
            let signed = i32::from(green as i8);
            let red = red.wrapping_add(((green_to_red * signed) >> 5) as u8);
            let of_green = ((green_to_blue * signed) >> 5) as u8;
            let of_red = ((red_to_blue * i32::from(red as i8)) >> 5) as u8;
            let blue = blue.wrapping_add(of_green).wrapping_add(of_red);
            *pixel = u32::from_be_bytes([alpha, red, green, blue]);
        }
    }
}

/// The sums of the four channels, each modulo 256.
#[inline(always)]
pub(super) fn add(a: u32, b: u32) -> u32 {
    let odd = (a & 0xff00_ff00).wrapping_add(b & 0xff00_ff00) & 0xff00_ff00;
    let even = (a & 0x00ff_00ff).wrapping_add(b & 0x00ff_00ff) & 0x00ff_00ff;
    odd | even
}
