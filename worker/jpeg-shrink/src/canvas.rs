//! The planes while they are made: takes lines of blocks, and writes what of them is visible.

use crate::Error;
use crate::geometry::{Extent, Geometry};
use crate::idct::{Factors, Inverse, Transform};

/// What a sample is where nothing was decoded: middle gray.
const GRAY: u8 = 128;

/// The planes of a picture.
pub(crate) struct Canvas {
    side: usize,
    planes: Vec<Unfinished>,
    /// One line of blocks, as samples.
    strip: Vec<u8>,
}

struct Unfinished {
    width: usize,
    samples: Vec<u8>,
    /// Set at the component's first scan.
    factors: Option<Factors>,
}

impl Canvas {
    /// How many bytes [`Canvas::new`] allocates.
    pub(crate) fn bytes(geometry: &Geometry) -> u64 {
        geometry.plane_bytes() + strip_bytes(geometry) as u64
    }

    pub(crate) fn new(geometry: &Geometry) -> Self {
        let plane = |extent: &Extent| Unfinished {
            width: extent.width,
            samples: vec![GRAY; extent.width * extent.height],
            factors: None,
        };
        Self {
            side: geometry.side,
            planes: geometry.components.iter().map(plane).collect(),
            strip: vec![0; strip_bytes(geometry)],
        }
    }

    /// Sets a component's quantisation table, in zigzag order; the first one holds.
    pub(crate) fn quantise(
        &mut self,
        component: usize,
        table: Option<&[u16; 64]>,
    ) -> Result<(), Error> {
        let side = self.side;
        if let Some(plane) = self
            .planes
            .get_mut(component)
            .filter(|it| it.factors.is_none())
        {
            let table = table.ok_or(Error::Corrupt("a quantisation table is missing"))?;
            plane.factors = Some(Factors::new(table, side));
        }
        Ok(())
    }

    /// Does every component have a quantisation table, which is to say a scan?
    pub(crate) fn is_begun(&self) -> bool {
        self.planes.iter().all(|plane| plane.factors.is_some())
    }

    /// Writes a line of blocks; `line` counts from the top of the plane. What lies beyond the
    /// plane's sides is not written.
    pub(crate) fn write<const SIDE: usize, const COUNT: usize>(
        &mut self,
        component: usize,
        line: usize,
        coefficients: &[i16],
    ) where
        Inverse: Transform<SIDE, COUNT>,
    {
        let Some(plane) = self.planes.get_mut(component) else {
            return;
        };
        let Some(factors) = &plane.factors else {
            return;
        };
        let (blocks, _) = coefficients.as_chunks::<COUNT>();
        let first = line * SIDE * plane.width;
        let visible = plane.samples.get_mut(first..).unwrap_or_default();
        if SIDE == 1 {
            for (sample, block) in visible.iter_mut().take(plane.width).zip(blocks) {
                *sample = Inverse::samples(block, factors)
                    .as_flattened()
                    .first()
                    .copied()
                    .unwrap_or(GRAY);
            }
            return;
        }
        let stride = blocks.len() * SIDE;
        let Some(strip) = self.strip.get_mut(..stride * SIDE) else {
            return;
        };
        for (index, block) in blocks.iter().enumerate() {
            let samples = Inverse::samples(block, factors);
            for (row, samples) in strip.chunks_exact_mut(stride).zip(&samples) {
                if let Some(target) = row
                    .get_mut(index * SIDE..)
                    .and_then(<[u8]>::first_chunk_mut)
                {
                    *target = *samples;
                }
            }
        }
        for (target, row) in visible
            .chunks_exact_mut(plane.width)
            .zip(strip.chunks_exact(stride))
        {
            if let Some(row) = row.get(..target.len()) {
                target.copy_from_slice(row);
            }
        }
    }

    /// The finished planes.
    pub(crate) fn finish(self) -> Vec<Vec<u8>> {
        self.planes.into_iter().map(|plane| plane.samples).collect()
    }
}

fn strip_bytes(geometry: &Geometry) -> usize {
    let widest = geometry
        .components
        .iter()
        .map(|extent| extent.columns.len())
        .max();
    widest.unwrap_or(0) * geometry.side * geometry.side
}
