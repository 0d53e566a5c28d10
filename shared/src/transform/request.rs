//! What is asked for, and how it becomes canonical.

use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Colour, Coordinate, Enlargement, Fit, FocalPoint, Operations, Quality, Target, Transform,
    canonical::canonical,
};
use crate::asset::Original;
use crate::format::{Format, FormatChoice, SourceFormat};

/// One variant as a client, a preset or a job asks for it; what is absent gets its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VariantRequest {
    /// A preset's key; the other fields override what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// How to fit; `cover` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    /// Width in pixels; alone it keeps the ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<NonZeroU32>,
    /// Height in pixels; alone it keeps the ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<NonZeroU32>,
    /// Encoder quality, 1 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// True: never larger than the original.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_enlargement: Option<bool>,
    /// The format to encode in; the original's by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<FormatChoice>,
    /// What a cut keeps, in pixels from the left; the original's description says it by default.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        rename = "focal_point_x"
    )]
    pub focal_point_x: Option<Coordinate>,
    /// The same from the top. One without the other has no effect.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        rename = "focal_point_y"
    )]
    pub focal_point_y: Option<Coordinate>,
    /// The colour of bars, and of what lies behind transparent pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<Colour>,
    /// What is done before it is resized; replaces what the preset says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transforms: Option<Operations>,
}

impl VariantRequest {
    /// Does it ask for nothing that changes the picture? Then the original is the answer.
    pub fn is_original(&self) -> bool {
        let Self {
            preset,
            fit: _,
            width,
            height,
            quality,
            without_enlargement: _,
            format,
            focal_point_x: _,
            focal_point_y: _,
            background,
            transforms,
        } = self;
        preset.is_none()
            && width.is_none()
            && height.is_none()
            && quality.is_none()
            && format.is_none()
            && background.is_none()
            && transforms.as_ref().is_none_or(Operations::is_empty)
    }

    /// What is said here, and for the rest what `base` says.
    #[must_use]
    pub fn over(self, base: &Self) -> Self {
        Self {
            preset: None,
            fit: self.fit.or(base.fit),
            width: self.width.or(base.width),
            height: self.height.or(base.height),
            quality: self.quality.or(base.quality),
            without_enlargement: self.without_enlargement.or(base.without_enlargement),
            format: self.format.or(base.format),
            focal_point_x: self.focal_point_x.or(base.focal_point_x),
            focal_point_y: self.focal_point_y.or(base.focal_point_y),
            background: self.background.or(base.background),
            transforms: self.transforms.or_else(|| base.transforms.clone()),
        }
    }

    /// With what `original`'s description says of its focal point, where nothing is said here.
    #[must_use]
    pub fn focused_as(&self, original: &Original) -> Self {
        let described = |px: Option<u32>| px.map(Coordinate::Px);
        Self {
            focal_point_x: self.focal_point_x.or(described(original.focal_point_x)),
            focal_point_y: self.focal_point_y.or(described(original.focal_point_y)),
            ..self.clone()
        }
    }

    /// The canonical form for an original in format `original`, where `auto` is the format
    /// that `format=auto` stands for: the same for all requests that make the same bytes, as far as
    /// that can be told without the picture.
    pub fn resolve(&self, original: impl Into<Format>, auto: Format) -> Transform {
        let original = original.into();
        canonical(&self.literal(original, auto), original)
    }

    /// What is asked for, with nothing left open, but also with what makes no difference: of what
    /// was resolved before, the same again, whatever the original.
    pub fn literal(&self, original: impl Into<Format>, auto: Format) -> Transform {
        let format = match self.format {
            None => original.into(),
            Some(FormatChoice::Auto) => auto,
            Some(FormatChoice::Is(format)) => format,
        };
        let target = self.target();
        let enlargement = match self.without_enlargement {
            Some(true) if target.is_some() => Enlargement::Never,
            _ => Enlargement::Allowed,
        };
        Transform {
            operations: self.transforms.clone().unwrap_or_default(),
            target,
            enlargement,
            format,
            quality: Quality::of(format, self.quality),
            background: self.background_for(format, target),
        }
    }

    /// What `format=auto` may stand for besides the plain format, best first: formats that save
    /// bytes. AVIF is among them only if a size is asked for that has at most `avif_pixels`,
    /// where a missing side counts as the other one.
    pub fn modern(&self, avif_pixels: u64) -> &'static [Format] {
        let sides = self.width.or(self.height).zip(self.height.or(self.width));
        let area = |(width, height): (NonZeroU32, NonZeroU32)| {
            u64::from(width.get()) * u64::from(height.get())
        };
        if sides.map(area).is_some_and(|area| area <= avif_pixels) {
            &[Format::Avif, Format::Webp]
        } else {
            &[Format::Webp]
        }
    }

    /// Everything that it means for an original in format `source`: `auto` stands for every format
    /// that it may become, AVIF for pictures of at most `avif_pixels`.
    pub fn transforms(&self, source: SourceFormat, avif_pixels: u64) -> Vec<Transform> {
        let resolve = |auto| self.resolve(source, auto);
        let plain = resolve(source.plain());
        match self.format {
            Some(FormatChoice::Auto) => {
                let modern = self.modern(avif_pixels).iter().copied();
                modern.map(resolve).chain([plain]).collect()
            }
            Some(FormatChoice::Is(_)) | None => vec![plain],
        }
    }

    fn target(&self) -> Option<Target> {
        match (self.width, self.height) {
            (None, None) => None,
            (Some(width), None) => Some(Target::Width(width)),
            (None, Some(height)) => Some(Target::Height(height)),
            (Some(width), Some(height)) => {
                let fit = self.fit.unwrap_or_default();
                let focal = match fit {
                    Fit::Cover => FocalPoint::of(self.focal_point_x, self.focal_point_y),
                    Fit::Contain | Fit::Inside | Fit::Outside => None,
                };
                Some(Target::Box {
                    width,
                    height,
                    fit,
                    focal,
                })
            }
        }
    }

    /// The background where it makes a difference.
    fn background_for(&self, format: Format, target: Option<Target>) -> Option<Colour> {
        let asked = self.background?;
        let bars = matches!(
            target,
            Some(Target::Box {
                fit: Fit::Contain,
                ..
            })
        );
        match format {
            Format::Jpeg => Some(asked.over_black()).filter(|colour| *colour != Colour::BLACK),
            Format::Png | Format::Webp | Format::Avif => {
                Some(asked).filter(|colour| bars || colour.is_opaque())
            }
        }
    }
}
