//! Writes a picture of indexes and their colours as PNG (ISO/IEC 15948), in as few bits as do.

use png::{BitDepth, ColorType, DeflateCompression, Encoder, EncodingError, Filter};

use super::Colour;
use crate::render::plan::Size;

/// A picture whose pixels are places in a list of at most 256 colours.
pub(super) struct Indexed {
    pub(super) size: Size,
    /// The most transparent first.
    pub(super) colours: Vec<Colour>,
    /// From left to right and from top to bottom.
    pub(super) indexes: Vec<u8>,
}

impl Indexed {
    /// The file; `zlib_level` is 1 (fast) to 9 (small).
    pub(super) fn png(&self, zlib_level: u8) -> Result<Vec<u8>, EncodingError> {
        let Size { width, height } = self.size;
        let depth = self.depth();
        let alpha = self.colours.iter().map(|[.., alpha]| *alpha);
        let translucent: Vec<u8> = alpha.take_while(|alpha| *alpha < u8::MAX).collect();
        let opaque = self.colours.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]);

        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, width, height);
        encoder.set_color(ColorType::Indexed);
        encoder.set_depth(depth);
        encoder.set_palette(opaque.collect::<Vec<u8>>());
        if !translucent.is_empty() {
            encoder.set_trns(translucent);
        }
        encoder.set_deflate_compression(DeflateCompression::Level(zlib_level));
        // Neighbouring indexes are not neighbouring colours.
        encoder.set_filter(Filter::NoFilter);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.packed(depth))?;
        writer.finish()?;
        Ok(bytes)
    }

    fn depth(&self) -> BitDepth {
        match self.colours.len() {
            0..=2 => BitDepth::One,
            3..=4 => BitDepth::Two,
            5..=16 => BitDepth::Four,
            _ => BitDepth::Eight,
        }
    }

    /// The indexes in `depth` bits each, the leftmost highest; every row begins with a byte.
    fn packed(&self, depth: BitDepth) -> Vec<u8> {
        let bits = depth as usize;
        let byte = |indexes: &[u8]| {
            let places = (0..8).step_by(bits);
            let shifted = indexes.iter().zip(places);
            shifted.fold(0, |byte, (index, place)| byte | index << (8 - bits - place))
        };
        let rows = self.indexes.chunks(self.size.width.max(1) as usize);
        rows.flat_map(|row| row.chunks(8 / bits).map(byte))
            .collect()
    }
}
