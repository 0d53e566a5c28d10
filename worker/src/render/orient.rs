//! Turns a picture upright (Exif 2.3, tag 0x0112).

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};

use super::picture::{Picture, Planes};
use super::pixels::{Channels, Pixels};
use super::plan::{Area, Size};
use super::resize::{Chroma, Odd};

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

/// How chroma is cut from the stored picture so that it is 4:2:0 once the picture is upright.
pub(super) fn quarter(orientation: Orientation) -> Chroma {
    let (first, last) = (Odd::First, Odd::Last);
    let (across, down) = match orientation {
        Orientation::NoTransforms | Orientation::Rotate90FlipH => (last, last),
        Orientation::FlipHorizontal | Orientation::Rotate270 => (first, last),
        Orientation::FlipVertical | Orientation::Rotate90 => (last, first),
        Orientation::Rotate180 | Orientation::Rotate270FlipH => (first, first),
    };
    Chroma::Quarter { across, down }
}

/// Turns a picture upright.
pub(super) fn orient(picture: Picture, orientation: Orientation) -> Picture {
    if orientation == Orientation::NoTransforms {
        return picture;
    }
    match picture {
        Picture::Pixels(pixels) => Picture::Pixels(turn(pixels, orientation)),
        Picture::Planes(planes) => {
            let (across, down) = planes.subsampling;
            Picture::Planes(Planes {
                luma: turn(planes.luma, orientation),
                chroma: planes.chroma.map(|plane| turn(plane, orientation)),
                subsampling: if swaps_sides(orientation) {
                    (down, across)
                } else {
                    (across, down)
                },
                range: planes.range,
            })
        }
    }
}

fn turn(pixels: Pixels, orientation: Orientation) -> Pixels {
    let (Size { width, height }, channels) = (pixels.size(), pixels.channels());
    let samples = pixels.into_samples();
    let image = match channels {
        Channels::Gray => GrayImage::from_raw(width, height, samples).map(DynamicImage::from),
        Channels::Rgb => RgbImage::from_raw(width, height, samples).map(DynamicImage::from),
        Channels::Rgba | Channels::Cmyk => {
            RgbaImage::from_raw(width, height, samples).map(DynamicImage::from)
        }
    };
    let mut image = image.unwrap_or_default();
    image.apply_orientation(orientation);
    let size = Size {
        width: image.width(),
        height: image.height(),
    };
    Pixels::new(size, image.into_bytes(), channels).unwrap_or_else(|| Pixels::black(size, channels))
}

/// The one orientation that does what `first` and then `second` do.
pub(super) fn then(first: Orientation, second: Orientation) -> Orientation {
    let (first, second) = (matrix(first), matrix(second));
    let row = |[of_right, of_down]: [i8; 2]| {
        let [right, down] = first;
        let sum = |(right, down)| of_right * right + of_down * down;
        [sum((right[0], down[0])), sum((right[1], down[1]))]
    };
    let both = second.map(row);
    ALL.into_iter()
        .find(|orientation| matrix(*orientation) == both)
        .unwrap_or(Orientation::NoTransforms)
}

const ALL: [Orientation; 8] = [
    Orientation::NoTransforms,
    Orientation::FlipHorizontal,
    Orientation::FlipVertical,
    Orientation::Rotate180,
    Orientation::Rotate90,
    Orientation::Rotate270,
    Orientation::Rotate90FlipH,
    Orientation::Rotate270FlipH,
];

/// Where right and down end up: rows of (x, y) of the new axes in the old ones; y goes down, and
/// rotations are clockwise.
fn matrix(orientation: Orientation) -> [[i8; 2]; 2] {
    match orientation {
        Orientation::NoTransforms => [[1, 0], [0, 1]],
        Orientation::FlipHorizontal => [[-1, 0], [0, 1]],
        Orientation::FlipVertical => [[1, 0], [0, -1]],
        Orientation::Rotate180 => [[-1, 0], [0, -1]],
        Orientation::Rotate90 => [[0, -1], [1, 0]],
        Orientation::Rotate270 => [[0, 1], [-1, 0]],
        Orientation::Rotate90FlipH => [[0, 1], [1, 0]],
        Orientation::Rotate270FlipH => [[0, -1], [-1, 0]],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered() -> Pixels {
        let size = Size {
            width: 3,
            height: 2,
        };
        Pixels::new(size, vec![1, 2, 3, 4, 5, 6], Channels::Gray).unwrap()
    }

    #[test]
    fn two_turns_are_one() {
        for first in ALL {
            for second in ALL {
                let twice = turn(turn(numbered(), first), second);
                let once = turn(numbered(), then(first, second));
                assert_eq!(
                    (twice.size(), twice.samples()),
                    (once.size(), once.samples()),
                    "{first:?} {second:?}"
                );
            }
        }
    }

    /// The sample with half of its pixels outside is the last one once the picture is upright.
    #[test]
    fn chroma_is_cut_so_that_upright_it_begins_at_the_left_and_the_top() {
        let size = Size {
            width: 3,
            height: 5,
        };
        for orientation in ALL {
            let last = Area {
                left: 2.0,
                top: 4.0,
                width: 1.0,
                height: 1.0,
            };
            let stored = size.turned(orientation);
            let place = stored_area(last, orientation, stored);
            let odd = |at: f64| if at == 0.0 { Odd::First } else { Odd::Last };
            let expected = Chroma::Quarter {
                across: odd(place.left),
                down: odd(place.top),
            };
            assert_eq!(quarter(orientation), expected, "{orientation:?}");
        }
    }
}
