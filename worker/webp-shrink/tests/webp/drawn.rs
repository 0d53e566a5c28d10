//! Draws pictures, encodes them with libwebp, and decodes them both ways.

use thumbmill_webp_shrink::{Error, Options, Picture, Scale, decode};
use webp::{Encoder, PixelLayout, WebPConfig};

/// Noise that is the same in every run.
pub(crate) struct Noise(u32);

impl Noise {
    pub(crate) fn new(seed: u32) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % limit
    }
}

/// Waves, edges and noise, with samples red, green, blue and opacity.
pub(crate) fn photo(width: u32, height: u32) -> Vec<u8> {
    let mut noise = Noise::new(width * 31 + height);
    let mut samples = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let wave = (f64::from(x) / 7.0).sin() * 60.0 + (f64::from(y) / 11.0).cos() * 60.0;
            let edge = if (x / 24 + y / 40) % 2 == 0 { 70 } else { 0 };
            for channel in 0..3 {
                let value = 90 + wave as i32 + edge * (channel + 1) / 2 + noise.below(24) as i32;
                samples.push(value.clamp(0, 255) as u8);
            }
            samples.push((x * 5 + y * 3) as u8 | noise.below(4) as u8);
        }
    }
    samples
}

/// Squares of a few colours, one of which cannot be seen.
pub(crate) fn drawing(width: u32, height: u32, colours: u32) -> Vec<u8> {
    let mut samples = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let colour = (x / 3 + (y / 5) * 7 + x * y / 50) % colours;
            let alpha = if colour == 1 { 0 } else { 255 };
            let value = (colour * 37) as u8;
            samples.extend_from_slice(&[value, value.wrapping_mul(3), 255 - value, alpha]);
        }
    }
    samples
}

/// The same without opacity.
pub(crate) fn opaque(samples: &[u8]) -> Vec<u8> {
    samples
        .as_chunks::<4>()
        .0
        .iter()
        .flat_map(|&[r, g, b, _]| [r, g, b])
        .collect()
}

/// What libwebp makes of a picture with opacity, or of one without, if it is `Rgb`.
pub(crate) fn encoded(
    samples: &[u8],
    layout: PixelLayout,
    (width, height): (u32, u32),
    change: impl FnOnce(&mut WebPConfig),
) -> Vec<u8> {
    let mut config = WebPConfig::new().unwrap();
    change(&mut config);
    let samples = match layout {
        PixelLayout::Rgb => opaque(samples),
        PixelLayout::Rgba => samples.to_vec(),
    };
    let encoder = Encoder::new(&samples, layout, width, height);
    encoder.encode_advanced(&config).unwrap().to_vec()
}

/// Options without a crop and with a large budget.
pub(crate) fn at(scale: Scale) -> Options {
    Options {
        scale,
        crop: None,
        budget_bytes: 1 << 28,
    }
}

pub(crate) fn decoded(bytes: &[u8], options: &Options) -> Result<Picture, Error> {
    decode(bytes, options, &|| false)
}

/// Asserts that the whole picture has libwebp's samples.
pub(crate) fn assert_as_libwebp(bytes: &[u8], what: &str) {
    let theirs = webp::Decoder::new(bytes).decode().unwrap();
    let ours = decoded(bytes, &at(Scale::Full)).unwrap();
    assert_eq!(
        (ours.full_width, ours.full_height),
        (theirs.width(), theirs.height())
    );
    let ours = if theirs.is_alpha() {
        ours.to_rgba()
    } else {
        ours.to_rgb()
    };
    assert!(ours == *theirs, "{what}: not what libwebp decodes");
}
