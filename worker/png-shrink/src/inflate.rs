//! DEFLATE (RFC 1951) in its zlib wrapping (RFC 1950), into a window that the caller keeps.
//! Knows no rows. The checksum at the end is not looked at: the chunks' CRCs cover the same bytes.
mod bits;
mod codes;
mod copy;
mod entry;
mod huffman;
mod tables;

use std::cell::Cell;

use crate::chunks::Chunks;
use crate::errors::Error;
use bits::{Bits, Source};
use tables::Tables;

/// How far back a match may reach (RFC 1951 2).
pub(crate) const HISTORY_BYTES: usize = 32 << 10;
/// How far past its target `run` may write: four pairs of literals, one match, and what a
/// copy of whole words writes too much.
pub(crate) const SLACK_BYTES: usize = 320;

/// After how many blocks the cancel check is looked at.
const CANCEL_STRIDE: u32 = 16;
/// How often that is before a small stream is given up: some ten thousand blocks.
const MAX_ASKED: u32 = 1000;

/// Where the stream is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Before a block's header.
    Header,
    /// In a block of Huffman codes.
    Coded,
    /// In a block of plain bytes, of which so many are left.
    Stored(usize),
    /// After the last block.
    End,
}

/// A stream, inflated as far as it was asked to.
pub(crate) struct Inflate<'a> {
    source: Source<'a>,
    bits: Bits<'a>,
    tables: Box<Tables>,
    block: Block,
    last_block: bool,
}

impl<'a> Inflate<'a> {
    /// Begins the stream in the `IDAT` chunks that come next.
    pub(crate) fn of_data(chunks: Chunks<'a>) -> Result<Self, Error> {
        Self::new(Source::new(chunks), Bits::default())
    }

    fn new(mut source: Source<'a>, bits: Bits<'a>) -> Result<Self, Error> {
        let mut bits = source.refill::<false>(bits);
        let (method, check) = (bits.take(8), bits.take(8));
        let known = method & 0x0f == 8 && method >> 4 <= 7 && check & 0x20 == 0;
        if !known || (method << 8 | check) % 31 != 0 || source.is_overdrawn(&bits) {
            return Err(Error::Corrupt("the header of its zlib stream"));
        }
        Ok(Self {
            source,
            bits,
            tables: Tables::boxed(),
            block: Block::Header,
            last_block: false,
        })
    }

    /// Inflates into `out`, from `at` on, until `target` is reached or the stream ends; returns
    /// where it stopped, which may be up to [`SLACK_BYTES`] past the target.
    ///
    /// `out[..at]` must hold what came before, at least [`HISTORY_BYTES`] of it or all.
    /// `target + SLACK_BYTES` must be within `out`.
    pub(crate) fn run(
        &mut self,
        out: &mut [u8],
        mut at: usize,
        target: usize,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<usize, Error> {
        let mut steps = 0u32;
        while at < target && self.block != Block::End {
            at = match self.block {
                Block::Coded if self.bits.has_plenty() => {
                    codes::decode::<true>(self, out, at, target)?
                }
                Block::Coded => codes::decode::<false>(self, out, at, target)?,
                Block::Stored(left) => self.stored(out, at, (left, target)),
                Block::Header | Block::End => {
                    self.begin_block()?;
                    at
                }
            };
            if self.source.is_overdrawn(&self.bits) {
                return Err(Error::Corrupt("its zlib stream breaks off"));
            }
            steps = steps.wrapping_add(1);
            if steps.is_multiple_of(CANCEL_STRIDE) && cancelled() {
                return Err(Error::Cancelled);
            }
        }
        Ok(at)
    }

    /// Reads a block's header (RFC 1951 3.2.3).
    fn begin_block(&mut self) -> Result<(), Error> {
        if self.last_block {
            self.block = Block::End;
            return Ok(());
        }
        let mut bits = self.source.refill::<false>(self.bits);
        self.last_block = bits.take(1) == 1;
        self.block = match bits.take(2) {
            0 => {
                bits.align();
                bits = self.source.refill::<false>(bits);
                let (length, inverse) = (bits.take(16), bits.take(16));
                if length ^ inverse != 0xffff {
                    return Err(Error::Corrupt("the length of a stored block"));
                }
                Block::Stored(length as usize)
            }
            1 => {
                self.tables.fix()?;
                Block::Coded
            }
            2 => {
                bits = self.tables.read(bits, &mut self.source)?;
                Block::Coded
            }
            _ => return Err(Error::Corrupt("the type of a DEFLATE block")),
        };
        self.bits = bits;
        Ok(())
    }

    /// Copies plain bytes: `(left, target)` are left in the block, and where to stop.
    fn stored(&mut self, out: &mut [u8], at: usize, (left, target): (usize, usize)) -> usize {
        let wanted = left.min(target - at);
        let out = out.get_mut(at..at + wanted).unwrap_or_default();
        let copied = self.source.copy_bytes(&mut self.bits, out);
        self.block = match left - copied {
            0 => Block::Header,
            left => Block::Stored(left),
        };
        at + copied
    }
}

/// Inflates a whole zlib stream; `None` if it is damaged, gives more than `max_bytes`, or consists
/// of far more blocks than that takes.
pub(crate) fn inflate_all(data: &[u8], max_bytes: usize) -> Option<Vec<u8>> {
    let mut inflate = Inflate::new(Source::new(Chunks::none()), Bits::of(data)).ok()?;
    let (mut out, mut at) = (Vec::new(), 0);
    let asked = Cell::new(0);
    let cancelled = || asked.replace(asked.get() + 1) > MAX_ASKED;
    while inflate.block != Block::End {
        if at > max_bytes {
            return None;
        }
        let target = at + HISTORY_BYTES;
        out.resize(target + SLACK_BYTES, 0);
        at = inflate.run(&mut out, at, target, &cancelled).ok()?;
    }
    out.truncate(at);
    (at <= max_bytes).then_some(out)
}
