//! The renderer: the bytes of an original in, the bytes of its variants out. Knows no queue, no
//! store and no HTTP.
//!
//! The steps, each in a file of its own and in this order:
//!
//! | step | does | once for |
//! |---|---|---|
//! | `sniff` | finds the format by its magic bytes | the original |
//! | `probe` | reads the header: size, orientation; checks the limits before any pixel | the original |
//! | `geometry` | plans sizes, crop and bars; checks the limits again | each variant |
//! | `decode` | makes pixels | the original |
//! | `resize` | cuts and scales | each variant |
//! | `orient` | turns the picture upright | each variant |
//! | `colour` | converts to sRGB | each variant |
//! | `frame` | adds bars | each variant |
//! | `encode` | makes bytes | each variant |

use std::time::{Duration, Instant};

use thumbmill_shared::transform::Transform;

mod colour;
mod decode;
mod encode;
mod frame;
mod geometry;
mod orient;
mod pixels;
mod probe;
mod resize;
mod sniff;
#[cfg(test)]
mod tests;

use geometry::{Plan, Size};

/// What is too large to be rendered.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most pixels of an original.
    pub original_pixels: u64,
    /// Longest side of an original, of a variant, and of what is cut to it, in pixels.
    pub dimension_px: u32,
}

/// The moment at which a render is given up; looked at between steps.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// This long from now.
    pub fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    fn check(self) -> Result<(), RenderError> {
        if Instant::now() < self.0 {
            Ok(())
        } else {
            Err(RenderError::DeadlinePassed)
        }
    }
}

/// A variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The encoded picture.
    pub bytes: Vec<u8>,
    /// Its width in pixels.
    pub width_px: u32,
    /// Its height in pixels.
    pub height_px: u32,
}

/// Why there is no variant; the text is for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Not a format that is rendered.
    #[error("The original is not a JPEG, PNG or WebP picture.")]
    NotAPicture,
    /// The original cannot be decoded.
    #[error("The original is damaged or cut off: {0}.")]
    Corrupt(String),
    /// The original or the variant is too large.
    #[error("Illegal asset transformation: {0}.")]
    OverLimit(String),
    /// It takes too long.
    #[error("The original takes too long to render.")]
    DeadlinePassed,
    /// The encoder refused.
    #[error("The thumbnail could not be encoded: {0}.")]
    Encode(String),
}

/// Renders all `transforms` of one original from one decode.
///
/// The outer error concerns the original and so every variant, an inner one that variant alone.
pub fn render(
    original: &[u8],
    transforms: &[Transform],
    limits: &Limits,
    deadline: Deadline,
) -> Result<Vec<Result<Rendered, RenderError>>, RenderError> {
    let format = sniff::sniff(original)?;
    let mut header = probe::probe(original, format)?;
    header.check(limits)?;
    let plans: Vec<_> = transforms
        .iter()
        .map(|transform| geometry::plan(header.upright(), transform, limits))
        .collect();
    if plans.iter().all(Result::is_err) {
        return Ok(plans
            .into_iter()
            .map(|plan| Err(plan.err().unwrap_or(RenderError::DeadlinePassed)))
            .collect());
    }
    deadline.check()?;
    let profile = header.take_profile();
    let orientation = header.orientation();
    let pixels = decode::decode(header)?;
    let variant = |(plan, transform): (Result<Plan, RenderError>, &Transform)| {
        let plan = plan?;
        deadline.check()?;
        let pixels = resize::resize(&pixels, &plan, orientation)?;
        let pixels = orient::orient(pixels, orientation);
        let pixels = colour::to_srgb(pixels, profile.as_deref());
        deadline.check()?;
        let pixels = frame::letterbox(pixels, &plan);
        let Size { width, height } = pixels.size();
        let bytes = encode::encode(pixels, transform.format, transform.quality)?;
        Ok(Rendered {
            bytes,
            width_px: width,
            height_px: height,
        })
    };
    Ok(plans.into_iter().zip(transforms).map(variant).collect())
}
