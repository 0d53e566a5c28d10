//! The frame header: RFC 6386, sections 9.2 to 9.11 and 19.2, for key frames.
//!
//! It ends where the modes of the first macroblock begin, and leaves its reader there.

use super::bool_reader::BoolReader;
use super::tables::{AC_STEPS, DC_STEPS, DEFAULT_TOKENS, TOKEN_UPDATES, TokenProbabilities};
use crate::Error;

/// The width and height of a frame in pixels, from the ten bytes it begins with.
pub(crate) fn frame_size(frame: &[u8]) -> Result<(u32, u32), Error> {
    let Some(&[tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1]) = frame.first_chunk::<10>() else {
        return Err(if frame.len() < 10 {
            Error::Truncated
        } else {
            Error::Corrupt("no key frame's start code")
        });
    };
    if tag & 1 != 0 {
        return Err(Error::Corrupt("the frame is not a key frame"));
    }
    if (tag >> 1) & 7 > 3 {
        return Err(Error::Corrupt("unknown VP8 version"));
    }
    if tag & 0x10 == 0 {
        return Err(Error::Corrupt("the frame is not to be shown"));
    }
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    match (side(w0, w1), side(h0, h1)) {
        (0, _) | (_, 0) => Err(Error::Corrupt("the frame has no pixels")),
        both => Ok(both),
    }
}

/// The steps of one segment, the first coefficient's and the others'.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Steps {
    pub(super) y: [i32; 2],
    pub(super) y2: [i32; 2],
    pub(super) chroma: [i32; 2],
}

/// How strongly the edges of a macroblock are filtered (section 9.6 and 15).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Strength {
    /// Limit of differences inside of a block. 0: not filtered at all.
    pub(super) interior: u8,
    /// Limit across an inner edge; an outer edge has four more.
    pub(super) edge: u8,
    pub(super) high_variance: u8,
}

/// Which loop filter a frame asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FilterKind {
    None,
    Simple,
    Normal,
}

/// All that a frame says before its macroblocks.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// Probabilities of the segment tree, if macroblocks name their segment.
    pub(super) segment_tree: Option<[u8; 3]>,
    pub(super) steps: [Steps; 4],
    pub(super) filter: FilterKind,
    /// By segment, and whether the macroblock has modes for 4x4 blocks.
    pub(super) strengths: [[Strength; 2]; 4],
    pub(super) tokens: Box<TokenProbabilities>,
    /// Probability that a macroblock has coefficients, if that is said for each.
    pub(super) skip: Option<u8>,
    /// Reads the modes of the macroblocks.
    pub(super) modes: BoolReader<'a>,
    /// Read the tokens: row `n` is in partition `n` modulo their number.
    pub(super) partitions: Vec<BoolReader<'a>>,
}

#[derive(Default)]
struct Segments {
    enabled: bool,
    tree: Option<[u8; 3]>,
    absolute: bool,
    quantizer: [i32; 4],
    filter: [i32; 4],
}

impl Segments {
    /// What applies to `segment`, where `frame` is the frame's own number.
    fn apply(&self, of_segments: [i32; 4], segment: usize, frame: i32) -> i32 {
        let own = of_segments.get(segment).copied().unwrap_or(0);
        match (self.enabled, self.absolute) {
            (false, _) => frame,
            (true, true) => own,
            (true, false) => own + frame,
        }
    }
}

impl<'a> Frame<'a> {
    /// Reads the header of `bytes`, which are one key frame.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        frame_size(bytes)?;
        let &[b0, b1, b2, ..] = bytes else {
            return Err(Error::Truncated);
        };
        let first_bytes = (u32::from_le_bytes([b0, b1, b2, 0]) >> 5) as usize;
        let rest = bytes.get(10..).ok_or(Error::Truncated)?;
        let (first, rest) = rest.split_at_checked(first_bytes).ok_or(Error::Truncated)?;

        let mut reader = BoolReader::new(first);
        // The colour space, of which there is one, and whether clamping can be left out.
        reader.number(2);
        let segments = read_segments(&mut reader);
        let (filter, strengths) = read_filter(&mut reader, &segments);
        let partitions = find_partitions(1 << reader.number(2), rest)?;
        let steps = read_steps(&mut reader, &segments);
        // Whether the probabilities outlive this frame: there is no next one.
        reader.flag(128);
        let tokens = read_tokens(&mut reader);
        let skip = reader.flag(128).then(|| reader.number(8) as u8);
        if reader.is_exhausted() {
            return Err(Error::Truncated);
        }
        Ok(Self {
            segment_tree: segments.tree,
            steps,
            filter,
            strengths,
            tokens,
            skip,
            modes: reader,
            partitions,
        })
    }
}

/// Section 9.3.
fn read_segments(reader: &mut BoolReader<'_>) -> Segments {
    let mut segments = Segments {
        enabled: reader.flag(128),
        ..Segments::default()
    };
    if !segments.enabled {
        return segments;
    }
    let has_map = reader.flag(128);
    segments.absolute = true;
    if reader.flag(128) {
        segments.absolute = reader.flag(128);
        segments.quantizer = std::array::from_fn(|_| reader.optional_signed(7));
        segments.filter = std::array::from_fn(|_| reader.optional_signed(6));
    }
    segments.tree = has_map.then(|| {
        std::array::from_fn(|_| {
            if reader.flag(128) {
                reader.number(8) as u8
            } else {
                255
            }
        })
    });
    segments
}

/// Section 9.6, with the strengths of section 15.2 worked out.
fn read_filter(
    reader: &mut BoolReader<'_>,
    segments: &Segments,
) -> (FilterKind, [[Strength; 2]; 4]) {
    let simple = reader.flag(128);
    let frame_level = reader.number(6) as i32;
    let sharpness = reader.number(3) as i32;
    let (mut of_reference, mut of_blocks) = (0, 0);
    let adjusts = reader.flag(128);
    if adjusts && reader.flag(128) {
        // Only key frames, and of the modes only that with 4x4 blocks, are in a picture.
        let references: [i32; 4] = std::array::from_fn(|_| reader.optional_signed(6));
        let modes: [i32; 4] = std::array::from_fn(|_| reader.optional_signed(6));
        (of_reference, of_blocks) = (references[0], modes[0]);
    }
    let strengths = std::array::from_fn(|segment| {
        let level = segments.apply(segments.filter, segment, frame_level) + of_reference;
        [level, level + of_blocks].map(|level| strength(level.clamp(0, 63), sharpness))
    });
    let kind = match (frame_level, simple) {
        (0, _) => FilterKind::None,
        (_, true) => FilterKind::Simple,
        (_, false) => FilterKind::Normal,
    };
    (kind, strengths)
}

fn strength(level: i32, sharpness: i32) -> Strength {
    if level == 0 {
        return Strength::default();
    }
    let interior = match sharpness {
        0 => level,
        1..=4 => (level >> 1).min(9 - sharpness),
        _ => (level >> 2).min(9 - sharpness),
    }
    .max(1);
    Strength {
        interior: interior as u8,
        edge: (2 * level + interior) as u8,
        high_variance: u8::from(level >= 15) + u8::from(level >= 40),
    }
}

/// Section 9.5. The last partition is what the others leave.
fn find_partitions(count: usize, rest: &[u8]) -> Result<Vec<BoolReader<'_>>, Error> {
    let (sizes, mut rest) = rest
        .split_at_checked(3 * (count - 1))
        .ok_or(Error::Truncated)?;
    let mut partitions = Vec::with_capacity(count);
    for size in sizes.as_chunks::<3>().0 {
        let bytes = u32::from_le_bytes([size[0], size[1], size[2], 0]) as usize;
        let (partition, others) = rest.split_at_checked(bytes).ok_or(Error::Truncated)?;
        partitions.push(BoolReader::new(partition));
        rest = others;
    }
    if rest.is_empty() {
        return Err(Error::Truncated);
    }
    partitions.push(BoolReader::new(rest));
    Ok(partitions)
}

/// Sections 9.6 and 14.1.
fn read_steps(reader: &mut BoolReader<'_>, segments: &Segments) -> [Steps; 4] {
    let base = reader.number(7) as i32;
    let [luma, walsh_first, walsh_rest, chroma_first, chroma_rest] =
        std::array::from_fn(|_| reader.optional_signed(4));
    std::array::from_fn(|segment| {
        let index = segments.apply(segments.quantizer, segment, base);
        Steps {
            y: [dc_step(index + luma), ac_step(index)],
            y2: [
                2 * dc_step(index + walsh_first),
                (ac_step(index + walsh_rest) * 155 / 100).max(8),
            ],
            chroma: [
                dc_step((index + chroma_first).min(117)),
                ac_step(index + chroma_rest),
            ],
        }
    })
}

fn dc_step(index: i32) -> i32 {
    let index = index.clamp(0, 127) as usize;
    DC_STEPS.get(index).copied().unwrap_or(0).into()
}

fn ac_step(index: i32) -> i32 {
    let index = index.clamp(0, 127) as usize;
    AC_STEPS.get(index).copied().unwrap_or(0).into()
}

/// Section 9.9 and 13.4.
fn read_tokens(reader: &mut BoolReader<'_>) -> Box<TokenProbabilities> {
    let mut tokens = Box::new(DEFAULT_TOKENS);
    let updates = TOKEN_UPDATES.as_flattened().as_flattened().as_flattened();
    let probabilities = tokens.as_flattened_mut().as_flattened_mut();
    for (probability, update) in probabilities.as_flattened_mut().iter_mut().zip(updates) {
        if reader.flag(*update) {
            *probability = reader.number(8) as u8;
        }
    }
    tokens
}
