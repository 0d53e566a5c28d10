//! Which part of the picture is wanted, at which size.

use std::ops::Range;

use crate::{Crop, Error, Scale};

impl Scale {
    /// Pixels of the picture on one side of a box that becomes one pixel, as a power of two.
    pub(crate) fn log2(self) -> u32 {
        match self {
            Self::Full => 0,
            Self::Half => 1,
            Self::Quarter => 2,
            Self::Eighth => 3,
        }
    }

    /// What `side` pixels become: a box that is not full still becomes a pixel.
    pub fn apply(self, side: u32) -> u32 {
        side.div_ceil(1 << self.log2())
    }
}

/// A picture's size, and what is delivered of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Size of what is decoded, in its own pixels.
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) log2: u32,
    /// What is delivered, in scaled pixels. Both begin at even numbers.
    pub(crate) columns: Range<usize>,
    pub(crate) rows: Range<usize>,
}

impl Window {
    /// Of a picture of `width` x `height` pixels, `crop` at `scale`, grown to whole chroma samples.
    pub(crate) fn new(
        (width, height): (u32, u32),
        scale: Scale,
        crop: Option<Crop>,
    ) -> Result<Self, Error> {
        let (full_width, full_height) = (scale.apply(width), scale.apply(height));
        let crop = crop.unwrap_or(Crop {
            x: 0,
            y: 0,
            width: full_width,
            height: full_height,
        });
        let even = |from: u32, length: u32, end: u32| -> Option<Range<usize>> {
            let to = from.checked_add(length).filter(|to| *to <= end)?;
            let grown = to.next_multiple_of(2).min(end);
            (length > 0).then_some((from & !1) as usize..grown as usize)
        };
        let outside = Error::Unsupported("the crop is not inside of the picture");
        Ok(Self {
            width: width as usize,
            height: height as usize,
            log2: scale.log2(),
            columns: even(crop.x, crop.width, full_width).ok_or(outside)?,
            rows: even(crop.y, crop.height, full_height).ok_or(outside)?,
        })
    }

    /// The same part of a plane with half as many samples in each direction.
    pub(crate) fn of_chroma(&self) -> Self {
        Self {
            width: self.width.div_ceil(2),
            height: self.height.div_ceil(2),
            log2: self.log2,
            columns: self.columns.start / 2..self.columns.end.div_ceil(2),
            rows: self.rows.start / 2..self.rows.end.div_ceil(2),
        }
    }

    /// How many rows of `placed` have to be decoded, from its top.
    pub(crate) fn needed_rows(&self, placed: &Placed) -> usize {
        let of_canvas = (self.rows.end << self.log2).min(self.height);
        of_canvas.saturating_sub(placed.top).min(placed.height)
    }

    /// The delivered crop.
    pub(crate) fn crop(&self) -> Crop {
        // All of it is inside of sizes that came as 32 bits.
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Crop {
            x: narrow(self.columns.start),
            y: narrow(self.rows.start),
            width: narrow(self.columns.len()),
            height: narrow(self.rows.len()),
        }
    }
}

/// Where on its canvas a picture lies, in the canvas' own pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Placed {
    /// Does the picture cover all of its canvas?
    pub(crate) fn covers(&self, canvas: &Window) -> bool {
        (self.width, self.height) == (canvas.width, canvas.height)
    }

    /// The same place on a plane with half as many samples. Pictures begin at even numbers.
    pub(crate) fn of_chroma(&self) -> Self {
        Self {
            left: self.left / 2,
            top: self.top / 2,
            width: self.width.div_ceil(2),
            height: self.height.div_ceil(2),
        }
    }
}
