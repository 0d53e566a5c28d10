//! The pixels of an image, of the picture itself or one that a transform needs: RFC 9649, section 3.6.

use super::bits::BitReader;
use super::codes::{Group, Groups, prefixed};
use super::near::NEAR;
use super::transforms::Blocks;
use crate::{Error, budget::Budget};

/// Colours that were used last, by a hash of themselves (section 3.6.3).
#[derive(Debug)]
struct Cache {
    colours: Vec<u32>,
    shift: u32,
}

impl Cache {
    #[inline(always)]
    fn keep(&mut self, pixel: u32) {
        let place = pixel.wrapping_mul(0x1e35_a7bd) >> self.shift;
        if let Some(colour) = self.colours.get_mut(place as usize) {
            *colour = pixel;
        }
    }
}

/// What an image is decoded with.
#[derive(Debug)]
pub(super) struct Decoder {
    groups: Groups,
    cache: Option<Cache>,
    width: usize,
    height: usize,
}

/// Takes each row once it is decoded, and its number.
pub(super) type RowDone<'a> = dyn FnMut(&[u32], usize) -> Result<(), Error> + 'a;

/// Reads an image that a transform or the choice of codes needs.
pub(super) fn read_small(
    reader: &mut BitReader<'_>,
    (width, height): (usize, usize),
    budget: &mut Budget,
) -> Result<Vec<u32>, Error> {
    let decoder = Decoder::read_without_blocks(reader, (width, height), budget)?;
    decoder.pixels(reader, height, budget, &mut |_, _| Ok(()))
}

impl Decoder {
    /// Reads the codes of a picture of `size`, which may change from block to block.
    pub(super) fn read(
        reader: &mut BitReader<'_>,
        size: (usize, usize),
        budget: &mut Budget,
    ) -> Result<Self, Error> {
        let (cache_bits, cache) = read_cache(reader, budget)?;
        let blocks = if reader.flag() {
            Blocks::read(reader, size, budget)?
        } else {
            Blocks {
                log2: 16,
                in_row: 1,
                pixels: Vec::new(),
            }
        };
        let numbers = blocks.pixels.iter().map(|pixel| pixel >> 8 & 0xffff);
        let count = 1 + numbers.max().unwrap_or(0);
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(Group::read(reader, cache_bits, budget)?);
        }
        let groups = Groups {
            all,
            blocks: blocks.pixels,
            blocks_in_row: blocks.in_row,
            log2: blocks.log2,
        };
        Ok(Self {
            groups,
            cache,
            width: size.0,
            height: size.1,
        })
    }

    fn read_without_blocks(
        reader: &mut BitReader<'_>,
        (width, height): (usize, usize),
        budget: &mut Budget,
    ) -> Result<Self, Error> {
        let (cache_bits, cache) = read_cache(reader, budget)?;
        let groups = Groups {
            all: vec![Group::read(reader, cache_bits, budget)?],
            blocks: Vec::new(),
            blocks_in_row: 1,
            log2: 16,
        };
        Ok(Self {
            groups,
            cache,
            width,
            height,
        })
    }

    /// Decodes the pixels of the first `rows` rows.
    pub(super) fn pixels(
        mut self,
        reader: &mut BitReader<'_>,
        rows: usize,
        budget: &mut Budget,
        row_done: &mut RowDone<'_>,
    ) -> Result<Vec<u32>, Error> {
        let mut pixels = budget.vec(0, self.width * rows)?;
        let (mut at, mut x, mut y) = (0, 0, 0);
        let no_group = Error::Corrupt("a block has no prefix codes");
        let mask = (1 << self.groups.log2) - 1;
        while y < rows {
            let group = self.groups.at(x, y).ok_or(no_group)?;
            // To the end of the block, where the codes may change, or of the row.
            let end = at + ((x | mask) + 1).min(self.width) - x;
            let begin = at;
            while at < end {
                at = step(
                    reader,
                    group,
                    &mut self.cache,
                    (&mut pixels, at, self.width),
                )?;
            }
            // A copy may have gone further than the block.
            x += at - begin;
            while x >= self.width {
                x -= self.width;
                if y < rows {
                    let row = pixels.get(y * self.width..(y + 1) * self.width);
                    row_done(row.unwrap_or_default(), y)?;
                    reader.check()?;
                }
                y += 1;
            }
        }
        if y > self.height || (y == self.height && x > 0) {
            return Err(Error::Corrupt("a copy goes beyond the picture"));
        }
        Ok(pixels)
    }
}

/// Section 3.6.3: whether there is a colour cache, and how large it is.
fn read_cache(
    reader: &mut BitReader<'_>,
    budget: &mut Budget,
) -> Result<(u32, Option<Cache>), Error> {
    if !reader.flag() {
        return Ok((0, None));
    }
    let bits = reader.number(4);
    if !(1..=11).contains(&bits) {
        return Err(Error::Corrupt("impossible size of the colour cache"));
    }
    let colours = budget.vec(0, 1 << bits)?;
    Ok((
        bits,
        Some(Cache {
            colours,
            shift: 32 - bits,
        }),
    ))
}

/// Decodes the pixel at `at`, or a copy that begins there. Returns where it ends.
#[inline(always)]
fn step(
    reader: &mut BitReader<'_>,
    group: &Group,
    cache: &mut Option<Cache>,
    (pixels, at, width): (&mut [u32], usize, usize),
) -> Result<usize, Error> {
    reader.refill();
    let symbol = group.green.next(reader);
    let pixel = if symbol < 256 {
        let pixel = literal(reader, group, symbol as u32);
        if let Some(cache) = cache {
            cache.keep(pixel);
        }
        pixel
    } else if symbol < 256 + 24 {
        let length = prefixed(reader, symbol - 256);
        reader.refill();
        let prefix = group.distance.next(reader);
        let distance = real_distance(prefixed(reader, prefix), width);
        let length = copy(pixels, at, length, distance)?;
        if let Some(cache) = cache {
            let copied = pixels.get(at..).unwrap_or_default();
            copied
                .iter()
                .take(length)
                .for_each(|pixel| cache.keep(*pixel));
        }
        return Ok(at + length);
    } else {
        let colours = cache.as_ref().map_or(&[][..], |cache| &cache.colours);
        let unknown = Error::Corrupt("no such colour in the cache");
        *colours.get(symbol - 256 - 24).ok_or(unknown)?
    };
    if let Some(place) = pixels.get_mut(at) {
        *place = pixel;
    }
    Ok(at + 1)
}

#[inline(always)]
fn literal(reader: &mut BitReader<'_>, group: &Group, green: u32) -> u32 {
    if let Some(constant) = group.constant {
        return constant | green << 8;
    }
    let red = group.red.next(reader) as u32;
    reader.refill();
    let blue = group.blue.next(reader) as u32;
    let alpha = group.alpha.next(reader) as u32;
    alpha << 24 | red << 16 | green << 8 | blue
}

/// Section 3.6.2.2: the first 120 distances name places nearby.
#[inline]
fn real_distance(code: usize, width: usize) -> usize {
    match NEAR.get(code - 1) {
        Some(&(left, above)) => {
            let distance = above as isize * width as isize + left as isize;
            usize::try_from(distance).unwrap_or(0).max(1)
        }
        None => code - NEAR.len(),
    }
}

/// Repeats what is `distance` before `at`. Returns how many pixels that were, which is fewer than
/// `length` only at the end of what is wanted.
#[inline]
fn copy(pixels: &mut [u32], at: usize, length: usize, distance: usize) -> Result<usize, Error> {
    let from = at
        .checked_sub(distance)
        .ok_or(Error::Corrupt("a copy begins before the picture"))?;
    let length = length.min(pixels.len().saturating_sub(at));
    if distance >= length {
        pixels.copy_within(from..from + length, at);
    } else {
        let part = pixels.get_mut(from..at + length).unwrap_or_default();
        for n in distance..part.len() {
            let pixel = part.get(n - distance).copied().unwrap_or(0);
            if let Some(place) = part.get_mut(n) {
                *place = pixel;
            }
        }
    }
    Ok(length)
}
