//! Prediction from the pixels above and on the left: RFC 6386, section 12.
//!
//! A macroblock is built in a [`Workbench`], whose borders hold its neighbours before the loop filter.
#![expect(
    clippy::indexing_slicing,
    reason = "all places are constants' sums inside of the workbench"
)]

use super::modes::{BlockMode, Mode};

/// Bytes from one row of a workbench to the next.
pub(super) const STRIDE: usize = 32;
/// Where the luma of a macroblock begins, below and right of its border.
pub(super) const LUMA: usize = STRIDE + 8;
/// Where its two planes of chroma begin.
pub(super) const CHROMA: [usize; 2] = [STRIDE + 8, STRIDE + 24];

/// The pixels of a macroblock, and the border they are predicted from.
#[derive(Debug)]
pub(super) struct Workbench {
    /// 17 rows: one pixel on the left, 16 of the macroblock, four to the right of it.
    pub(super) luma: [u8; 17 * STRIDE],
    /// 9 rows: both planes side by side, each with one pixel on its left.
    pub(super) chroma: [u8; 9 * STRIDE],
}

/// Which neighbours a macroblock has inside the picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inside {
    pub(super) above: bool,
    pub(super) left: bool,
}

/// Predicts a square of `SIDE` pixels that begins at `at`.
#[inline]
pub(super) fn square<const SIDE: usize>(bench: &mut [u8], at: usize, mode: Mode, inside: Inside) {
    let mut above = [0; SIDE];
    above.copy_from_slice(&bench[at - STRIDE..][..SIDE]);
    let left: [u8; SIDE] = std::array::from_fn(|row| bench[at + row * STRIDE - 1]);
    let mut put = |row: usize, pixels: [u8; SIDE]| {
        bench[at + row * STRIDE..][..SIDE].copy_from_slice(&pixels);
    };
    match mode {
        Mode::Dc => {
            let dc = average(above, left, inside);
            (0..SIDE).for_each(|row| put(row, [dc; SIDE]));
        }
        Mode::Vertical => (0..SIDE).for_each(|row| put(row, above)),
        Mode::Horizontal => (0..SIDE).for_each(|row| put(row, [left[row]; SIDE])),
        Mode::TrueMotion => {
            let corner = i16::from(bench[at - STRIDE - 1]);
            for row in 0..SIDE {
                let slope = i16::from(left[row]) - corner;
                let pixels = above.map(|above| (i16::from(above) + slope).clamp(0, 255) as u8);
                bench[at + row * STRIDE..][..SIDE].copy_from_slice(&pixels);
            }
        }
    }
}

/// The mean of the borders that are inside the picture.
fn average<const SIDE: usize>(above: [u8; SIDE], left: [u8; SIDE], inside: Inside) -> u8 {
    let sum = |border: [u8; SIDE]| border.iter().map(|pixel| u32::from(*pixel)).sum::<u32>();
    let side = SIDE as u32;
    let mean = match (inside.above, inside.left) {
        (true, true) => (sum(above) + sum(left) + side) / (2 * side),
        (true, false) => (sum(above) + side / 2) / side,
        (false, true) => (sum(left) + side / 2) / side,
        (false, false) => 128,
    };
    mean as u8
}

/// The prediction of the 4x4 block that begins at `at`, row by row.
#[inline(always)]
pub(super) fn block(bench: &[u8; 17 * STRIDE], at: usize, mode: BlockMode) -> [u8; 16] {
    let above = &bench[at - STRIDE - 1..][..9];
    let [x, a, b, c, d, e, f, g, h]: [u8; 9] = std::array::from_fn(|n| above[n]);
    let [i, j, k, l] = [0, 1, 2, 3].map(|row| bench[at + row * STRIDE - 1]);
    match mode {
        BlockMode::Dc => {
            let sum: u16 = [a, b, c, d, i, j, k, l].map(u16::from).iter().sum();
            [((sum + 4) >> 3) as u8; 16]
        }
        BlockMode::TrueMotion => {
            let mut pixels = [0; 16];
            for (row, left) in pixels.as_chunks_mut::<4>().0.iter_mut().zip([i, j, k, l]) {
                let slope = i16::from(left) - i16::from(x);
                *row = [a, b, c, d].map(|p| (i16::from(p) + slope).clamp(0, 255) as u8);
            }
            pixels
        }
        BlockMode::Vertical => {
            let row = [
                three(x, a, b),
                three(a, b, c),
                three(b, c, d),
                three(c, d, e),
            ];
            four([row; 4])
        }
        BlockMode::Horizontal => four([
            [three(x, i, j); 4],
            [three(i, j, k); 4],
            [three(j, k, l); 4],
            [three(k, l, l); 4],
        ]),
        BlockMode::DownRight => down_right([l, k, j, i, x, a, b, c, d]),
        BlockMode::DownLeft => down_left([a, b, c, d, e, f, g, h]),
        BlockMode::VerticalRight => vertical_right([k, j, i, x, a, b, c, d]),
        BlockMode::VerticalLeft => vertical_left([a, b, c, d, e, f, g, h]),
        BlockMode::HorizontalDown => horizontal_down([l, k, j, i, x, a, b, c]),
        BlockMode::HorizontalUp => horizontal_up([i, j, k, l]),
    }
}

fn down_right([l, k, j, i, x, a, b, c, d]: [u8; 9]) -> [u8; 16] {
    let s = [
        three(j, k, l),
        three(i, j, k),
        three(x, i, j),
        three(a, x, i),
        three(b, a, x),
        three(c, b, a),
        three(d, c, b),
    ];
    four([
        [s[3], s[4], s[5], s[6]],
        [s[2], s[3], s[4], s[5]],
        [s[1], s[2], s[3], s[4]],
        [s[0], s[1], s[2], s[3]],
    ])
}

fn down_left([a, b, c, d, e, f, g, h]: [u8; 8]) -> [u8; 16] {
    let s = [
        three(a, b, c),
        three(b, c, d),
        three(c, d, e),
        three(d, e, f),
        three(e, f, g),
        three(f, g, h),
        three(g, h, h),
    ];
    four([
        [s[0], s[1], s[2], s[3]],
        [s[1], s[2], s[3], s[4]],
        [s[2], s[3], s[4], s[5]],
        [s[3], s[4], s[5], s[6]],
    ])
}

fn vertical_right([k, j, i, x, a, b, c, d]: [u8; 8]) -> [u8; 16] {
    let first = [two(x, a), two(a, b), two(b, c), two(c, d)];
    let second = [
        three(i, x, a),
        three(x, a, b),
        three(a, b, c),
        three(b, c, d),
    ];
    four([
        first,
        second,
        [three(j, i, x), first[0], first[1], first[2]],
        [three(k, j, i), second[0], second[1], second[2]],
    ])
}

fn vertical_left([a, b, c, d, e, f, g, h]: [u8; 8]) -> [u8; 16] {
    let first = [two(a, b), two(b, c), two(c, d), two(d, e)];
    let second = [
        three(a, b, c),
        three(b, c, d),
        three(c, d, e),
        three(d, e, f),
    ];
    four([
        first,
        second,
        [first[1], first[2], first[3], three(e, f, g)],
        [second[1], second[2], second[3], three(f, g, h)],
    ])
}

fn horizontal_down([l, k, j, i, x, a, b, c]: [u8; 8]) -> [u8; 16] {
    let pairs = [
        [two(i, x), three(i, x, a)],
        [two(j, i), three(j, i, x)],
        [two(k, j), three(k, j, i)],
        [two(l, k), three(l, k, j)],
    ];
    four([
        [pairs[0][0], pairs[0][1], three(x, a, b), three(a, b, c)],
        [pairs[1][0], pairs[1][1], pairs[0][0], pairs[0][1]],
        [pairs[2][0], pairs[2][1], pairs[1][0], pairs[1][1]],
        [pairs[3][0], pairs[3][1], pairs[2][0], pairs[2][1]],
    ])
}

fn horizontal_up([i, j, k, l]: [u8; 4]) -> [u8; 16] {
    four([
        [two(i, j), three(i, j, k), two(j, k), three(j, k, l)],
        [two(j, k), three(j, k, l), two(k, l), three(k, l, l)],
        [two(k, l), three(k, l, l), l, l],
        [l; 4],
    ])
}

#[inline(always)]
fn four(rows: [[u8; 4]; 4]) -> [u8; 16] {
    let mut pixels = [0; 16];
    pixels.copy_from_slice(rows.as_flattened());
    pixels
}

#[inline(always)]
fn two(a: u8, b: u8) -> u8 {
    ((u16::from(a) + u16::from(b) + 1) >> 1) as u8
}

#[inline(always)]
fn three(a: u8, b: u8, c: u8) -> u8 {
    ((u16::from(a) + 2 * u16::from(b) + u16::from(c) + 2) >> 2) as u8
}
