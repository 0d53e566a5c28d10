//! Which blocks, planes and pixels a decode is about: sizes, crop and MCUs (ITU T.81, A.1 and A.2).

use std::ops::Range;

use crate::frame::{Component, Frame, Sampling};
use crate::{Crop, Scale};

/// The numbers of one decode.
#[derive(Debug, Clone)]
pub(crate) struct Geometry {
    /// Samples along a side of a block: 8 for the full size, 1 for an eighth.
    pub(crate) side: usize,
    pub(crate) densest: Sampling,
    /// Size of the whole scaled picture.
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// MCUs in a line, and lines of them.
    pub(crate) mcus: (usize, usize),
    /// The MCUs that are delivered.
    pub(crate) columns: Range<usize>,
    pub(crate) rows: Range<usize>,
    pub(crate) components: Vec<Extent>,
}

/// One component's part in a [`Geometry`].
#[derive(Debug, Clone)]
pub(crate) struct Extent {
    pub(crate) sampling: Sampling,
    /// Which quantisation table it uses.
    quantisation: usize,
    /// Blocks in a line and lines of them, where the component has a scan of its own.
    pub(crate) blocks: (usize, usize),
    /// Blocks that are delivered; with those that only fill up an MCU.
    pub(crate) columns: Range<usize>,
    pub(crate) rows: Range<usize>,
    /// Size of the plane that is delivered.
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Geometry {
    pub(crate) fn new(frame: &Frame, scale: Scale, crop: Option<Crop>) -> Self {
        let side = scale.block_side();
        let densest = frame.densest();
        let (unit_x, unit_y) = (
            usize::from(densest.horizontal),
            usize::from(densest.vertical),
        );
        let (full_width, full_height) = (usize::from(frame.width), usize::from(frame.height));
        let width = (full_width * side).div_ceil(8);
        let height = (full_height * side).div_ceil(8);
        let mcus = (
            full_width.div_ceil(8 * unit_x),
            full_height.div_ceil(8 * unit_y),
        );
        let wanted = crop.unwrap_or(Crop {
            left: 0,
            top: 0,
            width: u32::MAX,
            height: u32::MAX,
        });
        let columns = covering(wanted.left, wanted.width, width, unit_x * side);
        let rows = covering(wanted.top, wanted.height, height, unit_y * side);
        let extent = |component: &Component| {
            let sampling = component.sampling;
            let (across, down) = (
                Axis::new(full_width, sampling.horizontal, densest.horizontal, side),
                Axis::new(full_height, sampling.vertical, densest.vertical, side),
            );
            Extent {
                sampling,
                quantisation: usize::from(component.quantisation),
                blocks: (across.blocks, down.blocks),
                columns: across.kept(&columns),
                rows: down.kept(&rows),
                width: across.delivered(&columns),
                height: down.delivered(&rows),
            }
        };
        Self {
            side,
            densest,
            width,
            height,
            mcus,
            components: frame.components.iter().map(extent).collect(),
            columns,
            rows,
        }
    }

    /// What is delivered, in pixels of the scaled picture.
    pub(crate) fn crop(&self) -> Crop {
        let unit_x = usize::from(self.densest.horizontal) * self.side;
        let unit_y = usize::from(self.densest.vertical) * self.side;
        let left = self.columns.start * unit_x;
        let top = self.rows.start * unit_y;
        Crop {
            left: px(left),
            top: px(top),
            width: px((self.columns.end * unit_x).min(self.width) - left),
            height: px((self.rows.end * unit_y).min(self.height) - top),
        }
    }

    /// Which quantisation table a component uses.
    pub(crate) fn quantisation(&self, component: usize) -> usize {
        self.components
            .get(component)
            .map_or(0, |it| it.quantisation)
    }

    /// What the delivered planes take.
    pub(crate) fn plane_bytes(&self) -> u64 {
        let planes = self.components.iter();
        planes.map(|it| it.width as u64 * it.height as u64).sum()
    }
}

impl Extent {
    /// The columns that are delivered and that a scan of this component alone has.
    pub(crate) fn kept_alone(&self) -> Range<usize> {
        self.columns.start.min(self.blocks.0)..self.columns.end.min(self.blocks.0)
    }

    /// The same of the lines of blocks.
    pub(crate) fn kept_rows_alone(&self) -> Range<usize> {
        self.rows.start.min(self.blocks.1)..self.rows.end.min(self.blocks.1)
    }
}

/// One component along one axis.
struct Axis {
    blocks: usize,
    /// Blocks in an MCU.
    sampling: usize,
    side: usize,
    /// Samples of the whole scaled component.
    samples: usize,
}

impl Axis {
    fn new(full: usize, sampling: u8, densest: u8, side: usize) -> Self {
        let (sampling, densest) = (usize::from(sampling), usize::from(densest));
        let stored = (full * sampling).div_ceil(densest);
        Self {
            blocks: stored.div_ceil(8),
            sampling,
            side,
            samples: (full * sampling * side).div_ceil(densest * 8),
        }
    }

    fn kept(&self, mcus: &Range<usize>) -> Range<usize> {
        mcus.start * self.sampling..mcus.end * self.sampling
    }

    fn delivered(&self, mcus: &Range<usize>) -> usize {
        let kept = self.kept(mcus);
        (kept.end * self.side).min(self.samples) - (kept.start * self.side).min(self.samples)
    }
}

/// The units that cover `length` pixels from `start`, at least one of them, of `total` pixels.
fn covering(start: u32, length: u32, total: usize, unit: usize) -> Range<usize> {
    let start = (start as usize).min(total - 1);
    let end = start.saturating_add(length.max(1) as usize).min(total);
    start / unit..end.div_ceil(unit)
}

/// Sides are at most 65535.
fn px(side: usize) -> u32 {
    u32::try_from(side).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: u16, height: u16, luma: u8) -> Frame {
        let [a, b] = height.to_be_bytes();
        let [c, d] = width.to_be_bytes();
        let segment = [8, a, b, c, d, 3, 1, luma, 0, 2, 0x11, 0, 3, 0x11, 0];
        Frame::parse(0xc0, &segment).unwrap()
    }

    #[test]
    fn scaled_sizes_are_rounded_up() {
        for (scale, width, chroma) in [
            (Scale::Full, 2725, 1363),
            (Scale::Half, 1363, 682),
            (Scale::Quarter, 682, 341),
            (Scale::Eighth, 341, 171),
        ] {
            let geometry = Geometry::new(&frame(2725, 2225, 0x22), scale, None);
            assert_eq!(geometry.width, width);
            assert_eq!(geometry.components[1].width, chroma);
            let whole = geometry.crop();
            assert_eq!((whole.left, whole.width as usize), (0, width));
        }
    }

    #[test]
    fn a_crop_grows_to_whole_mcus() {
        let crop = Crop {
            left: 5,
            top: 40,
            width: 3,
            height: 1,
        };
        let geometry = Geometry::new(&frame(333, 333, 0x21), Scale::Half, Some(crop));
        let delivered = geometry.crop();
        assert_eq!((delivered.left, delivered.width), (0, 8));
        assert_eq!((delivered.top, delivered.height), (40, 4));
        assert_eq!(geometry.components[0].columns, 0..2);
        assert_eq!(geometry.components[1].columns, 0..1);
        assert_eq!(
            (geometry.components[1].width, geometry.components[1].height),
            (4, 4)
        );
    }

    #[test]
    fn a_crop_outside_delivers_the_nearest_mcu() {
        let crop = Crop {
            left: u32::MAX,
            top: u32::MAX,
            width: u32::MAX,
            height: 0,
        };
        let geometry = Geometry::new(&frame(333, 333, 0x22), Scale::Eighth, Some(crop));
        assert_eq!(
            geometry.crop(),
            Crop {
                left: 40,
                top: 40,
                width: 2,
                height: 2
            }
        );
    }
}
