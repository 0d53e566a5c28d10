//! DEFLATE (RFC 1951) in its zlib wrapping (RFC 1950), into a window that the caller keeps.
//! Knows no rows. The checksum at the end is not looked at: the chunks' CRCs cover the same bytes.
#![expect(
    clippy::indexing_slicing,
    reason = "the loops in here run for every byte of the picture"
)]

mod bits;
mod copy;
mod tables;

use crate::chunks::Chunks;
use crate::errors::Error;
use bits::{Bits, Source};
use tables::{DISTANCES, LITERALS, Tables};

/// How far back a match may reach (RFC 1951 2).
pub(crate) const HISTORY_BYTES: usize = 32 << 10;
/// How far past its target `run` may write: three pairs of literals or one match, and what a
/// copy of whole words writes too much.
pub(crate) const SLACK_BYTES: usize = 320;

/// After how many blocks the cancel check is looked at.
const CANCEL_STRIDE: u32 = 16;

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
                Block::Coded if self.bits.has_plenty() => self.coded::<true>(out, at, target)?,
                Block::Coded => self.coded::<false>(out, at, target)?,
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
        let copied = self
            .source
            .copy_bytes(&mut self.bits, &mut out[at..at + wanted]);
        self.block = match left - copied {
            0 => Block::Header,
            left => Block::Stored(left),
        };
        at + copied
    }

    /// Decodes Huffman codes up to the block's end or the target; `PLENTY`: while the chunk at
    /// hand has [`PLENTY_BYTES`] or more, else while it has fewer.
    ///
    /// Twice the same loop, since the one that asks no questions keeps its bits in registers.
    fn coded<const PLENTY: bool>(
        &mut self,
        out: &mut [u8],
        mut at: usize,
        target: usize,
    ) -> Result<usize, Error> {
        let tables = &*self.tables;
        let source = &mut self.source;
        let mut bits = source.refill::<PLENTY>(self.bits);
        let mut entry = tables.literals[bits.peek(LITERALS)];
        // At the top of the loop there are 56 bits or more, and `entry` is what they begin with.
        while at < target && bits.has_plenty() == PLENTY {
            if entry.is_literals() {
                // Three look-ups take up to 36 bits.
                at = emit(out, at, entry);
                bits.skip(entry);
                entry = tables.literals[bits.peek(LITERALS)];
                if entry.is_literals() {
                    at = emit(out, at, entry);
                    bits.skip(entry);
                    entry = tables.literals[bits.peek(LITERALS)];
                    if entry.is_literals() {
                        at = emit(out, at, entry);
                        bits.skip(entry);
                        entry = tables.literals[bits.peek(LITERALS)];
                        bits = source.refill::<PLENTY>(bits);
                        continue;
                    }
                }
                bits = source.refill::<PLENTY>(bits);
            }
            // A code of up to 15 bits, 5 more, another code of up to 15, 13 more: 48 bits.
            if entry.is_exceptional() {
                if entry.is_sub_table() {
                    bits.skip(entry);
                    entry = tables.sub_literal(entry, bits.peek(entry.extra_bits()))?;
                }
                if entry.is_literals() {
                    at = emit(out, at, entry);
                    bits.skip(entry);
                    entry = tables.literals[bits.peek(LITERALS)];
                    bits = source.refill::<PLENTY>(bits);
                    continue;
                }
                if entry.is_exceptional() {
                    if !entry.is_end_of_block() {
                        return Err(tables::NO_CODE);
                    }
                    bits.skip(entry);
                    self.block = Block::Header;
                    break;
                }
            }
            bits.skip(entry);
            let length = entry.base() + bits.take(entry.extra_bits()) as usize;
            entry = tables.distances[bits.peek(DISTANCES)];
            if entry.is_exceptional() {
                bits.skip(entry);
                entry = tables.far_distance(entry, bits.peek(entry.extra_bits()))?;
            }
            bits.skip(entry);
            let distance = entry.base() + bits.take(entry.extra_bits()) as usize;
            if distance > at {
                return Err(Error::Corrupt("a match that reaches before the data"));
            }
            bits = source.refill::<PLENTY>(bits);
            entry = tables.literals[bits.peek(LITERALS)];
            copy::back(out, at, distance, length);
            at += length;
        }
        self.bits = bits;
        Ok(at)
    }
}

/// Writes one to three literals.
#[inline(always)]
fn emit(out: &mut [u8], at: usize, entry: tables::Entry) -> usize {
    out[at..at + 4].copy_from_slice(&entry.literals());
    at + entry.literal_count()
}

/// Inflates a whole zlib stream; `None` if it is damaged or gives more than `max_bytes`.
pub(crate) fn inflate_all(data: &[u8], max_bytes: usize) -> Option<Vec<u8>> {
    let mut inflate = Inflate::new(Source::new(Chunks::none()), Bits::of(data)).ok()?;
    let (mut out, mut at) = (Vec::new(), 0);
    while inflate.block != Block::End {
        if at > max_bytes {
            return None;
        }
        let target = at + HISTORY_BYTES;
        out.resize(target + SLACK_BYTES, 0);
        at = inflate.run(&mut out, at, target, &|| false).ok()?;
    }
    out.truncate(at);
    (at <= max_bytes).then_some(out)
}
