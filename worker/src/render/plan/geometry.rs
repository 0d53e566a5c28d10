//! Sizes, cuts and bars of one variant: pure arithmetic.

use thumbmill_shared::format::Format;
use thumbmill_shared::transform::{Enlargement, Fit, FocalPoint, Operation, Target, Transform};

use super::{Area, Size};
use crate::render::operate::Rectangle;
use crate::render::{Limits, RenderError};

/// What becomes of the upright original.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::render) struct Plan {
    /// What is kept of it.
    pub(in crate::render) area: Area,
    /// What that is scaled to.
    pub(in crate::render) size: Size,
    /// The canvas that it is laid on, with the offset of its top left corner.
    pub(in crate::render) canvas: Option<(Size, u32, u32)>,
}

/// Sides that no variant of what is `kept` exceeds, before it is known what is kept of it: what is
/// left open may be as long as any side may be.
pub(in crate::render) fn bound(kept: Size, transform: &Transform, limits: &Limits) -> Size {
    let open = limits.dimension_px;
    let (width, height) = match transform.target {
        None => (0, 0),
        Some(_) if transform.enlargement == Enlargement::Never => (0, 0),
        Some(Target::Width(width)) => (width.get(), open),
        Some(Target::Height(height)) => (open, height.get()),
        Some(Target::Box {
            fit: Fit::Outside, ..
        }) => (open, open),
        Some(Target::Box { width, height, .. }) => (width.get(), height.get()),
    };
    let size = Size {
        width: width.max(kept.width),
        height: height.max(kept.height),
    };
    extended(size, transform)
}

/// Plans one variant of what is kept of a picture that is turned as it is to be seen.
pub(in crate::render) fn plan(
    kept: Rectangle,
    transform: &Transform,
    limits: &Limits,
) -> Result<Plan, RenderError> {
    let original = Size {
        width: kept.width,
        height: kept.height,
    };
    let whole = original.whole();
    let clamped = |wanted: u32, side: u32| match transform.enlargement {
        Enlargement::Allowed => wanted,
        Enlargement::Never => wanted.min(side),
    };
    let width = |wanted: std::num::NonZeroU32| clamped(wanted.get(), original.width);
    let height = |wanted: std::num::NonZeroU32| clamped(wanted.get(), original.height);
    let uncut = |size| Plan {
        area: whole,
        size,
        canvas: None,
    };
    let mut plan = match transform.target {
        None => uncut(original),
        Some(Target::Width(wanted)) => {
            uncut(scaled(original, ratio(original.width, width(wanted))))
        }
        Some(Target::Height(wanted)) => {
            uncut(scaled(original, ratio(original.height, height(wanted))))
        }
        Some(Target::Box {
            width: w,
            height: h,
            fit,
            focal,
        }) => {
            let bounds = Size {
                width: width(w),
                height: height(h),
            };
            let (across, down) = (
                ratio(original.width, bounds.width),
                ratio(original.height, bounds.height),
            );
            let by = |shrink| scaled(original, at_least_one(shrink, transform));
            let (covering, fitting) = (across.min(down), across.max(down));
            match fit {
                Fit::Cover => cut(whole, by(covering), bounds, focal),
                Fit::Contain => letterbox(whole, by(fitting), bounds),
                Fit::Inside => uncut(by(fitting)),
                Fit::Outside => uncut(by(covering)),
            }
        }
    };
    check(final_size(&plan, transform), transform.format, limits)?;
    plan.area.left += f64::from(kept.left);
    plan.area.top += f64::from(kept.top);
    Ok(plan)
}

fn ratio(side: u32, wanted: u32) -> f64 {
    f64::from(side) / f64::from(wanted)
}

/// Shrinking by less than one is enlarging.
fn at_least_one(shrink: f64, transform: &Transform) -> f64 {
    match transform.enlargement {
        Enlargement::Allowed => shrink,
        Enlargement::Never => shrink.max(1.0),
    }
}

/// The original shrunk by `shrink`, rounded half up, and never to nothing.
fn scaled(original: Size, shrink: f64) -> Size {
    let side = |side: u32| {
        let side = f64::from(side);
        whole_px(side / shrink.min(side))
    };
    Size {
        width: side(original.width),
        height: side(original.height),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates"
)]
fn whole_px(length: f64) -> u32 {
    (length + 0.5).floor() as u32
}

/// Keeps a part of the scaled picture as large as `bounds`: its middle, or what lies around the
/// focal point.
fn cut(whole: Area, scaled: Size, bounds: Size, focal: Option<FocalPoint>) -> Plan {
    let size = Size {
        width: bounds.width.min(scaled.width),
        height: bounds.height.min(scaled.height),
    };
    let across = whole.width / f64::from(scaled.width);
    let down = whole.height / f64::from(scaled.height);
    let offset = |scaled: u32, kept: u32, focal: Option<f64>| match focal {
        None => f64::from((scaled - kept).div_ceil(2)),
        Some(focal) => {
            let offset = (focal - f64::from(kept) / 2.0 + 0.5).floor();
            offset.clamp(0.0, f64::from(scaled - kept))
        }
    };
    let focal_x = focal.map(|point| f64::from(point.x) / across);
    let focal_y = focal.map(|point| f64::from(point.y) / down);
    let area = Area {
        left: offset(scaled.width, size.width, focal_x) * across,
        top: offset(scaled.height, size.height, focal_y) * down,
        width: f64::from(size.width) * across,
        height: f64::from(size.height) * down,
    };
    Plan {
        area,
        size,
        canvas: None,
    }
}

fn letterbox(whole: Area, size: Size, bounds: Size) -> Plan {
    let left = bounds.width.saturating_sub(size.width) / 2;
    let top = bounds.height.saturating_sub(size.height) / 2;
    let canvas = if size == bounds {
        None
    } else {
        Some((bounds, left, top))
    };
    Plan {
        area: whole,
        size,
        canvas,
    }
}

/// With bars and the edges of `extend`.
pub(in crate::render) fn final_size(plan: &Plan, transform: &Transform) -> Size {
    let size = plan.canvas.map_or(plan.size, |(canvas, _, _)| canvas);
    extended(size, transform)
}

fn extended(size: Size, transform: &Transform) -> Size {
    let extend = |operation: &Operation| match operation {
        Operation::Extend { edges, .. } => Some(*edges),
        _ => None,
    };
    let mut operations = transform.operations.as_slice().iter().rev();
    let [top, right, bottom, left] = operations.find_map(extend).unwrap_or_default();
    Size {
        width: size.width.saturating_add(left).saturating_add(right),
        height: size.height.saturating_add(top).saturating_add(bottom),
    }
}

fn check(size: Size, format: Format, limits: &Limits) -> Result<(), RenderError> {
    let too_many = |rule: String| {
        let Size { width, height } = size;
        let text = format!("the thumbnail would be {width}x{height} pixels, {rule}");
        Err(RenderError::TooManyPixels(text))
    };
    let limit = limits.dimension_px;
    if size.width.max(size.height) > limit {
        return too_many(format!("no side may be longer than {limit}"));
    }
    let limit = limits.variant_pixels;
    if size.area() as u64 > limit {
        return too_many(format!("it may not have more than {limit}"));
    }
    let limit = limits.avif_pixels;
    if format == Format::Avif && size.area() as u64 > limit {
        return too_many(format!("AVIF may not have more than {limit}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
