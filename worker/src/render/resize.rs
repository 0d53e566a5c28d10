//! Cuts and scales, in the stored picture's own axes: Lanczos with three lobes, alpha
//! premultiplied, so that what is transparent does not bleed.

use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::metadata::Orientation;

use super::RenderError;
use super::geometry::{Plan, Size};
use super::orient::{stored_area, swaps_sides};
use super::pixels::Pixels;

/// The planned area of `pixels`, scaled as planned but not upright yet.
pub(super) fn resize(
    pixels: &Pixels,
    plan: &Plan,
    orientation: Orientation,
) -> Result<Pixels, RenderError> {
    let area = stored_area(plan.area, orientation, pixels.size());
    let Size { width, height } = plan.size;
    let size = if swaps_sides(orientation) {
        Size {
            width: height,
            height: width,
        }
    } else {
        plan.size
    };
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .crop(
            area.left.max(0.0),
            area.top.max(0.0),
            area.width,
            area.height,
        );
    let mut resized = Pixels::black(size, pixels.channels());
    // Without any change of size this copies.
    let done = Resizer::new().resize(pixels.image(), resized.image_mut(), &options);
    done.map_err(|error| RenderError::Encode(format!("resize: {error}")))?;
    Ok(resized)
}
