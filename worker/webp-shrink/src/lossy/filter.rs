//! The loop filter: RFC 6386, section 15.
//!
//! Sixteen places of an edge are filtered at once, without branches, as the compiler makes vectors
//! of them. An edge between columns is turned, filtered and turned back.
#![expect(clippy::indexing_slicing, reason = "numbers of lanes are below 16")]

use super::header::Strength;

/// Sixteen pixels along an edge.
type Lane = [u8; 16];

/// The pixels across an edge: four before it and four after it.
type Across = [Lane; 8];

/// Limits for one edge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    edge: i16,
    interior: i16,
    high_variance: i16,
}

impl Limits {
    /// For the edges inside of a macroblock.
    pub(super) fn inner(strength: Strength) -> Self {
        Self {
            edge: 2 * i16::from(strength.edge) + 1,
            interior: strength.interior.into(),
            high_variance: strength.high_variance.into(),
        }
    }

    /// For the edges between macroblocks.
    pub(super) fn outer(strength: Strength) -> Self {
        let inner = Self::inner(strength);
        Self {
            edge: inner.edge + 8,
            ..inner
        }
    }
}

/// Which of the filters an edge gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    Simple,
    Inner,
    Outer,
}

/// Filters the rows of `across` in place. Says whether any pixel was to be filtered.
#[inline]
pub(super) fn filter(across: &mut Across, edge: Edge, limits: Limits) -> bool {
    match edge {
        Edge::Simple => simple(across, limits),
        Edge::Inner => inner(across, limits),
        Edge::Outer => outer(across, limits),
    }
}

fn simple([_, _, p1, p0, q0, q1, _, _]: &mut Across, limits: Limits) -> bool {
    let mut any = 0_i16;
    for n in 0..16 {
        let [a, b, c, d] = [p1[n], p0[n], q0[n], q1[n]].map(i16::from);
        let mask = within(4 * (b - c).abs() + (a - d).abs(), limits.edge);
        any |= mask;
        let common = narrow(narrow(a - d) + 3 * (c - b)) & mask;
        q0[n] = pixel(c - (narrow(common + 4) >> 3));
        p0[n] = pixel(b + (narrow(common + 3) >> 3));
    }
    any != 0
}

/// Minus one, all bits set, if `value` is at most `limit`, else zero.
#[inline(always)]
fn within(value: i16, limit: i16) -> i16 {
    -i16::from(value <= limit)
}

#[inline(always)]
fn narrow(value: i16) -> i16 {
    value.clamp(-128, 127)
}

#[inline(always)]
fn pixel(value: i16) -> u8 {
    value.clamp(0, 255) as u8
}

/// Where all differences are small enough to be filtered, and where they vary much.
#[inline(always)]
fn masks(p: [i16; 8], limits: Limits) -> (i16, i16) {
    let [p3, p2, p1, p0, q0, q1, q2, q3] = p;
    let (before, after) = ((p1 - p0).abs(), (q1 - q0).abs());
    let smooth = [
        (p3 - p2).abs(),
        (p2 - p1).abs(),
        before,
        after,
        (q2 - q1).abs(),
        (q3 - q2).abs(),
    ]
    .into_iter()
    .fold(0, i16::max);
    let mask = within(4 * (p0 - q0).abs() + (p1 - q1).abs(), limits.edge)
        & within(smooth, limits.interior);
    let high = !within(before.max(after), limits.high_variance);
    (mask, high)
}

fn inner(across: &mut Across, limits: Limits) -> bool {
    let mut any = 0;
    let [r0, r1, r2, r3, r4, r5, r6, r7] = across;
    for n in 0..16 {
        let p = [r0[n], r1[n], r2[n], r3[n], r4[n], r5[n], r6[n], r7[n]].map(i16::from);
        let [_, _, p1, p0, q0, q1, _, _] = p;
        let (mask, high) = masks(p, limits);
        any |= mask;
        let common = narrow((narrow(p1 - q1) & high) + 3 * (q0 - p0)) & mask;
        let after = narrow(common + 4) >> 3;
        let before = narrow(common + 3) >> 3;
        let outer = ((after + 1) >> 1) & !high;
        r2[n] = pixel(p1 + outer);
        r3[n] = pixel(p0 + before);
        r4[n] = pixel(q0 - after);
        r5[n] = pixel(q1 - outer);
    }
    any != 0
}

fn outer(across: &mut Across, limits: Limits) -> bool {
    let mut any = 0;
    let [r0, r1, r2, r3, r4, r5, r6, r7] = across;
    for n in 0..16 {
        let p = [r0[n], r1[n], r2[n], r3[n], r4[n], r5[n], r6[n], r7[n]].map(i16::from);
        let [_, p2, p1, p0, q0, q1, q2, _] = p;
        let (mask, high) = masks(p, limits);
        any |= mask;
        let common = narrow(narrow(p1 - q1) + 3 * (q0 - p0)) & mask;
        let sharp = common & high;
        let soft = common & !high;
        let after = narrow(sharp + 4) >> 3;
        let before = narrow(sharp + 3) >> 3;
        let by27 = (27 * soft + 63) >> 7;
        let by18 = (18 * soft + 63) >> 7;
        let by9 = (9 * soft + 63) >> 7;
        r1[n] = pixel(p2 + by9);
        r2[n] = pixel(p1 + by18);
        r3[n] = pixel(p0 + before + by27);
        r4[n] = pixel(q0 - after - by27);
        r5[n] = pixel(q1 - by18);
        r6[n] = pixel(q2 - by9);
    }
    any != 0
}
