//! Pictures that the tests draw, written by the `png` crate.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "patterns are cut off on purpose"
)]

use std::borrow::Cow;
use std::io::Cursor;

use png::{BitDepth, ColorType, Compression, Encoder, Filter, Transformations};

pub(super) const FILTERS: [Filter; 6] = [
    Filter::NoFilter,
    Filter::Sub,
    Filter::Up,
    Filter::Avg,
    Filter::Paeth,
    Filter::Adaptive,
];

/// A colour type, a depth, and whether there is a `tRNS` chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind(pub(super) ColorType, pub(super) BitDepth, pub(super) bool);

use BitDepth::{Eight, Four, One, Sixteen, Two};
use ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};

/// All that there are.
pub(super) const KINDS: [Kind; 26] = [
    Kind(Grayscale, One, false),
    Kind(Grayscale, Two, false),
    Kind(Grayscale, Four, false),
    Kind(Grayscale, Eight, false),
    Kind(Grayscale, Sixteen, false),
    Kind(Grayscale, One, true),
    Kind(Grayscale, Two, true),
    Kind(Grayscale, Four, true),
    Kind(Grayscale, Eight, true),
    Kind(Grayscale, Sixteen, true),
    Kind(Rgb, Eight, false),
    Kind(Rgb, Sixteen, false),
    Kind(Rgb, Eight, true),
    Kind(Rgb, Sixteen, true),
    Kind(Indexed, One, false),
    Kind(Indexed, Two, false),
    Kind(Indexed, Four, false),
    Kind(Indexed, Eight, false),
    Kind(Indexed, One, true),
    Kind(Indexed, Two, true),
    Kind(Indexed, Four, true),
    Kind(Indexed, Eight, true),
    Kind(GrayscaleAlpha, Eight, false),
    Kind(GrayscaleAlpha, Sixteen, false),
    Kind(Rgba, Eight, false),
    Kind(Rgba, Sixteen, false),
];

impl Kind {
    pub(super) fn bits(self) -> u8 {
        self.1 as u8
    }

    pub(super) fn expanded_channels(self) -> usize {
        match self.0 {
            Grayscale => 1 + usize::from(self.2),
            GrayscaleAlpha => 2,
            Rgb | Indexed => 3 + usize::from(self.2),
            Rgba => 4,
        }
    }

    fn bytes_per_row(self, width: u32) -> usize {
        (width as usize * self.0.samples() * usize::from(self.bits())).div_ceil(8)
    }
}

/// Numbers that look random and are always the same.
pub(super) struct Noise(pub(super) u64);

impl Noise {
    pub(super) fn next(&mut self) -> u8 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 56) as u8
    }
}

/// The bytes of a picture: waves with some noise, and runs without.
fn drawn(kind: Kind, width: u32, height: u32) -> Vec<u8> {
    let mut noise = Noise(u64::from(width) << 8 | u64::from(kind.bits()));
    let row_bytes = kind.bytes_per_row(width);
    (0..height as usize)
        .flat_map(|y| (0..row_bytes).map(move |x| (x, y)))
        .map(|(x, y)| {
            let wave = (x * 3 + y * y) as u8;
            if y % 7 < 2 {
                0
            } else {
                wave.wrapping_add(noise.next() & 15)
            }
        })
        .collect()
}

fn key(kind: Kind) -> Option<Vec<u8>> {
    match (kind.2, kind.0) {
        (true, Grayscale) => Some(vec![0, 0]),
        (true, Rgb) => Some(vec![0; 6]),
        (true, Indexed) => Some(
            (0..1u8 << kind.bits().min(4))
                .map(|index| index * 15)
                .collect(),
        ),
        _ => None,
    }
}

fn encoder(kind: Kind, out: &mut Vec<u8>, width: u32, height: u32) -> Encoder<'_, &mut Vec<u8>> {
    let mut encoder = Encoder::new(out, width, height);
    encoder.set_color(kind.0);
    encoder.set_depth(kind.1);
    encoder.set_compression(Compression::Balanced);
    if kind.0 == Indexed {
        let colours = 1usize << kind.bits();
        let palette: Vec<u8> = (0..colours * 3).map(|byte| (byte * 41) as u8).collect();
        encoder.set_palette(palette);
    }
    if let Some(key) = key(kind) {
        encoder.set_trns(key);
    }
    encoder
}

/// A picture of that kind.
pub(super) fn photo(kind: Kind, width: u32, height: u32, filter: Filter) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = encoder(kind, &mut out, width, height);
    encoder.set_filter(filter);
    let mut writer = encoder.write_header().unwrap();
    writer
        .write_image_data(&drawn(kind, width, height))
        .unwrap();
    writer.finish().unwrap();
    out
}

/// RGBA of these samples.
pub(super) fn rgba(width: u32, height: u32, samples: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let encoder = encoder(Kind(Rgba, Eight, false), &mut out, width, height);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(samples).unwrap();
    writer.finish().unwrap();
    out
}

/// What the `png` crate makes of a file, 8 bits a sample.
pub(super) fn expanded(bytes: &[u8]) -> Vec<u8> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info().unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut samples).unwrap();
    samples.truncate(frame.buffer_size());
    samples
}

pub(super) fn chunk(kind: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&kind);
    crc.update(body);
    [
        (body.len() as u32).to_be_bytes().as_slice(),
        &kind,
        body,
        &crc.finalize().to_be_bytes(),
    ]
    .concat()
}

/// A file of these chunks, `IEND` included.
pub(super) fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    let end = chunk(*b"IEND", &[]);
    [b"\x89PNG\r\n\x1a\n".as_slice(), &chunks.concat(), &end].concat()
}

pub(super) fn ihdr(width: u32, height: u32, rest: [u8; 5]) -> Vec<u8> {
    let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
    chunk(*b"IHDR", &[sides.as_slice(), &rest].concat())
}

/// A zlib stream of one stored block.
pub(super) fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    let (length, inverse) = (length.to_le_bytes(), (!length).to_le_bytes());
    [&[0x78, 1, 1], length.as_slice(), &inverse, bytes, &[0; 4]].concat()
}

/// An interlaced picture: noise in every pass, every filter in turn. The `png` crate does not
/// write these.
pub(super) fn interlaced(kind: Kind, width: u32, height: u32) -> Vec<u8> {
    let mut noise = Noise(99);
    let mut data = Vec::new();
    for pass in crate::interlace::PASSES {
        let (across, down) = pass.size(width, height);
        for y in 0..if across == 0 { 0 } else { down } {
            data.push((y % 5) as u8);
            data.extend((0..kind.bytes_per_row(across)).map(|_| noise.next() & 0x81));
        }
    }
    let colour = match kind.0 {
        Grayscale => 0,
        Rgb => 2,
        Indexed => 3,
        GrayscaleAlpha => 4,
        Rgba => 6,
    };
    let palette: Vec<u8> = (0..768 >> (8 - kind.bits().min(8)))
        .map(|byte| byte as u8)
        .collect();
    let mut chunks = vec![ihdr(width, height, [kind.bits(), colour, 0, 0, 1])];
    if kind.0 == Indexed {
        chunks.push(chunk(*b"PLTE", &palette));
    }
    if let Some(key) = key(kind) {
        chunks.push(chunk(*b"tRNS", &key));
    }
    chunks.push(chunk(*b"IDAT", &stored(&data)));
    file(&chunks)
}

/// A picture with a profile and an EXIF block; and that block.
pub(super) fn with_profile_and_exif(profile: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let exif = b"MM\0*\0\0\0\x08\0\0".to_vec();
    let mut out = Vec::new();
    let mut info = png::Info::with_size(2, 2);
    info.icc_profile = Some(Cow::Borrowed(profile));
    info.exif_metadata = Some(Cow::Borrowed(&exif));
    let encoder = Encoder::with_info(&mut out, info).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0; 4]).unwrap();
    writer.finish().unwrap();
    (out, exif)
}

/// An animation, and the samples of its default image.
pub(super) fn animation() -> (Vec<u8>, Vec<u8>) {
    let kind = Kind(Grayscale, Eight, false);
    let (first, mut out) = (vec![1, 2, 3, 4, 5, 6], Vec::new());
    let mut encoder = encoder(kind, &mut out, 3, 2);
    encoder.set_animated(2, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&first).unwrap();
    writer.write_image_data(&[9; 6]).unwrap();
    writer.finish().unwrap();
    (out, first)
}
