//! WebP, by our own decoder: averaged over boxes while it is decoded, chroma as it is stored.

use thumbmill_webp_shrink::{
    Coding, Crop, Options, Picture as Decoded, Pixels as Stored, Plane, Scale,
};

use super::{Bounds, LEFT, whole_px};
use crate::render::RenderError;
use crate::render::picture::{Picture, Planes, Range, Shrunk, Source};
use crate::render::pixels::{Channels, Pixels};
use crate::render::plan::{Decoding, Size};

/// How much smaller each scale is.
const SCALES: [(Scale, u32); 4] = [
    (Scale::Eighth, 8),
    (Scale::Quarter, 4),
    (Scale::Half, 2),
    (Scale::Full, 1),
];

/// Decodes what is planned.
pub(super) fn decode(
    bytes: &[u8],
    decoding: &Decoding,
    bounds: Bounds<'_>,
) -> Result<Source, RenderError> {
    let header = thumbmill_webp_shrink::read_header(bytes)?;
    let (scale, shrink) = match (header.coding, header.has_alpha) {
        // Averages of planes do not know what is transparent: it would bleed.
        (Coding::Lossy, true) => (Scale::Full, 1),
        (Coding::Lossy, false) | (Coding::Lossless, _) => scale(decoding.shrink()),
    };
    let (x, y, width, height) = whole_px(decoding, shrink);
    let options = Options {
        scale,
        crop: Some(Crop {
            x,
            y,
            width,
            height,
        }),
        budget_bytes: bounds.limits.memory_bytes,
    };
    let cancelled = || bounds.deadline.passed();
    let decoded = thumbmill_webp_shrink::decode(bytes, &options, &cancelled)?;
    let origin = |at: u32| f64::from(at) * f64::from(shrink);
    Ok(Source {
        origin: (origin(decoded.crop.x), origin(decoded.crop.y)),
        shrink: (f64::from(shrink), f64::from(shrink)),
        shrunk: Shrunk::Boxes,
        picture: picture(decoded)
            .ok_or_else(|| RenderError::Corrupt("it has too few pixels".to_owned()))?,
    })
}

pub(super) fn scale(ratio: f64) -> (Scale, u32) {
    SCALES
        .into_iter()
        .find(|(_, shrink)| ratio >= f64::from(*shrink) * LEFT)
        .unwrap_or((Scale::Full, 1))
}

/// Planes as they are stored, except with alpha, where a pixel needs all its samples beside each
/// other.
fn picture(decoded: Decoded) -> Option<Picture> {
    let size = Size {
        width: decoded.crop.width,
        height: decoded.crop.height,
    };
    let opaque = matches!(decoded.pixels, Stored::Ycbcr { alpha: None, .. });
    if !opaque && matches!(decoded.pixels, Stored::Ycbcr { .. }) {
        let pixels = Pixels::new(size, decoded.to_rgba(), Channels::Rgba);
        return pixels.map(Picture::Pixels);
    }
    match decoded.pixels {
        Stored::Ycbcr { y, u, v, .. } => Some(Picture::Planes(Planes {
            luma: plane(y)?,
            chroma: [plane(u)?, plane(v)?],
            subsampling: (2.0, 2.0),
            range: Range::Video,
        })),
        Stored::Rgb(samples) => Pixels::new(size, samples, Channels::Rgb).map(Picture::Pixels),
        Stored::Rgba(samples) => Pixels::new(size, samples, Channels::Rgba).map(Picture::Pixels),
    }
}

fn plane(plane: Plane) -> Option<Pixels> {
    let size = Size {
        width: u32::try_from(plane.width).ok()?,
        height: u32::try_from(plane.height).ok()?,
    };
    Pixels::new(size, plane.samples, Channels::Gray)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_pixels_for_one_are_left_to_the_resampler() {
        for (ratio, expected) in [(0.5, 1), (3.9, 1), (4.0, 2), (8.0, 4), (16.0, 8), (99.0, 8)] {
            assert_eq!(scale(ratio).1, expected, "{ratio}");
        }
    }
}
