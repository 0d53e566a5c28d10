//! Pictures that are drawn, and files of them.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// All that the encoder offers; the first has no subsampling.
pub(super) const SAMPLINGS: [SamplingFactor; 8] = [
    SamplingFactor::F_1_1,
    SamplingFactor::F_2_2,
    SamplingFactor::F_2_1,
    SamplingFactor::F_1_2,
    SamplingFactor::F_4_1,
    SamplingFactor::F_4_2,
    SamplingFactor::F_1_4,
    SamplingFactor::F_2_4,
];

/// How a file is made.
#[derive(Debug, Clone)]
pub(super) struct Kind {
    pub(super) gray: bool,
    pub(super) progressive: bool,
    pub(super) optimized: bool,
    pub(super) restart_interval: u16,
    pub(super) sampling: SamplingFactor,
}

impl Default for Kind {
    fn default() -> Self {
        Self {
            gray: false,
            progressive: false,
            optimized: false,
            restart_interval: 0,
            sampling: SamplingFactor::F_2_2,
        }
    }
}

/// Every sampling and process, some with restarts and tables of their own, and gray.
pub(super) fn all_kinds() -> Vec<Kind> {
    let mut kinds = Vec::new();
    for progressive in [false, true] {
        for (index, sampling) in SAMPLINGS.into_iter().enumerate() {
            kinds.push(Kind {
                progressive,
                sampling,
                optimized: index % 2 == 1,
                ..Kind::default()
            });
        }
        // The encoder restarts only interleaved scans right; zune-jpeg likewise.
        kinds.push(Kind {
            progressive,
            gray: true,
            ..Kind::default()
        });
    }
    for (restart_interval, sampling) in [(1, SamplingFactor::F_2_2), (3, SamplingFactor::F_1_1)] {
        kinds.push(Kind {
            restart_interval,
            sampling,
            ..Kind::default()
        });
    }
    kinds
}

/// Gradients, noise and edges, as RGB.
pub(super) fn photo(width: u16, height: u16) -> (u16, u16, Vec<u8>) {
    let mut state = 99_u32;
    let mut rgb = Vec::new();
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 28) as i32 - 8;
        let (x, y) = (i32::from(x), i32::from(y));
        let disc = if (x - 40).pow(2) + (y - 30).pow(2) < 500 {
            50
        } else {
            0
        };
        let wave = ((x as f32 / 9.0).sin() * (y as f32 / 13.0).cos() * 30.0) as i32;
        let levels = [
            60 + x / 3 + wave + disc,
            90 + y / 3 + wave,
            150 - x / 4 + disc,
        ];
        rgb.extend(levels.map(|level| (level + noise).clamp(0, 255) as u8));
    }
    (width, height, rgb)
}

pub(super) fn encoded((width, height, rgb): &(u16, u16, Vec<u8>), kind: &Kind) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 85);
    encoder.set_sampling_factor(kind.sampling);
    encoder.set_progressive(kind.progressive);
    encoder.set_optimized_huffman_tables(kind.optimized);
    if kind.restart_interval > 0 {
        encoder.set_restart_interval(kind.restart_interval);
    }
    if kind.gray {
        let gray: Vec<u8> = rgb.iter().skip(1).step_by(3).copied().collect();
        encoder
            .encode(&gray, *width, *height, ColorType::Luma)
            .unwrap();
    } else {
        encoder
            .encode(rgb, *width, *height, ColorType::Rgb)
            .unwrap();
    }
    bytes
}

/// Patches of inks side by side, each 32 pixels a side, as Adobe's programs store them.
pub(super) fn encoded_inks(inks: &[[u8; 4]], as_ycck: bool) -> Vec<u8> {
    let row: Vec<u8> = inks.iter().flat_map(|ink| ink.repeat(32)).collect();
    let width = u16::try_from(row.len() / 4).unwrap();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 95);
    encoder.set_sampling_factor(SamplingFactor::F_1_1);
    let kind = if as_ycck {
        ColorType::CmykAsYcck
    } else {
        ColorType::Cmyk
    };
    encoder.encode(&row.repeat(32), width, 32, kind).unwrap();
    bytes
}
