//! The rows of macroblocks that are in full size: the one being made, and the end of the last.
//!
//! It knows where the loop filter's edges lie, and hands on the rows that no filter will change.
#![expect(
    clippy::indexing_slicing,
    reason = "columns are below the number the band was made for"
)]

use super::filter::{self, Edge, Limits};
use super::header::{FilterKind, Strength};
use super::predict::{CHROMA, LUMA, STRIDE, Workbench};
use super::turn;
use crate::{
    Error,
    budget::Budget,
    picture::Plane,
    shrink::Shrinker,
    window::{Placed, Window},
};

/// Luma rows that wait for the filter of the next row of macroblocks. It changes three of them; with
/// eight, every box of the scaled picture gets its rows together.
const WAITING: usize = 8;

/// What lies around a frame on its canvas, which nobody sees.
const BLACK: u8 = 16;
const GREY: u8 = 128;

/// A row of macroblocks. Chroma rows hold eight pixels of U, then eight of V, for each macroblock.
#[derive(Debug)]
pub(super) struct Band {
    luma: Vec<u8>,
    chroma: Vec<u8>,
    stride: usize,
    /// [`WAITING`], or 0 if nothing is filtered.
    waiting: usize,
    kind: FilterKind,
    needed_rows: usize,
    last_row: usize,
    y: Shrinker,
    u: Shrinker,
    v: Shrinker,
    u_row: Vec<u8>,
    v_row: Vec<u8>,
}

impl Band {
    pub(super) fn new(
        kind: FilterKind,
        (window, placed): (&Window, &Placed),
        budget: &mut Budget,
    ) -> Result<Self, Error> {
        let columns = placed.width.div_ceil(16);
        let stride = 16 * columns;
        let waiting = if kind == FilterKind::None { 0 } else { WAITING };
        let all_rows = placed.height.div_ceil(16);
        let needed_rows = match window.needed_rows(placed) {
            0 => 0,
            rows => (rows + waiting).div_ceil(16).min(all_rows),
        };
        let chroma = || (window.of_chroma(), placed.of_chroma());
        let mut plane = |(window, placed), black| Shrinker::new(window, placed, black, budget);
        let y = plane((window.clone(), placed.clone()), BLACK)?;
        let u = plane(chroma(), GREY)?;
        let v = plane(chroma(), GREY)?;
        Ok(Self {
            luma: budget.vec(0, (waiting + 16) * stride)?,
            chroma: budget.vec(0, (waiting / 2 + 8) * stride)?,
            stride,
            waiting,
            kind,
            needed_rows,
            last_row: all_rows - 1,
            y,
            u,
            v,
            u_row: budget.vec(0, 8 * columns)?,
            v_row: budget.vec(0, 8 * columns)?,
        })
    }

    /// How many rows of macroblocks the window needs.
    pub(super) fn needed_rows(&self) -> usize {
        self.needed_rows
    }

    /// Takes the macroblock of `column` from the bench.
    #[inline]
    pub(super) fn put(&mut self, column: usize, bench: &Workbench) {
        let at = self.waiting * self.stride + 16 * column;
        for y in 0..16 {
            let from = &bench.luma[LUMA + y * STRIDE..][..16];
            self.luma[at + y * self.stride..][..16].copy_from_slice(from);
        }
        let at = self.waiting / 2 * self.stride + 16 * column;
        for y in 0..8 {
            let to = &mut self.chroma[at + y * self.stride..][..16];
            for (to, from) in to.chunks_exact_mut(8).zip(CHROMA) {
                to.copy_from_slice(&bench.chroma[from + y * STRIDE..][..8]);
            }
        }
    }

    /// Filters the edges of the macroblock at `(row, column)`: outer, and the inner ones if `inner`.
    #[inline]
    pub(super) fn filter(&mut self, at: (usize, usize), strength: Strength, inner: bool) {
        if strength.interior == 0 {
            return;
        }
        let (outer, inside) = (Limits::outer(strength), Limits::inner(strength));
        let (outer_edge, inner_edge) = match self.kind {
            FilterKind::Normal => (Edge::Outer, Edge::Inner),
            FilterKind::Simple | FilterKind::None => (Edge::Simple, Edge::Simple),
        };
        let (row, column) = at;
        let edges = turn::Edges {
            outer: (column > 0).then_some((outer_edge, outer)),
            inner: inner.then_some((inner_edge, inside)),
        };
        let luma = &mut self.luma[self.waiting * self.stride..];
        turn::luma_columns(luma, self.stride, 16 * column, edges);
        let has_chroma = self.kind == FilterKind::Normal;
        if has_chroma {
            let chroma = &mut self.chroma[self.waiting / 2 * self.stride..];
            turn::chroma_columns(chroma, self.stride, 16 * column, edges);
        }
        let outer = (row > 0).then_some((outer_edge, outer));
        for (y, edge) in [
            (0, outer),
            (4, edges.inner),
            (8, edges.inner),
            (12, edges.inner),
        ] {
            let at = (self.waiting + y).wrapping_sub(4) * self.stride + 16 * column;
            filter_rows(&mut self.luma, at, self.stride, edge);
            if has_chroma && y < 8 {
                let at = (self.waiting / 2 + y).wrapping_sub(4) * self.stride + 16 * column;
                filter_rows(&mut self.chroma, at, self.stride, edge);
            }
        }
    }

    /// Hands on what is ready after all macroblocks of `row`, and keeps what is not.
    pub(super) fn finish_row(&mut self, row: usize) {
        let not_yet = if row == 0 { self.waiting } else { 0 };
        let kept = if row == self.last_row {
            0
        } else {
            self.waiting
        };
        let rows = not_yet..16 + self.waiting - kept;
        for y in rows.clone() {
            self.y.push(&self.luma[y * self.stride..][..self.stride]);
        }
        for y in rows.start / 2..rows.end / 2 {
            let pairs = self.chroma[y * self.stride..][..self.stride]
                .as_chunks::<16>()
                .0;
            let halves = self.u_row.as_chunks_mut::<8>().0.iter_mut();
            for ((u, v), pair) in halves.zip(self.v_row.as_chunks_mut::<8>().0).zip(pairs) {
                u.copy_from_slice(&pair[..8]);
                v.copy_from_slice(&pair[8..]);
            }
            self.u.push(&self.u_row);
            self.v.push(&self.v_row);
        }
        self.luma.copy_within(16 * self.stride.., 0);
        self.chroma.copy_within(8 * self.stride.., 0);
    }

    /// The planes, once all needed rows are done.
    pub(super) fn into_planes(self) -> [Plane; 3] {
        [self.y, self.u, self.v].map(Shrinker::into_plane)
    }
}

/// Filters an edge between rows, the fourth and fifth from `at`.
#[inline]
fn filter_rows(plane: &mut [u8], at: usize, stride: usize, edge: Option<(Edge, Limits)>) {
    let Some((edge, limits)) = edge else { return };
    let mut across = [[0; 16]; 8];
    for (n, lane) in across.iter_mut().enumerate() {
        lane.copy_from_slice(&plane[at + n * stride..][..16]);
    }
    if filter::filter(&mut across, edge, limits) {
        for (n, lane) in across.iter().enumerate() {
            plane[at + n * stride..][..16].copy_from_slice(lane);
        }
    }
}
