//! Key frames of VP8: RFC 6386.
//!
//! It reads, builds and filters one row of macroblocks after the other, and keeps no more of them
//! in full size than the loop filter of the next row may still change.

use self::{
    band::Band,
    header::{FilterKind, Frame},
    modes::{BlockMode, Luma, ModeReader},
    reconstruct::Builder,
    tokens::{Neighbours, Residuals, TokenTable},
};
use crate::{
    Error,
    budget::Budget,
    picture::Plane,
    window::{Placed, Window},
};

pub(crate) use self::header::frame_size;

mod band;
mod bool_reader;
mod filter;
mod header;
mod modes;
mod predict;
mod reconstruct;
mod tables;
mod tokens;
mod transform;
mod turn;

/// Luma and both chroma planes of the key frame in `bytes`, which is `placed` on a black canvas.
pub(crate) fn decode(
    bytes: &[u8],
    (window, placed): (&Window, &Placed),
    budget: &mut Budget,
    cancelled: &dyn Fn() -> bool,
) -> Result<[Plane; 3], Error> {
    let frame = Frame::read(bytes)?;
    let mut decoder = Decoder::new(frame, (window, placed), budget)?;
    for row in 0..decoder.band.needed_rows() {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        decoder.row(row)?;
    }
    Ok(decoder.band.into_planes())
}

struct Decoder<'a> {
    frame: Frame<'a>,
    table: TokenTable,
    modes: ModeReader,
    above: Vec<Neighbours>,
    residuals: Box<Residuals>,
    builder: Builder,
    band: Band,
}

impl<'a> Decoder<'a> {
    fn new(
        frame: Frame<'a>,
        place: (&Window, &Placed),
        budget: &mut Budget,
    ) -> Result<Self, Error> {
        let columns = place.1.width.div_ceil(16);
        Ok(Self {
            table: TokenTable::new(&frame.tokens),
            modes: ModeReader::new(budget.vec([BlockMode::Dc; 4], columns)?),
            above: budget.vec(Neighbours::default(), columns)?,
            residuals: Box::new(Residuals::new()),
            builder: Builder::new(columns, budget)?,
            band: Band::new(frame.filter, place, budget)?,
            frame,
        })
    }

    /// Decodes a row of macroblocks.
    #[expect(clippy::indexing_slicing, reason = "a segment is below four")]
    fn row(&mut self, row: usize) -> Result<(), Error> {
        let partition = row & (self.frame.partitions.len() - 1);
        let mut tokens = *self
            .frame
            .partitions
            .get(partition)
            .ok_or(Error::Truncated)?;
        self.modes.begin_row();
        self.builder.begin_row(row);
        let mut left = Neighbours::default();
        for (column, above) in self.above.iter_mut().enumerate() {
            let block = self.modes.read(&mut self.frame, column);
            let segment = usize::from(block.segment & 3);
            let has_y2 = matches!(block.luma, Luma::Whole(_));
            self.residuals.clear();
            if block.skipped {
                above.skip(has_y2);
                left.skip(has_y2);
            } else {
                let macroblock = tokens::Macroblock {
                    table: &self.table,
                    steps: &self.frame.steps[segment],
                    has_y2,
                };
                macroblock.read(&mut tokens, &mut self.residuals, above, &mut left);
            }
            self.builder.build(column, &block, &self.residuals);
            self.band.put(column, &self.builder.bench);
            if self.frame.filter != FilterKind::None {
                let strength = self.frame.strengths[segment][usize::from(!has_y2)];
                let inner = !has_y2 || self.residuals.any();
                self.band.filter((row, column), strength, inner);
            }
        }
        if tokens.is_exhausted() || self.frame.modes.is_exhausted() {
            return Err(Error::Truncated);
        }
        if let Some(partition) = self.frame.partitions.get_mut(partition) {
            *partition = tokens;
        }
        self.band.finish_row(row);
        Ok(())
    }
}
