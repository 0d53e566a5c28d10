//! The seven passes of Adam7 (PNG, third edition, clause 8.2), put together in memory.

use crate::crop::Crop;

/// One pass: which pixels it has.
#[derive(Clone, Copy)]
pub(crate) struct Pass {
    first: (u32, u32),
    step: (u32, u32),
}

const fn pass(first: (u32, u32), step: (u32, u32)) -> Pass {
    Pass { first, step }
}

/// All passes in the order that they are stored in.
pub(crate) const PASSES: [Pass; 7] = [
    pass((0, 0), (8, 8)),
    pass((4, 0), (8, 8)),
    pass((0, 4), (4, 8)),
    pass((2, 0), (4, 4)),
    pass((0, 2), (2, 4)),
    pass((1, 0), (2, 2)),
    pass((0, 1), (1, 2)),
];

impl Pass {
    /// Pixels across and down of the pass in a picture of that size.
    pub(crate) fn size(&self, width: u32, height: u32) -> (u32, u32) {
        let along = |whole: u32, first: u32, step: u32| whole.saturating_sub(first).div_ceil(step);
        (
            along(width, self.first.0, self.step.0),
            along(height, self.first.1, self.step.1),
        )
    }

    /// Where row `y` of the pass lies in the crop, counted from the crop's top.
    pub(crate) fn row_in(&self, crop: &Crop, y: u32) -> Option<u32> {
        let y = self.first.1 + y * self.step.1;
        y.checked_sub(crop.y).filter(|y| *y < crop.height)
    }

    /// Writes the pass's row, `channels` samples a pixel, to the crop's row that it belongs to.
    pub(crate) fn scatter(&self, crop: &Crop, channels: usize, row: &[u8], out: &mut [u8]) {
        for (index, pixel) in (0u32..).zip(row.chunks_exact(channels)) {
            let x = self.first.0 + index * self.step.0;
            let Some(x) = x.checked_sub(crop.x).filter(|x| *x < crop.width) else {
                continue;
            };
            let from = x as usize * channels;
            if let Some(out) = out.get_mut(from..from + channels) {
                out.copy_from_slice(pixel);
            }
        }
    }
}
