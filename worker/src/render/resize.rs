//! Cuts and scales, in the stored picture's own axes: Lanczos with three lobes, alpha
//! premultiplied, so that what is transparent does not bleed.

use fast_image_resize::images::ImageRef;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use super::RenderError;
use super::picture::{Picture, Planes, Source};
use super::pixels::{Channels, Pixels};
use super::plan::{Area, Cut, Size};

/// How much chroma is wanted of a picture in planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chroma {
    /// A sample for every pixel (4:4:4).
    Full,
    /// One for two by two pixels (4:2:0). On an axis of odd length one sample has but one pixel;
    /// which end it lies at is said for the stored picture, across and down.
    Quarter {
        /// Across.
        across: Odd,
        /// Down.
        down: Odd,
    },
}

/// Which end of an axis has a sample of chroma for one pixel, when its length is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Odd {
    /// Left or top: the picture will be mirrored.
    First,
    /// Right or bottom.
    Last,
}

/// One decoded picture at several sizes, each made when it is first needed.
#[derive(Debug)]
pub(super) struct Pyramid {
    levels: Vec<Source>,
}

impl Pyramid {
    pub(super) fn new(source: Source) -> Self {
        Self {
            levels: vec![source],
        }
    }

    /// What was decoded.
    pub(super) fn all(&self) -> Result<&Picture, RenderError> {
        let source = self.levels.first();
        source.map(|source| &source.picture).ok_or_else(no_picture)
    }

    /// The smallest level that is large enough for `cut`.
    fn level(&mut self, cut: &Cut) -> Option<&Source> {
        let ratio = cut.ratio();
        let mut at = 0;
        loop {
            let source = self.levels.get(at)?;
            let halves = source.shrunk.halves(source.shrink.0, ratio.0)
                && source.shrunk.halves(source.shrink.1, ratio.1);
            if !halves || !source.can_be_halved() {
                return self.levels.get(at);
            }
            at += 1;
            if at == self.levels.len() {
                let half = source.halved();
                self.levels.push(half);
            }
        }
    }

    /// What `cut` keeps, scaled as planned but not upright yet.
    pub(super) fn cut(&mut self, cut: &Cut, chroma: Chroma) -> Result<Picture, RenderError> {
        let source = self.level(cut).ok_or_else(no_picture)?;
        let area = source.place(cut.area);
        match &source.picture {
            Picture::Pixels(pixels) => Ok(Picture::Pixels(resize(pixels, area, cut.size)?)),
            Picture::Planes(planes) => Ok(Picture::Planes(resize_planes(
                planes, area, cut.size, chroma,
            )?)),
        }
    }
}

fn no_picture() -> RenderError {
    RenderError::Encode("resize: there is no picture".to_owned())
}

fn resize_planes(
    planes: &Planes,
    area: Area,
    size: Size,
    chroma: Chroma,
) -> Result<Planes, RenderError> {
    let (across, down) = planes.subsampling;
    let (area_of_chroma, size_of_chroma, subsampling) = match chroma {
        Chroma::Full => (area, size, (1.0, 1.0)),
        Chroma::Quarter { across, down } => {
            let (left, width, columns) = halved(area.left, area.width, size.width, across);
            let (top, height, rows) = halved(area.top, area.height, size.height, down);
            let half = Size {
                width: columns,
                height: rows,
            };
            let area = Area {
                left,
                top,
                width,
                height,
            };
            (area, half, (2.0, 2.0))
        }
    };
    let stored = Area {
        left: area_of_chroma.left / across,
        top: area_of_chroma.top / down,
        width: area_of_chroma.width / across,
        height: area_of_chroma.height / down,
    };
    let [cb, cr] = &planes.chroma;
    Ok(Planes {
        luma: resize(&planes.luma, area, size)?,
        chroma: [
            resize(cb, stored, size_of_chroma)?,
            resize(cr, stored, size_of_chroma)?,
        ],
        subsampling,
        range: planes.range,
    })
}

/// Start, length and samples of an axis with half the samples: of an odd number of pixels, half
/// a sample lies outside.
fn halved(start: f64, length: f64, px: u32, odd: Odd) -> (f64, f64, u32) {
    let samples = px.div_ceil(2);
    let whole = length * f64::from(samples) * 2.0 / f64::from(px.max(1));
    let start = match odd {
        Odd::First => start + length - whole,
        Odd::Last => start,
    };
    (start, whole, samples)
}

/// An area of `pixels`, scaled to `size`.
pub(super) fn resize(pixels: &Pixels, area: Area, size: Size) -> Result<Pixels, RenderError> {
    let from = pixels.size();
    // Rounding may put an edge a hair outside, which the resampler refuses.
    let within = |start: f64, length: f64, px: u32| {
        let end = f64::from(px);
        let start = start.clamp(0.0, end);
        (start, length.min(end - start))
    };
    let (left, width) = within(area.left, area.width, from.width);
    let (top, height) = within(area.top, area.height, from.height);
    let channels = pixels.channels();
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .use_alpha(channels == Channels::Rgba)
        .crop(left, top, width, height);
    let refused = |error: &dyn std::fmt::Display| RenderError::Encode(format!("resize: {error}"));
    let image = ImageRef::new(
        from.width,
        from.height,
        pixels.samples(),
        channels.pixel_type(),
    )
    .map_err(|error| refused(&error))?;
    let mut resized = Pixels::black(size, channels);
    if let Some(mut into) = resized.image_mut() {
        // Without any change of size this copies.
        Resizer::new()
            .resize(&image, &mut into, &options)
            .map_err(|error| refused(&error))?;
    }
    Ok(resized)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_samples_cover_all_pixels_also_of_an_odd_number() {
        assert_eq!(halved(10.0, 100.0, 10, Odd::Last), (10.0, 100.0, 5));
        assert_eq!(halved(10.0, 90.0, 9, Odd::Last), (10.0, 100.0, 5));
        assert_eq!(halved(10.0, 90.0, 9, Odd::First), (0.0, 100.0, 5));
        assert_eq!(halved(0.0, 7.0, 1, Odd::Last), (0.0, 14.0, 1));
    }
}
