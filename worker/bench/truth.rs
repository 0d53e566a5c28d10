//! The ground truth: an original decoded at its full size by other decoders than the renderer's,
//! and scaled by exact Lanczos3. Works on the samples as they are stored (gamma space), as both
//! sides do, with alpha premultiplied. Knows neither side.

use std::io::Cursor;

use anyhow::{Context, bail};
use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageDecoder, ImageReader, RgbImage};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};
use serde_json::Value;

/// A picture of RGB, or premultiplied RGBA, 0 to 255, row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// 3 or 4.
    pub(crate) channels: usize,
    pub(crate) samples: Vec<f32>,
}

impl Picture {
    /// Decodes a picture: upright, in sRGB.
    pub(crate) fn decode(bytes: &[u8]) -> anyhow::Result<Self> {
        let (mut image, orientation, profile) = if bytes.starts_with(b"\xff\xd8") {
            decode_jpeg(bytes)?
        } else {
            let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
            let mut decoder = reader.into_decoder()?;
            let (orientation, profile) = (decoder.orientation()?, decoder.icc_profile()?);
            (DynamicImage::from_decoder(decoder)?, orientation, profile)
        };
        image.apply_orientation(orientation);
        let (width, height) = (image.width() as usize, image.height() as usize);
        let (channels, layout) = if image.color().has_alpha() {
            (4, Layout::Rgba)
        } else {
            (3, Layout::Rgb)
        };
        let stored = match layout {
            Layout::Rgba => image.into_rgba8().into_raw(),
            _ => image.into_rgb8().into_raw(),
        };
        let stored = to_srgb(stored, profile.as_deref(), layout)?;
        Ok(Self {
            width,
            height,
            channels,
            samples: premultiplied(&stored, channels),
        })
    }

    /// Its lightness (BT.601) as it looks on black.
    pub(crate) fn luma(&self) -> Vec<f32> {
        let pixels = self.samples.chunks_exact(self.channels);
        let luma = pixels.map(|pixel| 0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]);
        luma.collect()
    }
}

fn decode_jpeg(bytes: &[u8]) -> anyhow::Result<(DynamicImage, Orientation, Option<Vec<u8>>)> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    let samples = decoder.decode()?;
    let info = decoder.info().context("a JPEG without a header")?;
    let (width, height) = (info.width.into(), info.height.into());
    let image: Option<DynamicImage> = match info.pixel_format {
        jpeg_decoder::PixelFormat::L8 => {
            GrayImage::from_raw(width, height, samples).map(Into::into)
        }
        jpeg_decoder::PixelFormat::RGB24 => {
            RgbImage::from_raw(width, height, samples).map(Into::into)
        }
        other => bail!("there is no ground truth for {other:?}"),
    };
    let orientation = decoder.exif_data().and_then(Orientation::from_exif_chunk);
    Ok((
        image.context("too few samples")?,
        orientation.unwrap_or(Orientation::NoTransforms),
        decoder.icc_profile(),
    ))
}

fn to_srgb(stored: Vec<u8>, profile: Option<&[u8]>, layout: Layout) -> anyhow::Result<Vec<u8>> {
    let profile = profile.and_then(|bytes| ColorProfile::new_from_slice(bytes).ok());
    let Some(profile) = profile.filter(|known| known.color_space == DataColorSpace::Rgb) else {
        return Ok(stored);
    };
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions::default();
    let transform = profile.create_transform_8bit(layout, &srgb, layout, options)?;
    let mut converted = vec![0; stored.len()];
    transform.transform(&stored, &mut converted)?;
    Ok(converted)
}

fn premultiplied(stored: &[u8], channels: usize) -> Vec<f32> {
    let mut samples: Vec<f32> = stored.iter().copied().map(f32::from).collect();
    if channels == 4 {
        for pixel in samples.chunks_exact_mut(4) {
            let opacity = pixel[3] / 255.0;
            pixel.iter_mut().take(3).for_each(|shade| *shade *= opacity);
        }
    }
    samples
}

/// One side of the cut: where each of its pixels comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Axis {
    /// Pixels of the thumbnail.
    pub(crate) length: usize,
    /// Where the first of them begins, in pixels of the original.
    start: f64,
    /// Pixels of the original that each stands for.
    step: f64,
}

/// Where the original lies under a thumbnail when the ratio does not give whole pixels. Both are in
/// use, and less than a pixel apart; each side is compared with the one that it is nearer to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Placement {
    /// Stretched a little, so that its edges are the thumbnail's.
    Stretched,
    /// In its exact ratio, with what is too much or missing on both sides.
    Centred,
}

/// Across and down, for a variant that gives a width alone, or a box to cover or to fit into.
pub(crate) fn plan(
    original: &Picture,
    variant: &Value,
    placement: Placement,
) -> anyhow::Result<(Axis, Axis)> {
    let side = |name: &str| variant[name].as_u64().map(|length| length as f64);
    let (width, height) = (original.width as f64, original.height as f64);
    let wanted = side("width").context("a variant without a width")?;
    let across = width / wanted;
    let down = side("height").map(|wanted| height / wanted);
    let shrink = match (down, variant["fit"].as_str()) {
        (None, _) => across,
        (Some(down), None | Some("cover")) => across.min(down),
        (Some(down), Some("inside")) => across.max(down),
        (_, Some(fit)) => bail!("there is no ground truth for {fit}"),
    };
    let axis = |original: f64, most: Option<f64>| {
        let scaled = (original / shrink + 0.5).floor().max(1.0);
        let length = most.map_or(scaled, |most| scaled.min(most));
        // Of an odd number of pixels that are cut off, the greater part is at the left and top.
        let offset = f64::midpoint(scaled - length, 1.0).floor();
        let (first, step) = match placement {
            Placement::Stretched => (0.0, original / scaled),
            Placement::Centred => ((original - scaled * shrink) / 2.0, shrink),
        };
        Axis {
            length: length as usize,
            start: first + offset * step,
            step,
        }
    };
    Ok((axis(width, Some(wanted)), axis(height, side("height"))))
}

/// Scales to what was planned, not rounded to whole shades.
pub(crate) fn scale(original: &Picture, (across, down): (Axis, Axis)) -> Picture {
    let channels = original.channels;
    let (columns, rows) = (taps(across, original.width), taps(down, original.height));
    let mut narrow = Vec::with_capacity(original.height * across.length * channels);
    for row in original.samples.chunks_exact(original.width * channels) {
        for (first, weights) in &columns {
            for channel in 0..channels {
                let samples = row[first * channels + channel..].iter().step_by(channels);
                narrow.push(weighted(samples, weights));
            }
        }
    }
    let stride = across.length * channels;
    let mut samples = Vec::with_capacity(stride * down.length);
    for (first, weights) in &rows {
        for column in 0..stride {
            let above = narrow[first * stride + column..].iter().step_by(stride);
            samples.push(weighted(above, weights).clamp(0.0, 255.0));
        }
    }
    Picture {
        width: across.length,
        height: down.length,
        channels,
        samples,
    }
}

fn weighted<'a>(samples: impl Iterator<Item = &'a f32>, weights: &[f64]) -> f32 {
    let products = samples
        .zip(weights)
        .map(|(sample, weight)| f64::from(*sample) * weight);
    products.sum::<f64>() as f32
}

/// For each pixel of the thumbnail the first pixel of the original that counts, and the weights
/// from there on; their sum is 1, also at the edges.
fn taps(axis: Axis, original: usize) -> Vec<(usize, Vec<f64>)> {
    let stretch = axis.step.max(1.0);
    let tap = |at: usize| {
        let centre = axis.start + (at as f64 + 0.5) * axis.step;
        let first = (centre - 3.0 * stretch).floor().max(0.0) as usize;
        let end = ((centre + 3.0 * stretch).ceil() as usize).min(original);
        let weight = |pixel: usize| lanczos3((pixel as f64 + 0.5 - centre) / stretch);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        (first, weights.iter().map(|weight| weight / sum).collect())
    };
    (0..axis.length).map(tap).collect()
}

/// sinc(x) sinc(x / 3) within 3 of 0.
fn lanczos3(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else if x.abs() < 3.0 {
        let turn = std::f64::consts::PI * x;
        3.0 * turn.sin() * (turn / 3.0).sin() / (turn * turn)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Placement::{Centred, Stretched};
    use serde_json::json;

    fn gray(width: usize, height: usize, shade: impl Fn(usize, usize) -> f32) -> Picture {
        let pixels = (0..width * height).flat_map(|at| [shade(at % width, at / width); 3]);
        Picture {
            width,
            height,
            channels: 3,
            samples: pixels.collect(),
        }
    }

    #[test]
    fn a_flat_picture_stays_flat() {
        let flat = gray(37, 23, |_, _| 77.0);
        let plan = plan(&flat, &json!({ "width": 10 }), Stretched).unwrap();
        let small = scale(&flat, plan);
        assert_eq!((small.width, small.height), (10, 6));
        assert!(
            small
                .samples
                .iter()
                .all(|sample| (sample - 77.0).abs() < 1e-4)
        );
    }

    /// A filter without a shift keeps a straight slope, away from the edges.
    #[test]
    fn a_slope_stays_where_it_is() {
        let slope = gray(240, 16, |x, _| x as f32);
        let small = scale(
            &slope,
            plan(&slope, &json!({ "width": 60 }), Stretched).unwrap(),
        );
        for x in 4..56 {
            let expected = (x as f32 + 0.5) * 4.0 - 0.5;
            assert!((small.samples[x * 3] - expected).abs() < 0.05, "{x}");
        }
    }

    #[test]
    fn a_picture_of_the_same_size_is_the_same() {
        let picture = gray(12, 9, |x, y| (x * 13 + y * 7) as f32);
        let same = scale(
            &picture,
            plan(&picture, &json!({ "width": 12 }), Centred).unwrap(),
        );
        let errors = picture.samples.iter().zip(&same.samples);
        assert!(errors.map(|(a, b)| (a - b).abs()).all(|error| error < 1e-4));
    }

    #[test]
    fn a_cut_takes_the_greater_half_from_the_left() {
        let picture = gray(2725, 2225, |_, _| 0.0);
        let cover = json!({ "width": 200, "height": 200, "fit": "cover" });
        let (across, down) = plan(&picture, &cover, Stretched).unwrap();
        assert_eq!((across.length, down.length), (200, 200));
        assert!((across.start / across.step - 23.0).abs() < 1e-9);
        assert!(down.start.abs() < 1e-9);
        let inside = json!({ "width": 720, "height": 588, "fit": "inside" });
        let (across, down) = plan(&picture, &inside, Stretched).unwrap();
        assert_eq!((across.length, down.length), (720, 588));
    }

    /// 2225 pixels at a shrink of 2725 / 720 are 587.9 pixels, for which there are 588.
    #[test]
    fn a_centred_picture_hangs_over_on_both_sides() {
        let picture = gray(2725, 2225, |_, _| 0.0);
        let inside = json!({ "width": 720, "height": 588, "fit": "inside" });
        let (across, down) = plan(&picture, &inside, Centred).unwrap();
        assert!(across.start.abs() < 1e-9);
        assert!((down.start - (2225.0 - 588.0 * 2725.0 / 720.0) / 2.0).abs() < 1e-9);
        assert!(down.start < 0.0);
    }

    #[test]
    fn what_is_clear_has_no_colour() {
        assert_eq!(
            premultiplied(&[200, 100, 50, 0, 200, 100, 50, 51], 4),
            [0.0, 0.0, 0.0, 0.0, 40.0, 20.0, 10.0, 51.0]
        );
    }
}
