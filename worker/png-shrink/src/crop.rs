//! Which part of the picture is wanted.

use crate::errors::Error;

/// A part of the stored picture, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crop {
    /// Pixels left of it.
    pub x: u32,
    /// Pixels above it.
    pub y: u32,
    /// Pixels across, at least 1.
    pub width: u32,
    /// Pixels down, at least 1.
    pub height: u32,
}

impl Crop {
    /// This crop, or all, of a picture of `width` times `height` pixels.
    pub(crate) fn within(crop: Option<Self>, width: u32, height: u32) -> Result<Self, Error> {
        let all = Self {
            x: 0,
            y: 0,
            width,
            height,
        };
        let crop = crop.unwrap_or(all);
        let fits = |at: u32, size: u32, whole: u32| {
            size > 0 && at.checked_add(size).is_some_and(|end| end <= whole)
        };
        if fits(crop.x, crop.width, width) && fits(crop.y, crop.height, height) {
            Ok(crop)
        } else {
            Err(Error::CropOutside)
        }
    }
}
