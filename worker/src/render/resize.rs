//! Cuts and scales, in the stored picture's own axes: Lanczos with three lobes, alpha
//! premultiplied, so that what is transparent does not bleed.

use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::metadata::Orientation;

use super::RenderError;
use super::geometry::Plan;
use super::orient::{stored_area, swaps_sides};
use super::pixels::Pixels;

/// The planned area of `pixels`, scaled as planned but not upright yet.
pub(super) fn resize(
    pixels: &Pixels,
    plan: &Plan,
    orientation: Orientation,
) -> Result<Pixels, RenderError> {
    let area = stored_area(plan.area, orientation, pixels.size());
    let size = if swaps_sides(orientation) {
        plan.size.swapped()
    } else {
        plan.size
    };
    // Rounding may put an edge a hair outside, which the resampler refuses.
    let within = |start: f64, length: f64, side: u32| {
        let start = start.clamp(0.0, f64::from(side));
        (start, length.min(f64::from(side) - start))
    };
    let (left, width) = within(area.left, area.width, pixels.size().width);
    let (top, height) = within(area.top, area.height, pixels.size().height);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .crop(left, top, width, height);
    let mut resized = Pixels::black(size, pixels.channels());
    // Without any change of size this copies.
    let done = Resizer::new().resize(pixels.image(), resized.image_mut(), &options);
    done.map_err(|error| RenderError::Encode(format!("resize: {error}")))?;
    Ok(resized)
}
