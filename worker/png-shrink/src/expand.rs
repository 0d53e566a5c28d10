//! Stored pixels become 8-bit samples: palettes and transparent colours are resolved, gray of few
//! bits is scaled up, and of 16 bits the high byte stays.

use crate::header::{Channels, Colour, Front};

/// What has to be done to a row.
enum Form {
    /// Nothing.
    Bytes,
    /// 16 bits a sample.
    Words,
    /// 8 bits a sample, and a colour that is transparent.
    KeyedBytes,
    /// 16 bits a sample, and a colour that is transparent.
    KeyedWords,
    /// Gray of so many bits, fewer than 8.
    Packed(u8),
    /// Indices of so many bits.
    Indexed(u8),
}

/// How rows are expanded.
pub(crate) struct Expander {
    form: Form,
    channels: Channels,
    bits_per_pixel: usize,
    /// The transparent colour as it is stored: a pixel's bytes.
    key: Vec<u8>,
    /// What each index or packed sample stands for; the samples in use come first.
    palette: Box<[[u8; 4]; 256]>,
}

impl Expander {
    pub(crate) fn new(front: &Front<'_>) -> Self {
        let shape = front.shape;
        let keyed = front.transparency.is_some();
        let form = match (shape.colour, shape.bit_depth) {
            (Colour::Indexed, bits) => Form::Indexed(bits),
            (Colour::Gray, bits @ (1 | 2 | 4)) => Form::Packed(bits),
            (_, 16) if keyed => Form::KeyedWords,
            (_, 16) => Form::Words,
            _ if keyed && shape.colour != Colour::Rgba => Form::KeyedBytes,
            _ => Form::Bytes,
        };
        let transparency = front.transparency.unwrap_or_default();
        // tRNS keeps 16 bits for every sample, whatever the depth (PNG 11.3.1.1).
        let key = match form {
            Form::KeyedWords => transparency.to_vec(),
            _ => transparency.iter().skip(1).step_by(2).copied().collect(),
        };
        let palette = match form {
            Form::Packed(bits) => grays(bits, keyed.then(|| key.first().copied()).flatten()),
            _ => colours(front.palette, transparency),
        };
        Self {
            form,
            channels: front.channels(),
            bits_per_pixel: shape.bits_per_pixel(),
            key,
            palette: Box::new(palette),
        }
    }

    /// Appends the samples of `width` pixels of `row` from `x` on to `out`; a row that needs no
    /// work is given back as it is instead.
    pub(crate) fn expand<'r>(
        &self,
        row: &'r [u8],
        (x, width): (usize, usize),
        out: &'r mut Vec<u8>,
    ) -> &'r [u8] {
        let bytes_per_pixel = self.bits_per_pixel / 8;
        let (from, to) = (x * bytes_per_pixel, (x + width) * bytes_per_pixel);
        let bytes = row.get(from..to).unwrap_or_default();
        out.clear();
        match self.form {
            Form::Bytes => return bytes,
            Form::Words => out.extend(bytes.as_chunks::<2>().0.iter().map(|[high, _]| *high)),
            Form::KeyedBytes | Form::KeyedWords => self.expand_keyed(bytes, out),
            Form::Packed(bits) | Form::Indexed(bits) => {
                let indices = (x..x + width).map(|x| index_at(row, bits, x));
                self.look_up(indices, out);
            }
        }
        out
    }

    fn expand_keyed(&self, bytes: &[u8], out: &mut Vec<u8>) {
        let sample_bytes = if matches!(self.form, Form::KeyedWords) {
            2
        } else {
            1
        };
        for pixel in bytes.chunks_exact((self.bits_per_pixel / 8).max(1)) {
            out.extend(pixel.iter().step_by(sample_bytes));
            out.push(if pixel == self.key.as_slice() { 0 } else { 255 });
        }
    }

    fn look_up(&self, indices: impl Iterator<Item = u8>, out: &mut Vec<u8>) {
        let colour = |index: u8| self.palette.get(usize::from(index)).copied();
        let colours = indices.map(|index| colour(index).unwrap_or_default());
        match self.channels {
            Channels::Gray => out.extend(colours.map(|[gray, ..]| gray)),
            Channels::GrayAlpha => out.extend(colours.flat_map(|[gray, alpha, ..]| [gray, alpha])),
            Channels::Rgb => out.extend(colours.flat_map(|[r, g, b, _]| [r, g, b])),
            Channels::Rgba => out.extend(colours.flatten()),
        }
    }
}

/// The sample of pixel `x`, of 1, 2, 4 or 8 bits; the leftmost is in the highest bits.
fn index_at(row: &[u8], bits: u8, x: usize) -> u8 {
    let per_byte = usize::from(8 / bits.clamp(1, 8));
    let byte = row.get(x / per_byte).copied().unwrap_or_default();
    let below = per_byte - 1 - x % per_byte;
    let mask = u8::MAX >> (8 - bits.clamp(1, 8));
    byte >> (below * usize::from(bits)) & mask
}

/// Grays of few bits on the whole scale, each with the alpha that it has.
fn grays(bits: u8, key: Option<u8>) -> [[u8; 4]; 256] {
    let most = u8::MAX >> (8 - bits.clamp(1, 8));
    let mut grays = [[0; 4]; 256];
    for (sample, gray) in (0..=most).zip(&mut grays) {
        let alpha = if key.map(|key| key & most) == Some(sample) {
            0
        } else {
            255
        };
        *gray = [sample * (255 / most), alpha, 0, 0];
    }
    grays
}

/// The palette; indices that it does not have are black, as other readers have them.
fn colours(palette: &[u8], alphas: &[u8]) -> [[u8; 4]; 256] {
    let mut colours = [[0, 0, 0, 255]; 256];
    let (entries, _) = palette.as_chunks::<3>();
    for (colour, [red, green, blue]) in colours.iter_mut().zip(entries) {
        *colour = [*red, *green, *blue, 255];
    }
    for ([.., alpha], stored) in colours.iter_mut().zip(alphas) {
        *alpha = *stored;
    }
    colours
}
