//! The sequential process (T.81 Annex F): one scan of all components, interleaved.
//!
//! One scan because some decoders misread sequential files with a scan for each component.

use crate::Process;
use crate::blocks::{Block, Quantiser};
use crate::frame::{Component, Frame};
use crate::markers::{self, Band};
use crate::tokens::{Coding, Tokens};

/// Sixteen zeros before a coefficient further on.
pub(crate) const SIXTEEN_ZEROS: u8 = 0xF0;
/// Nothing but zeros from here on.
const END_OF_BLOCK: u8 = 0;

/// Writes the file.
pub(crate) fn write(frame: &Frame, quality: u8) -> Vec<u8> {
    let mut tokens = Tokens::with_capacity(frame.blocks() * 8);
    put_picture(frame, quality, &mut tokens);
    let tables = tokens.tables();
    let mut out = Vec::with_capacity(1024 + frame.blocks() * 8);
    markers::start(&mut out, frame, quality, Process::Baseline);
    markers::scan(&mut out, &tables, &frame.components, Band::WHOLE);
    tokens.write(&tables, &mut out);
    markers::end(&mut out);
    out
}

/// A component on its way through the scan.
struct Track<'a> {
    component: Component<'a>,
    quantiser: Quantiser,
    /// The samples of the MCU's rows of blocks; those below the picture are missing.
    rows: Vec<[&'a [u8]; 8]>,
    last_dc: i16,
}

fn put_picture<'a>(frame: &Frame<'a>, quality: u8, tokens: &mut Tokens) {
    let track = |component: &Component<'a>| Track {
        component: *component,
        quantiser: Quantiser::new(&component.class.quant_table(quality)),
        rows: Vec::new(),
        last_dc: 0,
    };
    let mut tracks: Vec<Track> = frame.components.iter().map(track).collect();
    for mcu_row in 0..frame.mcus_down {
        for track in &mut tracks {
            track.start_row(mcu_row);
        }
        for mcu in 0..frame.mcus_across {
            for track in &mut tracks {
                track.put_mcu(mcu, tokens);
            }
        }
    }
}

impl Track<'_> {
    fn start_row(&mut self, mcu_row: usize) {
        let down = usize::from(self.component.factors.1);
        let rows = mcu_row * down..((mcu_row + 1) * down).min(self.component.blocks_down);
        self.rows.clear();
        self.rows.extend(rows.map(|row| self.component.rows(row)));
    }

    #[inline]
    fn put_mcu(&mut self, mcu: usize, tokens: &mut Tokens) {
        let (across, down) = self.component.factors;
        let number = self.component.class.id();
        for row in 0..usize::from(down) {
            let samples = self.rows.get(row);
            for column in 0..usize::from(across) {
                let column = mcu * usize::from(across) + column;
                match samples.filter(|_| column < self.component.blocks_across) {
                    Some(samples) => {
                        let block = self.quantiser.block(samples, column);
                        let difference = i32::from(block.dc()) - i32::from(self.last_dc);
                        self.last_dc = block.dc();
                        let (size, bits) = size_and_bits(difference);
                        tokens.push_sized(Coding::Dc(number), 0, size, bits);
                        put_rest(tokens, number, &block);
                    }
                    None => put_filler(tokens, number),
                }
            }
        }
    }
}

/// Puts all of a block but its mean (T.81 F.1.2.2).
#[inline]
fn put_rest(tokens: &mut Tokens, number: u8, block: &Block) {
    let mut rest = block.at_least(1) & !1;
    let mut next = 1;
    while rest != 0 {
        let position = rest.trailing_zeros();
        let mut zeros = position - next;
        while zeros > 15 {
            tokens.push(Coding::Ac(number), SIXTEEN_ZEROS);
            zeros -= 16;
        }
        let (size, bits) = size_and_bits(i32::from(block.at(position)));
        tokens.push_sized(Coding::Ac(number), zeros, size, bits);
        next = position + 1;
        rest &= rest - 1;
    }
    if next < 64 {
        tokens.push(Coding::Ac(number), END_OF_BLOCK);
    }
}

/// Puts a block beyond the picture, which decoders cut off: what costs the fewest bits.
fn put_filler(tokens: &mut Tokens, number: u8) {
    tokens.push_sized(Coding::Dc(number), 0, 0, 0);
    tokens.push(Coding::Ac(number), END_OF_BLOCK);
}

/// How many bits a number takes, and these bits: of a negative one, those of it less one
/// (T.81 F.1.2.1.1).
#[inline]
pub(crate) fn size_and_bits(value: i32) -> (u32, u16) {
    let size = 32 - value.unsigned_abs().leading_zeros();
    let bits = value + (value >> 31);
    let [low, high, ..] = (bits & ((1 << size) - 1)).to_le_bytes();
    (size, u16::from_le_bytes([low, high]))
}
