//! PNG, by our own reader: averaged over boxes while it is read.

use thumbmill_png_shrink::{Crop, Options, PictureChannels, decode as read};

use super::{Bounds, LEFT, to_px, whole_px};
use crate::render::RenderError;
use crate::render::picture::{Picture, Shrunk, Source};
use crate::render::pixels::{Channels, Pixels};
use crate::render::plan::{Decoding, Size};

/// Decodes what is planned.
pub(super) fn decode(
    bytes: &[u8],
    decoding: &Decoding,
    bounds: Bounds<'_>,
) -> Result<Source, RenderError> {
    let shrink = shrink(decoding);
    let (x, y, width, height) = whole_px(decoding, 1);
    let options = Options {
        shrink,
        crop: Some(Crop {
            x,
            y,
            width,
            height,
        }),
        budget_bytes: bounds.limits.memory_bytes,
    };
    let decoded = read(bytes, &options, &|| bounds.deadline.passed())?;
    let channels = match decoded.channels {
        PictureChannels::Gray => Channels::Gray,
        PictureChannels::Rgb => Channels::Rgb,
        PictureChannels::Rgba => Channels::Rgba,
    };
    let size = Size {
        width: decoded.width,
        height: decoded.height,
    };
    let pixels = Pixels::new(size, decoded.samples, channels);
    let pixels = pixels.ok_or_else(|| RenderError::Corrupt("it has too few pixels".to_owned()))?;
    Ok(Source {
        picture: Picture::Pixels(pixels),
        shrink: (f64::from(shrink.0), f64::from(shrink.1)),
        origin: (f64::from(x), f64::from(y)),
        shrunk: Shrunk::Boxes,
    })
}

/// How many pixels across and down become one.
pub(super) fn shrink(decoding: &Decoding) -> (u32, u32) {
    let boxes = |ratio: f64| to_px(ratio / LEFT).max(1);
    (boxes(decoding.ratio.0), boxes(decoding.ratio.1))
}
