//! The renderer: the bytes of an original in, the bytes of its variants out. Knows no queue, no
//! store and no HTTP.
//!
//! The steps, each in a file of its own and in this order:
//!
//! | step | does | once for |
//! |---|---|---|
//! | `sniff` | finds the format by its magic bytes | the original |
//! | `probe` | reads the header: size, orientation; checks the limits before any pixel | the original |
//! | `prepare` | what `transforms` ask for before the resize: mirror, turn, trim, extract | each variant |
//! | `plan` | sizes, cut and bars, and what is to be decoded; checks the limits again | the job |
//! | `decode` | makes pixels, no more and no larger than the variants need | the original |
//! | `resize` | cuts and scales | each variant |
//! | `orient` | turns the picture upright | each variant |
//! | `colour` | converts to sRGB | each variant |
//! | `frame` | adds bars, flattens | each variant |
//! | `operate` | what `transforms` ask for after the resize | each variant |
//! | `encode` | makes bytes | each variant |

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::transform::Transform;

mod colour;
mod decode;
mod encode;
mod error;
mod frame;
mod memory;
mod operate;
mod orient;
mod picture;
mod pixels;
mod plan;
mod prepare;
mod probe;
mod rendering;
mod resize;
mod sniff;
#[cfg(test)]
mod tests;

pub use error::RenderError;
pub use rendering::{Decoded, Rendering};
pub use thumbmill_jpeg_shrink::MissingEnd;

/// What is too large to be rendered, or too damaged.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// Most pixels of an original.
    pub original_pixels: u64,
    /// Longest side of an original, of a variant, and of what is cut to it, in pixels.
    pub dimension_px: u32,
    /// Most pixels of a variant.
    pub variant_pixels: u64,
    /// Most pixels of an AVIF variant: its encoder is slow, and cannot be interrupted.
    pub avif_pixels: u64,
    /// What decoded pixels may take.
    pub memory_bytes: u64,
    /// Is a JPEG without its end marker refused?
    #[serde(with = "NamedMissingEnd")]
    pub missing_end: MissingEnd,
}

/// How [`MissingEnd`] is written.
#[derive(Serialize, Deserialize)]
#[serde(remote = "MissingEnd", rename_all = "snake_case")]
enum NamedMissingEnd {
    Refuse,
    Tolerate,
}

/// The moment at which a render is given up; looked at between steps and while decoding.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// This long from now.
    pub fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    fn passed(self) -> bool {
        Instant::now() >= self.0
    }

    fn check(self) -> Result<(), RenderError> {
        if self.passed() {
            Err(RenderError::TooSlow)
        } else {
            Ok(())
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

/// Renders all `transforms` of one original from one decode, in one go; [`Rendering`] stops
/// before the decode, to tell how much memory it takes.
///
/// The outer error concerns the original and so every variant, an inner one that variant alone.
pub fn render(
    original: &[u8],
    transforms: &[Transform],
    limits: &Limits,
    encoding: Encoding,
    deadline: Deadline,
) -> Result<Vec<Result<Rendered, RenderError>>, RenderError> {
    Rendering::begin(original, transforms, limits, encoding)?.finish(deadline)
}
