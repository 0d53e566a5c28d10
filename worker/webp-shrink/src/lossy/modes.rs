//! How a macroblock is predicted: RFC 6386, sections 10, 11.2 to 11.5 and 19.3.

use super::bool_reader::BoolReader;
use super::header::Frame;
use super::tables::BLOCK_MODES;

/// How a whole macroblock's luma, or its chroma, is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Dc,
    Vertical,
    Horizontal,
    TrueMotion,
}

/// How a 4x4 block of luma is predicted, in the order of the RFC's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum BlockMode {
    Dc,
    TrueMotion,
    Vertical,
    Horizontal,
    DownRight,
    VerticalRight,
    DownLeft,
    VerticalLeft,
    HorizontalDown,
    HorizontalUp,
}

/// How a macroblock's luma is predicted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Luma {
    Whole(Mode),
    Blocks([BlockMode; 16]),
}

/// What the first partition says about one macroblock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Macroblock {
    pub(super) segment: u8,
    /// There are no coefficients.
    pub(super) skipped: bool,
    pub(super) luma: Luma,
    pub(super) chroma: Mode,
}

/// Reads the macroblocks' modes, which depend on those above and on the left.
#[derive(Debug)]
pub(super) struct ModeReader {
    above: Vec<[BlockMode; 4]>,
    left: [BlockMode; 4],
}

impl ModeReader {
    /// `above` has one entry for each macroblock in a row.
    pub(super) fn new(above: Vec<[BlockMode; 4]>) -> Self {
        Self {
            above,
            left: [BlockMode::Dc; 4],
        }
    }

    /// Begins a row of macroblocks.
    pub(super) fn begin_row(&mut self) {
        self.left = [BlockMode::Dc; 4];
    }

    /// The modes of the next macroblock, that of `column`.
    pub(super) fn read(&mut self, frame: &mut Frame<'_>, column: usize) -> Macroblock {
        let reader = &mut frame.modes;
        let segment = frame.segment_tree.map_or(0, |tree| {
            if reader.flag(tree[0]) {
                2 + u8::from(reader.flag(tree[2]))
            } else {
                u8::from(reader.flag(tree[1]))
            }
        });
        let skipped = frame.skip.is_some_and(|skip| reader.flag(skip));
        let mut no_room = [BlockMode::Dc; 4];
        let above = self.above.get_mut(column).unwrap_or(&mut no_room);
        let luma = if reader.flag(145) {
            let mode = whole_mode(reader);
            *above = [as_block_mode(mode); 4];
            self.left = *above;
            Luma::Whole(mode)
        } else {
            Luma::Blocks(block_modes(reader, above, &mut self.left))
        };
        Macroblock {
            segment,
            skipped,
            luma,
            chroma: chroma_mode(reader),
        }
    }
}

fn whole_mode(reader: &mut BoolReader<'_>) -> Mode {
    reader.refill();
    if reader.bit(156) {
        if reader.bit(128) {
            Mode::TrueMotion
        } else {
            Mode::Horizontal
        }
    } else if reader.bit(163) {
        Mode::Vertical
    } else {
        Mode::Dc
    }
}

fn chroma_mode(reader: &mut BoolReader<'_>) -> Mode {
    reader.refill();
    if !reader.bit(142) {
        Mode::Dc
    } else if !reader.bit(114) {
        Mode::Vertical
    } else if reader.bit(183) {
        Mode::TrueMotion
    } else {
        Mode::Horizontal
    }
}

/// What a whole macroblock's mode means for the blocks beside it.
fn as_block_mode(mode: Mode) -> BlockMode {
    match mode {
        Mode::Dc => BlockMode::Dc,
        Mode::Vertical => BlockMode::Vertical,
        Mode::Horizontal => BlockMode::Horizontal,
        Mode::TrueMotion => BlockMode::TrueMotion,
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "a mode is below 10, the length of the tables"
)]
fn block_modes(
    reader: &mut BoolReader<'_>,
    above: &mut [BlockMode; 4],
    left: &mut [BlockMode; 4],
) -> [BlockMode; 16] {
    let mut modes = [BlockMode::Dc; 16];
    for (row, left) in modes.as_chunks_mut::<4>().0.iter_mut().zip(left) {
        for (mode, above) in row.iter_mut().zip(above.iter_mut()) {
            *left = block_mode(reader, &BLOCK_MODES[*above as usize][*left as usize]);
            *above = *left;
            *mode = *left;
        }
    }
    modes
}

fn block_mode(reader: &mut BoolReader<'_>, probabilities: &[u8; 9]) -> BlockMode {
    let [
        dc,
        motion,
        vertical,
        side,
        horizontal,
        right,
        down,
        upper,
        last,
    ] = *probabilities;
    reader.refill();
    if !reader.bit(dc) {
        BlockMode::Dc
    } else if !reader.bit(motion) {
        BlockMode::TrueMotion
    } else if !reader.bit(vertical) {
        BlockMode::Vertical
    } else if !reader.bit(side) {
        if !reader.bit(horizontal) {
            BlockMode::Horizontal
        } else if !reader.bit(right) {
            BlockMode::DownRight
        } else {
            BlockMode::VerticalRight
        }
    } else if !reader.bit(down) {
        BlockMode::DownLeft
    } else if !reader.bit(upper) {
        BlockMode::VerticalLeft
    } else if !reader.bit(last) {
        BlockMode::HorizontalDown
    } else {
        BlockMode::HorizontalUp
    }
}
