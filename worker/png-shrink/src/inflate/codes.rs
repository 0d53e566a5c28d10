//! The loop that turns codes into bytes.
#![expect(
    clippy::indexing_slicing,
    clippy::inline_always,
    reason = "it runs for every code of the picture"
)]

use super::bits::Bits;
use super::entry::Entry;
use super::tables::{DISTANCES, LITERALS, NO_CODE, Tables};
use super::{Block, Inflate, copy};
use crate::errors::Error;

/// Decodes Huffman codes up to the block's end or the target; `PLENTY`: while the chunk at
/// hand has plenty of bytes, else while it has few.
///
/// Twice the same loop, since the one that asks no questions keeps its bits in registers.
pub(super) fn decode<const PLENTY: bool>(
    stream: &mut Inflate<'_>,
    out: &mut [u8],
    mut at: usize,
    target: usize,
) -> Result<usize, Error> {
    let tables = &*stream.tables;
    let source = &mut stream.source;
    let mut bits = source.refill::<PLENTY>(stream.bits);
    let mut entry = tables.literals[bits.peek(LITERALS)];
    // At the top of the loop there are 56 bits or more, and `entry` is what they begin with.
    while at < target && bits.has_plenty() == PLENTY {
        if entry.is_literals() {
            // Four look-ups take up to 40 bits.
            for _ in 0..4 {
                at = emit(out, at, entry);
                bits.skip(entry);
                entry = tables.literals[bits.peek(LITERALS)];
                if !entry.is_literals() {
                    break;
                }
            }
            bits = source.refill::<PLENTY>(bits);
            if entry.is_literals() {
                continue;
            }
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
                    return Err(NO_CODE);
                }
                bits.skip(entry);
                stream.block = Block::Header;
                break;
            }
        }
        let length = value(&mut bits, entry);
        let distance = distance(tables, &mut bits)?;
        if distance > at {
            return Err(Error::Corrupt("a match that reaches before the data"));
        }
        // A refill from plenty fills all 64 bits: what is left has the next code, too.
        let next = tables.literals[bits.peek(LITERALS)];
        bits = source.refill::<PLENTY>(bits);
        entry = if PLENTY {
            next
        } else {
            tables.literals[bits.peek(LITERALS)]
        };
        copy::back(out, at, distance, length);
        at += length;
    }
    stream.bits = bits;
    Ok(at)
}

#[inline(always)]
fn distance(tables: &Tables, bits: &mut Bits<'_>) -> Result<usize, Error> {
    let mut entry = tables.distances[bits.peek(DISTANCES)];
    if entry.is_exceptional() {
        bits.skip(entry);
        entry = tables.far_distance(entry, bits.peek(entry.extra_bits()))?;
    }
    Ok(value(bits, entry))
}

/// Takes a length's or a distance's code and its extra bits, in one step: the next look-up waits.
#[inline(always)]
fn value(bits: &mut Bits<'_>, entry: Entry) -> usize {
    let word = bits.word();
    bits.skip(entry);
    entry.value(word)
}

/// Writes one to three literals.
#[inline(always)]
fn emit(out: &mut [u8], at: usize, entry: Entry) -> usize {
    out[at..at + 4].copy_from_slice(&entry.literals());
    at + entry.literal_count()
}
