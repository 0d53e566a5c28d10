//! Edges between columns, turned so that the filter sees them as it sees rows.
#![expect(
    clippy::indexing_slicing,
    reason = "columns are below the stride, other places constants"
)]

use super::filter::{self, Edge, Limits};

/// What a macroblock's edges between columns get.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edges {
    pub(super) outer: Option<(Edge, Limits)>,
    pub(super) inner: Option<(Edge, Limits)>,
}

/// Filters the edges of 16 rows of luma that begin in column `at`.
#[inline]
pub(super) fn luma_columns(plane: &mut [u8], stride: usize, at: usize, edges: Edges) {
    // Four columns on the left of the macroblock, then its own.
    let mut turned = [[0; 16]; 20];
    let from = at.saturating_sub(4);
    let skipped = from + 4 - at;
    for half in 0..2 {
        let row = |y: usize| &plane[(8 * half + y) * stride..][..stride];
        for (group, x) in [(0, from), (8, at + 4), (12, at + 8)] {
            let group_at = if group == 0 { skipped } else { group };
            let columns = transposed(std::array::from_fn(|y| load(&row(y)[x..])));
            for (n, column) in columns.into_iter().enumerate() {
                turned[group_at + n][8 * half..][..8].copy_from_slice(&column.to_le_bytes());
            }
        }
    }
    let any = [
        (0, edges.outer),
        (4, edges.inner),
        (8, edges.inner),
        (12, edges.inner),
    ]
    .into_iter()
    .fold(false, |any, (x, edge)| {
        filter_turned(&mut turned, x, edge) | any
    });
    if !any {
        return;
    }
    for half in 0..2 {
        for (group, x) in [(0, from), (8, at + 4), (12, at + 8)] {
            let group_at = if group == 0 { skipped } else { group };
            let rows = transposed(std::array::from_fn(|n| {
                load(&turned[group_at + n][8 * half..])
            }));
            for (y, pixels) in rows.into_iter().enumerate() {
                plane[(8 * half + y) * stride + x..][..8].copy_from_slice(&pixels.to_le_bytes());
            }
        }
    }
}

/// Filters the edges of 8 rows of chroma, both planes, which begin in column `at`.
#[inline]
pub(super) fn chroma_columns(plane: &mut [u8], stride: usize, at: usize, edges: Edges) {
    let mut turned = [[0; 16]; 12];
    // Each plane has eight columns of every 16, so that its left neighbours are 12 to 9 before it.
    let has_left = at > 0;
    for half in 0..2 {
        let own = at + 8 * half;
        let left = if has_left { own - 12 } else { own };
        let rows: [u64; 8] = std::array::from_fn(|y| {
            let row = &plane[y * stride..][..stride];
            u64::from(load4(&row[left..])) | u64::from(load4(&row[own..])) << 32
        });
        for (n, column) in transposed(rows).into_iter().enumerate() {
            turned[n][8 * half..][..8].copy_from_slice(&column.to_le_bytes());
        }
        let rows = std::array::from_fn(|y| load(&plane[y * stride + own..]));
        for (n, column) in transposed(rows).into_iter().enumerate() {
            turned[4 + n][8 * half..][..8].copy_from_slice(&column.to_le_bytes());
        }
    }
    let any = filter_turned(&mut turned, 0, edges.outer);
    if !(filter_turned(&mut turned, 4, edges.inner) | any) {
        return;
    }
    for half in 0..2 {
        let own = at + 8 * half;
        if has_left {
            let rows = transposed(std::array::from_fn(|n| load(&turned[n][8 * half..])));
            for (y, pixels) in rows.into_iter().enumerate() {
                let left = pixels.to_le_bytes();
                plane[y * stride + own - 12..][..4].copy_from_slice(&left[..4]);
            }
        }
        let rows = transposed(std::array::from_fn(|n| load(&turned[4 + n][8 * half..])));
        for (y, pixels) in rows.into_iter().enumerate() {
            plane[y * stride + own..][..8].copy_from_slice(&pixels.to_le_bytes());
        }
    }
}

/// Filters the edge between the fourth and fifth lane from `x`.
#[inline]
fn filter_turned(turned: &mut [[u8; 16]], x: usize, edge: Option<(Edge, Limits)>) -> bool {
    let (Some((edge, limits)), Some(across)) = (edge, turned[x..].first_chunk_mut()) else {
        return false;
    };
    filter::filter(across, edge, limits)
}

#[inline(always)]
fn load(bytes: &[u8]) -> u64 {
    bytes
        .first_chunk()
        .map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

#[inline(always)]
fn load4(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk()
        .map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

/// Turns a square of eight by eight bytes: halves, quarters and single bytes are swapped in turn.
#[inline(always)]
fn transposed(mut rows: [u64; 8]) -> [u64; 8] {
    let swap = |a: u64, b: u64, shift: u32, mask: u64| {
        let different = ((a >> shift) ^ b) & mask;
        (a ^ (different << shift), b ^ different)
    };
    for n in 0..4 {
        (rows[n], rows[n + 4]) = swap(rows[n], rows[n + 4], 32, 0x0000_0000_ffff_ffff);
    }
    for n in [0, 1, 4, 5] {
        (rows[n], rows[n + 2]) = swap(rows[n], rows[n + 2], 16, 0x0000_ffff_0000_ffff);
    }
    for n in [0, 2, 4, 6] {
        (rows[n], rows[n + 1]) = swap(rows[n], rows[n + 1], 8, 0x00ff_00ff_00ff_00ff);
    }
    rows
}
