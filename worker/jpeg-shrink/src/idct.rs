//! Coefficients to samples (ITU T.81, A.3.3), for blocks of 8, 4, 2 and 1 samples a side.
//!
//! The smaller blocks are what averaging the samples of a full block would give, without the
//! frequencies that they cannot show: the average of 2^n neighbours of a cosine is the cosine at
//! their middle, times the cosines of half their distances. So the samples match a box filter
//! behind a full decode closely. All constants go into the dequantisation factors. The arithmetic
//! is on `f32` in a fixed order, so that it is the same on every machine and that the compiler can
//! use vector instructions without being told.

mod full;
mod half;
mod quarter;

use std::f32::consts::PI;

/// A block's samples, row by row; only `SIDE * SIDE` are used.
pub(crate) type Samples<const SIDE: usize> = [[u8; SIDE]; SIDE];

/// Dequantisation factors in the order of the coefficients, for a side of `SIDE`.
#[derive(Clone)]
pub(crate) struct Factors {
    /// By column, then row: `factor[column * side + row]`.
    by_place: [f32; 64],
    /// For the 1/8 path.
    dc: i32,
}

impl Factors {
    /// From a quantisation table in zigzag order.
    pub(crate) fn new(table: &[u16; 64], side: usize) -> Self {
        let mut by_place = [0.0; 64];
        for (&place, &step) in places(side).iter().zip(table) {
            let place = usize::from(place);
            if let Some(factor) = by_place.get_mut(place).filter(|_| place < side * side) {
                let weights = weight(place / side, side) * weight(place % side, side);
                *factor = weights * f32::from(step);
            }
        }
        let [dc, ..] = *table;
        Self {
            by_place,
            dc: i32::from(dc),
        }
    }
}

/// What the inverse transform of `side` samples wants its `k`th input multiplied with.
fn weight(k: usize, side: usize) -> f32 {
    // Exact to f32 on every machine, unlike cosines taken at run time.
    const COS: [f32; 8] = [
        1.0,
        0.980_785_3,
        0.923_879_5,
        0.831_469_6,
        0.707_106_77,
        0.555_570_24,
        0.382_683_43,
        0.195_090_32,
    ];
    debug_assert!((COS.get(k).copied().unwrap_or(0.0) - (k as f32 * PI / 16.0).cos()).abs() < 1e-6);
    let cos = |index: usize| COS.get(index).copied().unwrap_or(0.0);
    let normal = if k == 0 { 0.5 * cos(4) } else { 0.5 };
    match (side, k) {
        // The scaled factors of Arai, Agui and Nakajima's transform.
        (8, _) => normal * if k == 0 { 1.0 } else { cos(k) },
        (_, 0) => normal,
        // The average of pairs, and the constant that the butterflies leave out.
        (4, 2) => normal * cos(2) * cos(4),
        (4, _) => normal * cos(k) * cos(2),
        // The average of fours.
        _ => normal * cos(1) * cos(2) * cos(4),
    }
}

/// Where the coefficients of a block lie, by zigzag index: column * side + row, or any number from
/// `side * side` on for those that are not needed.
pub(crate) const fn places(side: usize) -> &'static [u8; 64] {
    const EIGHT: [u8; 64] = make_places(8);
    const FOUR: [u8; 64] = make_places(4);
    const TWO: [u8; 64] = make_places(2);
    const ONE: [u8; 64] = make_places(1);
    match side {
        8 => &EIGHT,
        4 => &FOUR,
        2 => &TWO,
        _ => &ONE,
    }
}

/// The last coefficient that is needed, by zigzag index.
pub(crate) const fn last_needed(side: usize) -> u32 {
    match side {
        8 => 63,
        4 => 24,
        2 => 4,
        _ => 0,
    }
}

/// Walks the zigzag (ITU T.81, figure A.6).
#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "constant"
)]
const fn make_places(side: usize) -> [u8; 64] {
    let mut places = [(side * side) as u8; 64];
    let (mut row, mut column) = (0, 0);
    let mut index = 0;
    while index < 64 {
        if row < side && column < side {
            places[index] = (column * side + row) as u8;
        }
        let up = (row + column) % 2 == 0;
        if up && column == 7 {
            row += 1;
        } else if up && row == 0 {
            column += 1;
        } else if up {
            row -= 1;
            column += 1;
        } else if row == 7 {
            column += 1;
        } else if column == 0 {
            row += 1;
        } else {
            row += 1;
            column -= 1;
        }
        index += 1;
    }
    places
}

/// A side for which there is a transform.
pub(crate) trait Transform<const SIDE: usize, const COUNT: usize> {
    /// The samples of a block.
    fn samples(coefficients: &[i16; COUNT], factors: &Factors) -> Samples<SIDE>;
}

/// The transforms.
pub(crate) struct Inverse;

impl Transform<1, 1> for Inverse {
    #[inline(always)]
    fn samples(coefficients: &[i16; 1], factors: &Factors) -> Samples<1> {
        [[flat(coefficients[0], factors)]]
    }
}

/// The sample of a block that has but one value.
#[inline(always)]
fn flat(dc: i16, factors: &Factors) -> u8 {
    let level = ((i32::from(dc) * factors.dc + 4) >> 3) + 128;
    level.clamp(0, 255) as u8
}

/// Rounds to the nearest number, shifts the level by 128 and clamps (A.3.1).
#[inline(always)]
fn sample(level: f32) -> u8 {
    // Where f32 has no bits behind the point, its lowest bits are the integer.
    const SHIFT: f32 = 12_582_912.0;
    let above = if level > -128.0 { level } else { -128.0 };
    let within = if above < 127.0 { above } else { 127.0 };
    (within + (SHIFT + 128.0)).to_bits() as u8
}

#[cfg(test)]
mod tests;
