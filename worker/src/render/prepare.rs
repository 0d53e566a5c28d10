//! What the `transforms` parameter asks for before the resize.
//!
//! As in the reference each step has its place, whatever the order of the request (mirror, turn,
//! trim, extract), and of two operations for the same step the later one counts.

use image::metadata::Orientation;
use thumbmill_shared::transform::{Colour, Operation};

use super::operate::{Rectangle, rotate, rotated_size, trim};
use super::orient::then;
use super::pixels::Pixels;
use super::plan::Size;
use super::{Limits, RenderError};

/// What is done to a stored picture before it is resized.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Preparation {
    /// How it is turned upright, mirrored, and turned by right angles, all in one.
    pub(super) turn: Orientation,
    tilt: Option<Tilt>,
    trim: Option<Trim>,
    extract: Option<Rectangle>,
}

/// A turn by degrees that are no multiple of 90.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tilt {
    degrees: f64,
    background: [u8; 4],
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Trim {
    background: Option<[u8; 4]>,
    threshold: f32,
}

impl Preparation {
    /// What `operations` ask for, of a picture that `upright` turns upright.
    pub(super) fn of(operations: &[Operation], upright: Orientation) -> Self {
        let (mut upside_down, mut mirrored) = (false, false);
        let mut turned = Orientation::NoTransforms;
        let (mut tilt, mut trim, mut extract) = (None, None, None);
        for operation in operations {
            match operation {
                Operation::Flip => upside_down = true,
                Operation::Flop => mirrored = true,
                Operation::Rotate { angle, background } => {
                    (turned, tilt) = rotation(angle.value(), background.rgba());
                }
                Operation::Trim {
                    background,
                    threshold,
                } => {
                    #[expect(clippy::cast_possible_truncation, reason = "of samples up to 255")]
                    let threshold = threshold.value() as f32;
                    let background = background.map(Colour::rgba);
                    trim = Some(Trim {
                        background,
                        threshold,
                    });
                }
                Operation::Extract {
                    left,
                    top,
                    width,
                    height,
                } => {
                    extract = Some(Rectangle {
                        left: *left,
                        top: *top,
                        width: width.get(),
                        height: height.get(),
                    });
                }
                _after_the_resize => {}
            }
        }
        let mirrored = match (upside_down, mirrored) {
            (false, false) => Orientation::NoTransforms,
            (true, false) => Orientation::FlipVertical,
            (false, true) => Orientation::FlipHorizontal,
            (true, true) => Orientation::Rotate180,
        };
        Self {
            turn: then(then(upright, mirrored), turned),
            tilt,
            trim,
            extract,
        }
    }

    /// Does the plan depend on pixels, or need all of them?
    pub(super) fn needs_pixels(&self) -> bool {
        self.tilt.is_some() || self.trim.is_some()
    }

    /// Checks, before any pixel, what preparing a picture of `turned` pixels takes: the picture,
    /// its copy, and its copy with corners, at four bytes a pixel.
    pub(super) fn check(&self, turned: Size, limits: &Limits) -> Result<(), RenderError> {
        let tilted = self.tilted(turned);
        let bytes = 4 * (2 * turned.area() as u64 + tilted.area() as u64);
        if bytes > limits.memory_bytes {
            let limit = limits.memory_bytes;
            return Err(RenderError::TooManyBytes(format!(
                "rotating or trimming the original takes {bytes} bytes of memory, {limit} are allowed"
            )));
        }
        Ok(())
    }

    /// How large a turned picture becomes.
    pub(super) fn tilted(&self, turned: Size) -> Size {
        self.tilt
            .map_or(turned, |tilt| rotated_size(turned, tilt.degrees))
    }

    /// What is kept of a turned picture for which no pixels are needed.
    pub(super) fn kept(&self, turned: Size) -> Result<Rectangle, RenderError> {
        let whole = Rectangle {
            left: 0,
            top: 0,
            width: turned.width,
            height: turned.height,
        };
        self.extracted(whole)
    }

    /// Tilts a turned picture in sRGB; what is kept of it then.
    pub(super) fn prepare(&self, pixels: Pixels) -> Result<(Pixels, Rectangle), RenderError> {
        let pixels = match self.tilt {
            Some(Tilt {
                degrees,
                background,
            }) => rotate(pixels, degrees, background),
            None => pixels,
        };
        let trimmed = self
            .trim
            .and_then(|by| trim(&pixels, by.background, by.threshold));
        let Size { width, height } = pixels.size();
        let kept = self.extracted(trimmed.unwrap_or(Rectangle {
            left: 0,
            top: 0,
            width,
            height,
        }))?;
        Ok((pixels, kept))
    }

    /// The rectangle to extract, which lies in another.
    fn extracted(&self, within: Rectangle) -> Result<Rectangle, RenderError> {
        let Some(part) = self.extract else {
            return Ok(within);
        };
        let ends = |start: u32, length: u32| u64::from(start) + u64::from(length);
        if ends(part.left, part.width) > u64::from(within.width)
            || ends(part.top, part.height) > u64::from(within.height)
        {
            let (width, height) = (within.width, within.height);
            return Err(RenderError::TooManyPixels(format!(
                "extract reaches outside of the picture, which is {width}x{height} pixels"
            )));
        }
        Ok(Rectangle {
            left: within.left + part.left,
            top: within.top + part.top,
            ..part
        })
    }
}

/// A rotation as a turn by right angles, if it is one.
fn rotation(degrees: f64, background: [u8; 4]) -> (Orientation, Option<Tilt>) {
    let right_angles = [
        (0.0, Orientation::NoTransforms),
        (90.0, Orientation::Rotate90),
        (180.0, Orientation::Rotate180),
        (270.0, Orientation::Rotate270),
    ];
    let found = right_angles
        .into_iter()
        .find(|(angle, _)| (degrees - angle).abs() < 0.000_1);
    match found {
        Some((_, turn)) => (turn, None),
        None => (
            Orientation::NoTransforms,
            Some(Tilt {
                degrees,
                background,
            }),
        ),
    }
}

#[cfg(test)]
mod tests {
    use thumbmill_shared::transform::Operations;

    use super::*;

    const SIZE: Size = Size {
        width: 300,
        height: 200,
    };

    fn preparation(json: &str, upright: Orientation) -> Preparation {
        let operations = Operations::parse(json).unwrap();
        Preparation::of(operations.as_slice(), upright)
    }

    #[test]
    fn mirrors_and_right_angles_are_one_turn_with_the_camera_s() {
        for (json, upright, expected) in [
            (
                r#"[["flip"]]"#,
                Orientation::NoTransforms,
                Orientation::FlipVertical,
            ),
            (
                r#"[["flop"],["flip"]]"#,
                Orientation::NoTransforms,
                Orientation::Rotate180,
            ),
            (
                r#"[["rotate",90]]"#,
                Orientation::Rotate270,
                Orientation::NoTransforms,
            ),
            (
                r#"[["rotate",90],["flop"]]"#,
                Orientation::NoTransforms,
                Orientation::Rotate270FlipH,
            ),
            (
                r#"[["rotate",90],["rotate",180]]"#,
                Orientation::NoTransforms,
                Orientation::Rotate180,
            ),
            (
                r#"[["rotate",-90]]"#,
                Orientation::NoTransforms,
                Orientation::Rotate270,
            ),
        ] {
            let preparation = preparation(json, upright);
            assert_eq!(preparation.turn, expected, "{json}");
            assert!(!preparation.needs_pixels(), "{json}");
        }
        for json in [r#"[["rotate",45]]"#, r#"[["trim"]]"#] {
            assert!(
                preparation(json, Orientation::Rotate90).needs_pixels(),
                "{json}"
            );
        }
    }

    #[test]
    fn what_is_extracted_lies_inside() {
        let kept = |left, width| {
            let json =
                format!(r#"[["extract",{{"left":{left},"top":5,"width":{width},"height":195}}]]"#);
            preparation(&json, Orientation::NoTransforms).kept(SIZE)
        };
        let inside = Rectangle {
            left: 100,
            top: 5,
            width: 200,
            height: 195,
        };
        assert_eq!(kept(100, 200), Ok(inside));
        assert!(matches!(kept(101, 200), Err(RenderError::TooManyPixels(_))));
        assert!(matches!(
            kept(1_000_000, 1),
            Err(RenderError::TooManyPixels(_))
        ));
    }

    #[test]
    fn memory_is_checked_before_pixels() {
        let limits = Limits {
            original_pixels: u64::MAX,
            dimension_px: 6000,
            variant_pixels: 36_000_000,
            avif_pixels: 4_000_000,
            memory_bytes: 1_000_000,
            missing_end: crate::render::MissingEnd::Refuse,
        };
        let tilted = preparation(r#"[["rotate",45]]"#, Orientation::NoTransforms);
        assert_eq!(tilted.check(SIZE, &limits), Ok(()));
        let twice = Size { width: 600, ..SIZE };
        assert!(matches!(
            tilted.check(twice, &limits),
            Err(RenderError::TooManyBytes(_))
        ));
    }
}
