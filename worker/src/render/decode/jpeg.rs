//! JPEG, by our own decoder: at 1/8 to 1/1 of its size, chroma as it is stored.

use thumbmill_jpeg_shrink::{
    Crop, Options, Picture as Decoded, Plane, Planes, Scale, decode as read,
};

use super::{Bounds, whole_px};
use crate::render::RenderError;
use crate::render::picture::{Picture, Planes as YcbcrPlanes, Range, Shrunk, Source};
use crate::render::pixels::{Channels, Pixels};
use crate::render::plan::{Decoding, Size};

/// How much smaller each scale is; a scale is taken when what is left to shrink is at least this
/// much more than nothing, as the reference does.
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
    let (scale, shrink) = scale(decoding.shrink());
    let (left, top, width, height) = whole_px(decoding, shrink);
    let options = Options {
        scale,
        crop: Some(Crop {
            left,
            top,
            width,
            height,
        }),
        budget_bytes: bounds.limits.memory_bytes,
        missing_end: bounds.limits.missing_end,
    };
    let decoded = read(bytes, &options, &|| bounds.deadline.passed())?;
    let origin = |at: u32| f64::from(at) * f64::from(shrink);
    Ok(Source {
        origin: (origin(decoded.crop.left), origin(decoded.crop.top)),
        shrink: (f64::from(shrink), f64::from(shrink)),
        shrunk: Shrunk::Coefficients,
        picture: picture(decoded)?,
    })
}

/// The reference's rule: 8, 4 or 2 once so much is to be shrunk and one more.
pub(super) fn scale(ratio: f64) -> (Scale, u32) {
    SCALES
        .into_iter()
        .find(|(_, shrink)| *shrink == 1 || ratio >= f64::from(shrink + 1))
        .unwrap_or((Scale::Full, 1))
}

/// Planes as they are stored, except where all of them have the size of the picture.
fn picture(decoded: Decoded) -> Result<Picture, RenderError> {
    let Decoded { colour, planes, .. } = decoded;
    let subsampling = planes.get(1).map_or((1.0, 1.0), |chroma| {
        let ratio = |(pixels, samples): (u8, u8)| f64::from(pixels) / f64::from(samples);
        (ratio(chroma.across), ratio(chroma.down))
    });
    let mut planes = planes.into_iter().map(plane);
    let mut next = || {
        let missing = || RenderError::Corrupt("it has too few components".to_owned());
        planes.next().flatten().ok_or_else(missing)
    };
    Ok(match colour {
        Planes::Gray => Picture::Pixels(next()?),
        Planes::Ycbcr => Picture::Planes(YcbcrPlanes {
            luma: next()?,
            chroma: [next()?, next()?],
            subsampling,
            range: Range::Full,
        }),
        Planes::Rgb => Picture::Pixels(together(Channels::Rgb, &[next()?, next()?, next()?])),
        Planes::Cmyk => Picture::Pixels(together(
            Channels::Cmyk,
            &[next()?, next()?, next()?, next()?],
        )),
    })
}

fn plane(plane: Plane) -> Option<Pixels> {
    let size = Size {
        width: u32::try_from(plane.width).ok()?,
        height: u32::try_from(plane.height).ok()?,
    };
    Pixels::new(size, plane.samples, Channels::Gray)
}

/// Planes of one size as the channels of one picture.
fn together(channels: Channels, planes: &[Pixels]) -> Pixels {
    let size = planes.first().map(Pixels::size);
    let mut pixels = Pixels::black(
        size.unwrap_or(Size {
            width: 0,
            height: 0,
        }),
        channels,
    );
    for (channel, plane) in planes.iter().enumerate() {
        let samples = pixels.samples_mut().iter_mut().skip(channel);
        for (sample, stored) in samples.step_by(channels.count()).zip(plane.samples()) {
            *sample = *stored;
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_halved_afterwards_has_the_same_size() {
        for ratio in [1.0, 2.9, 3.0, 4.9, 5.0, 8.9, 9.0, 10.0, 99.0] {
            for decoded in [1, 2, 4, 8] {
                let mut shrink = f64::from(decoded);
                while shrink < 8.0 && Shrunk::Coefficients.halves(shrink, ratio) {
                    shrink *= 2.0;
                }
                let alone = f64::from(scale(ratio).1);
                assert!(
                    (shrink - alone.max(f64::from(decoded))).abs() < 0.1,
                    "{ratio} {decoded}"
                );
            }
        }
    }

    #[test]
    fn the_scale_is_the_reference_s() {
        for (ratio, expected) in [
            (0.5, 1),
            (2.9, 1),
            (3.0, 2),
            (4.9, 2),
            (5.0, 4),
            (8.9, 4),
            (9.0, 8),
            (99.0, 8),
        ] {
            assert_eq!(scale(ratio).1, expected, "{ratio}");
        }
    }
}
