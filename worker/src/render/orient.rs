//! Turns a picture upright (Exif 2.3, tag 0x0112).

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};

use super::geometry::{Area, Size};
use super::pixels::{Channels, Pixels};

/// Do width and height change places?
pub(super) fn swaps_sides(orientation: Orientation) -> bool {
    match orientation {
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => false,
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => true,
    }
}

/// Where an area of the upright picture lies in the stored one, which is `stored` large.
pub(super) fn stored_area(upright: Area, orientation: Orientation, stored: Size) -> Area {
    let Area {
        left,
        top,
        width,
        height,
    } = upright;
    let from_right = |length: f64| f64::from(stored.width) - length;
    let from_bottom = |length: f64| f64::from(stored.height) - length;
    let same = |left, top| Area {
        left,
        top,
        width,
        height,
    };
    let swapped = |left, top| Area {
        left,
        top,
        width: height,
        height: width,
    };
    match orientation {
        Orientation::NoTransforms => upright,
        Orientation::FlipHorizontal => same(from_right(left + width), top),
        Orientation::FlipVertical => same(left, from_bottom(top + height)),
        Orientation::Rotate180 => same(from_right(left + width), from_bottom(top + height)),
        Orientation::Rotate90 => swapped(top, from_bottom(left + width)),
        Orientation::Rotate270 => swapped(from_right(top + height), left),
        Orientation::Rotate90FlipH => swapped(top, left),
        Orientation::Rotate270FlipH => swapped(from_right(top + height), from_bottom(left + width)),
    }
}

/// Turns pixels upright.
pub(super) fn orient(pixels: Pixels, orientation: Orientation) -> Pixels {
    if orientation == Orientation::NoTransforms {
        return pixels;
    }
    let (Size { width, height }, channels) = (pixels.size(), pixels.channels());
    let samples = pixels.into_samples();
    let image = match channels {
        Channels::Gray => GrayImage::from_raw(width, height, samples).map(DynamicImage::from),
        Channels::Rgb => RgbImage::from_raw(width, height, samples).map(DynamicImage::from),
        Channels::Rgba => RgbaImage::from_raw(width, height, samples).map(DynamicImage::from),
    };
    let mut image = image.unwrap_or_default();
    image.apply_orientation(orientation);
    let size = Size {
        width: image.width(),
        height: image.height(),
    };
    Pixels::new(size, image.into_bytes(), channels).unwrap_or_else(|| Pixels::black(size, channels))
}
