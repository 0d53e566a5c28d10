//! The progressive process (T.81 Annex G): the same coefficients as the sequential one, in scans
//! from coarse to fine.
//!
//! Knows the order of the scans and writes those of means; [`spectral`] writes all others.

mod spectral;

use crate::Process;
use crate::baseline::size_and_bits;
use crate::blocks::{Block, Quantiser};
use crate::frame::{Component, Frame};
use crate::markers::{self, Band};
use crate::tokens::{Coding, Tokens};

/// A scan: of all components, or of the one with this index.
#[derive(Clone, Copy, Debug)]
struct Scan {
    component: Option<usize>,
    band: Band,
}

/// Shows something as early as libjpeg's order does: brightness first and most exactly, then colour
/// whole but for its last bit, then all last bits.
#[rustfmt::skip]
const COLOUR_SCRIPT: [Scan; 10] = [
    Scan { component: None,    band: Band { first: 0, last: 0,  high: 0, low: 1 } },
    Scan { component: Some(0), band: Band { first: 1, last: 5,  high: 0, low: 2 } },
    Scan { component: Some(2), band: Band { first: 1, last: 63, high: 0, low: 1 } },
    Scan { component: Some(1), band: Band { first: 1, last: 63, high: 0, low: 1 } },
    Scan { component: Some(0), band: Band { first: 6, last: 63, high: 0, low: 2 } },
    Scan { component: Some(0), band: Band { first: 1, last: 63, high: 2, low: 1 } },
    Scan { component: None,    band: Band { first: 0, last: 0,  high: 1, low: 0 } },
    Scan { component: Some(2), band: Band { first: 1, last: 63, high: 1, low: 0 } },
    Scan { component: Some(1), band: Band { first: 1, last: 63, high: 1, low: 0 } },
    Scan { component: Some(0), band: Band { first: 1, last: 63, high: 1, low: 0 } },
];

/// The same without colour.
#[rustfmt::skip]
const GRAY_SCRIPT: [Scan; 6] = [
    Scan { component: None,    band: Band { first: 0, last: 0,  high: 0, low: 1 } },
    Scan { component: Some(0), band: Band { first: 1, last: 5,  high: 0, low: 2 } },
    Scan { component: Some(0), band: Band { first: 6, last: 63, high: 0, low: 2 } },
    Scan { component: Some(0), band: Band { first: 1, last: 63, high: 2, low: 1 } },
    Scan { component: None,    band: Band { first: 0, last: 0,  high: 1, low: 0 } },
    Scan { component: Some(0), band: Band { first: 1, last: 63, high: 1, low: 0 } },
];

/// A block, and where its coefficients reach the lowest bits of the scripts.
#[derive(Clone, Copy, Debug)]
struct Stored {
    block: Block,
    /// For each `low`: the zigzag positions of the coefficients that are at least 1 << `low`.
    reaching: [u64; 3],
}

impl Stored {
    /// Positions whose coefficients are not zero without their `low` lowest bits.
    #[inline]
    fn reaching(&self, low: u8) -> u64 {
        self.reaching
            .get(usize::from(low))
            .copied()
            .unwrap_or_default()
    }
}

/// Writes the file.
pub(crate) fn write(frame: &Frame, quality: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(2048 + frame.blocks() * 8);
    markers::start(&mut out, frame, quality, Process::Progressive);
    let stored: Vec<Vec<Stored>> = frame
        .components
        .iter()
        .map(|component| transformed(component, quality))
        .collect();
    let script: &[Scan] = match frame.components.len() {
        1 => &GRAY_SCRIPT,
        _ => &COLOUR_SCRIPT,
    };
    let mut tokens = Tokens::with_capacity(frame.blocks() * 4);
    for &Scan { component, band } in script {
        tokens.clear();
        let of_all = (frame.components.as_slice(), stored.as_slice());
        let (components, blocks) = match component {
            None => of_all,
            Some(one) => (
                of_all.0.get(one..=one).unwrap_or_default(),
                of_all.1.get(one..=one).unwrap_or_default(),
            ),
        };
        match (components, blocks) {
            ([component], [blocks]) if band.first > 0 => {
                spectral::put_scan(&mut tokens, component.class, band, blocks);
            }
            _ => put_means(&mut tokens, frame, &stored, band),
        }
        let tables = tokens.tables();
        markers::scan(&mut out, &tables, components, band);
        tokens.write(&tables, &mut out);
    }
    markers::end(&mut out);
    out
}

/// All blocks of a component, row after row.
fn transformed(component: &Component, quality: u8) -> Vec<Stored> {
    let quantiser = Quantiser::new(&component.class.quant_table(quality));
    let mut blocks = Vec::with_capacity(component.blocks_across * component.blocks_down);
    for row in 0..component.blocks_down {
        let rows = component.rows(row);
        blocks.extend((0..component.blocks_across).map(|column| {
            let block = quantiser.block(&rows, column);
            Stored {
                block,
                reaching: [1, 2, 4].map(|magnitude| block.at_least(magnitude)),
            }
        }));
    }
    blocks
}

/// Puts the means of all components, or one bit more of each (T.81 G.1.2.1).
fn put_means(tokens: &mut Tokens, frame: &Frame, stored: &[Vec<Stored>], band: Band) {
    let mut last = vec![0_i16; stored.len()];
    for mcu_row in 0..frame.mcus_down {
        for mcu in 0..frame.mcus_across {
            let tracks = frame.components.iter().zip(stored).zip(&mut last);
            for ((component, blocks), last) in tracks {
                for index in component.blocks_of_mcu(mcu_row, mcu) {
                    // Beyond the picture the last mean goes on, which costs the fewest bits.
                    let block = index.and_then(|index| blocks.get(index));
                    let mean = block.map_or(*last, |stored| stored.block.dc() >> band.low);
                    let before = std::mem::replace(last, mean);
                    put_mean(
                        tokens,
                        Coding::Dc(component.class.id()),
                        band,
                        (before, mean),
                    );
                }
            }
        }
    }
}

fn put_mean(tokens: &mut Tokens, coding: Coding, band: Band, (before, mean): (i16, i16)) {
    if band.high == 0 {
        let (size, bits) = size_and_bits(i32::from(mean) - i32::from(before));
        tokens.push_sized(coding, 0, size, bits);
    } else {
        tokens.push_bare(u16::from(mean & 1 == 1), 1);
    }
}
