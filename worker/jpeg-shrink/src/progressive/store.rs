//! The coefficients of a progressive picture: those that are needed of blocks that are delivered,
//! and for refinements, of every block, which of its coefficients are not zero.

use crate::geometry::{Extent, Geometry};

/// All components' coefficients.
pub(super) struct Store {
    pub(super) components: Vec<Coefficients>,
}

/// One component's coefficients.
pub(super) struct Coefficients {
    /// Coefficients of a block.
    count: usize,
    /// The first kept block, and the kept blocks in a line.
    left: usize,
    kept: usize,
    /// The first kept line, and the number of them.
    top: usize,
    lines: usize,
    values: Vec<i16>,
    /// Blocks in a line, and for each block, one bit for each coefficient that is not zero.
    across: usize,
    nonzero: Vec<u64>,
}

impl Store {
    /// How many bytes [`Store::new`] allocates.
    pub(super) fn bytes(geometry: &Geometry, count: usize, refined: u8) -> u64 {
        let components = geometry.components.iter().enumerate();
        let bytes = components.map(|(index, extent)| {
            let values = extent.columns.len() as u64 * extent.rows.len() as u64 * count as u64;
            values * 2 + masks(extent, index, refined) as u64 * 8
        });
        bytes.sum()
    }

    pub(super) fn new(geometry: &Geometry, count: usize, refined: u8) -> Self {
        let components = geometry.components.iter().enumerate();
        let components = components.map(|(index, extent)| Coefficients {
            count,
            left: extent.columns.start,
            kept: extent.columns.len(),
            top: extent.rows.start,
            lines: extent.rows.len(),
            values: vec![0; extent.columns.len() * extent.rows.len() * count],
            across: extent.blocks.0,
            nonzero: vec![0; masks(extent, index, refined)],
        });
        Self {
            components: components.collect(),
        }
    }

    /// The kept lines of blocks of a component.
    pub(super) fn lines(&self, component: usize) -> impl Iterator<Item = &[i16]> {
        let component = self.components.get(component);
        component
            .into_iter()
            .flat_map(|it| it.values.chunks_exact((it.kept * it.count).max(1)))
    }
}

impl Coefficients {
    /// Coefficients of a block.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Where a block's DC coefficient is; for one that is not kept, modulo 2^64, where it would be
    /// if its line were longer, or nowhere if its line is not kept.
    pub(super) fn place(&self, block: usize, line: usize) -> usize {
        match line.checked_sub(self.top).filter(|line| *line < self.lines) {
            Some(line) => (line * self.kept + block)
                .wrapping_sub(self.left)
                .wrapping_mul(self.count),
            None => usize::MAX / 2,
        }
    }

    /// The coefficient at a place.
    #[inline(always)]
    pub(super) fn value(&mut self, place: usize) -> Option<&mut i16> {
        self.values.get_mut(place)
    }

    /// A line of blocks: those that are kept, where they begin, and the masks of all.
    pub(super) fn line(&mut self, line: usize) -> Line<'_> {
        let length = self.kept * self.count;
        let kept = line.checked_sub(self.top).filter(|line| *line < self.lines);
        let values = kept.and_then(|line| self.values.get_mut(line * length..(line + 1) * length));
        let masks = self
            .nonzero
            .get_mut(line * self.across..(line + 1) * self.across);
        Line {
            left: self.left,
            values: values.unwrap_or_default(),
            masks: masks.unwrap_or_default(),
        }
    }
}

/// A line of blocks of a component.
pub(super) struct Line<'a> {
    /// The block that `values` begin with.
    left: usize,
    values: &'a mut [i16],
    masks: &'a mut [u64],
}

impl Line<'_> {
    /// A block's coefficients, if they are kept, and its mask, if there is one.
    #[inline(always)]
    pub(super) fn block<const COUNT: usize>(
        &mut self,
        index: usize,
    ) -> (Option<&mut [i16; COUNT]>, Option<&mut u64>) {
        let first = index.wrapping_sub(self.left).wrapping_mul(COUNT);
        let values = self
            .values
            .get_mut(first..)
            .and_then(<[i16]>::first_chunk_mut);
        (values, self.masks.get_mut(index))
    }
}

/// How many masks a component has: down to the last line that is delivered.
fn masks(extent: &Extent, index: usize, refined: u8) -> usize {
    if refined & (1 << (index & 7)) == 0 {
        return 0;
    }
    extent.blocks.0 * extent.rows.end.min(extent.blocks.1)
}
