//! What is to be done, for all variants of a job, before any pixel: pure arithmetic.

use image::metadata::Orientation;

use super::orient::{stored_area, swaps_sides};

mod geometry;

pub(super) use geometry::{Plan, bound, final_size, plan};

/// How far the resampler looks beyond an area, in pixels of what it makes: three lobes, and
/// twice that where chroma has half the samples.
const REACH: f64 = 6.0;
/// And a few pixels of the original, for rounding.
const SLACK: f64 = 16.0;

/// A width and a height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Size {
    /// Width and height in each other's place.
    pub(super) fn swapped(self) -> Self {
        Self {
            width: self.height,
            height: self.width,
        }
    }

    /// The size of an upright picture as it is stored, and the other way round.
    pub(super) fn turned(self, orientation: Orientation) -> Self {
        if swaps_sides(orientation) {
            self.swapped()
        } else {
            self
        }
    }

    /// How many pixels that are.
    pub(super) fn area(self) -> usize {
        self.width as usize * self.height as usize
    }

    /// All of it.
    pub(super) fn whole(self) -> Area {
        Area {
            left: 0.0,
            top: 0.0,
            width: f64::from(self.width),
            height: f64::from(self.height),
        }
    }
}

/// A rectangle in pixels; its edges may lie between pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    /// The smallest area that holds both.
    fn and(self, other: Self) -> Self {
        let (left, top) = (self.left.min(other.left), self.top.min(other.top));
        let right = (self.left + self.width).max(other.left + other.width);
        let bottom = (self.top + self.height).max(other.top + other.height);
        Self {
            left,
            top,
            width: right - left,
            height: bottom - top,
        }
    }

    /// Larger by so much on each side, as far as the picture goes.
    fn grown(self, across: f64, down: f64, size: Size) -> Self {
        let edge = |at: f64, side: u32| at.clamp(0.0, f64::from(side));
        let (left, top) = (
            edge(self.left - across, size.width),
            edge(self.top - down, size.height),
        );
        Self {
            left,
            top,
            width: edge(self.left + self.width + across, size.width) - left,
            height: edge(self.top + self.height + down, size.height) - top,
        }
    }
}

/// One variant's plan in the axes of the stored picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cut {
    /// What is kept of the stored picture.
    pub(super) area: Area,
    /// What that is scaled to, before it is turned upright.
    pub(super) size: Size,
}

impl Cut {
    /// The cut that `plan` makes of a picture that is stored `stored` large.
    pub(super) fn of(plan: &Plan, orientation: Orientation, stored: Size) -> Self {
        Self {
            area: stored_area(plan.area, orientation, stored),
            size: plan.size.turned(orientation),
        }
    }

    /// Stored pixels for each pixel of the variant, across and down.
    pub(super) fn ratio(&self) -> (f64, f64) {
        (
            self.area.width / f64::from(self.size.width.max(1)),
            self.area.height / f64::from(self.size.height.max(1)),
        )
    }
}

/// What is decoded: enough for every variant, and no more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Decoding {
    /// The part of the stored picture.
    pub(super) area: Area,
    /// Stored pixels for each pixel that the largest variant needs, across and down.
    pub(super) ratio: (f64, f64),
}

impl Decoding {
    /// What one cut needs.
    pub(super) fn of(cut: &Cut, stored: Size) -> Self {
        let ratio = cut.ratio();
        let reach = |ratio: f64| REACH * ratio.max(1.0) + SLACK;
        Self {
            area: cut.area.grown(reach(ratio.0), reach(ratio.1), stored),
            ratio,
        }
    }

    /// The whole picture at its full size.
    pub(super) fn all(stored: Size) -> Self {
        Self {
            area: stored.whole(),
            ratio: (1.0, 1.0),
        }
    }

    /// What serves both.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            area: self.area.and(other.area),
            ratio: (
                self.ratio.0.min(other.ratio.0),
                self.ratio.1.min(other.ratio.1),
            ),
        }
    }

    /// The smaller of the two ratios, for decoders that shrink both axes alike.
    pub(super) fn shrink(&self) -> f64 {
        self.ratio.0.min(self.ratio.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: Size = Size {
        width: 4000,
        height: 3000,
    };

    fn cut(left: f64, width: f64, out: u32) -> Cut {
        Cut {
            area: Area {
                left,
                top: 0.0,
                width,
                height: 3000.0,
            },
            size: Size {
                width: out,
                height: out,
            },
        }
    }

    #[test]
    fn as_much_is_decoded_as_the_variants_need_together() {
        let large = Decoding::of(&cut(500.0, 3000.0, 1000), STORED);
        let small = Decoding::of(&cut(1000.0, 3000.0, 100), STORED);
        assert_eq!(large.ratio, (3.0, 3.0));
        assert_eq!((large.area.left, large.area.width), (466.0, 3068.0));
        let both = large.and(small);
        assert_eq!(both.ratio, (3.0, 3.0));
        assert_eq!((both.area.left, both.area.width), (466.0, 3534.0));
        assert_eq!((both.area.top, both.area.height), (0.0, 3000.0));
    }

    #[test]
    fn a_cut_is_made_in_stored_axes() {
        let plan = Plan {
            area: Area {
                left: 0.0,
                top: 100.0,
                width: 3000.0,
                height: 1500.0,
            },
            size: Size {
                width: 200,
                height: 100,
            },
            canvas: None,
        };
        let cut = Cut::of(&plan, Orientation::Rotate90, STORED);
        let area = Area {
            left: 100.0,
            top: 0.0,
            width: 1500.0,
            height: 3000.0,
        };
        assert_eq!(cut.area, area);
        assert_eq!((cut.size.width, cut.size.height), (100, 200));
        assert_eq!(cut.ratio(), (15.0, 15.0));
    }
}
