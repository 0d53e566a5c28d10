//! What is asked of a picture: text becomes a [`VariantRequest`], and with the original's format
//! a [`Transform`], its one canonical form. Knows no HTTP and no pixels.

use std::fmt;
use std::num::{NonZeroU8, NonZeroU32};

use serde::{Deserialize, Serialize};

use crate::format::{Format, FormatChoice};

/// How a picture is fitted into a width and a height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Fills the box and cuts off what sticks out.
    #[default]
    Cover,
    /// Fits into the box and fills the rest with bars (letterbox).
    Contain,
    /// Fits into the box; the result may be smaller than the box on one axis.
    Inside,
    /// Covers the box without a cut; the result may be larger than the box on one axis.
    Outside,
}

impl Fit {
    /// Its name in a query (case matters).
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "cover" => Some(Self::Cover),
            "contain" => Some(Self::Contain),
            "inside" => Some(Self::Inside),
            "outside" => Some(Self::Outside),
            _ => None,
        }
    }
}

/// May a picture be made larger than its original?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Enlargement {
    /// Yes.
    #[default]
    Allowed,
    /// No: width and height are clamped to the original's.
    Never,
}

/// Encoder quality, 1 to 100. Of PNG it is how many colours; all at 100 and without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Quality(NonZeroU8);

impl Quality {
    /// What JPEG and WebP get when nothing is said.
    pub const DEFAULT: Self = Self(NonZeroU8::new(80).unwrap());

    /// 1 to 100.
    pub fn percent(self) -> u8 {
        self.0.get()
    }
}

impl TryFrom<u8> for Quality {
    type Error = &'static str;

    fn try_from(percent: u8) -> Result<Self, &'static str> {
        NonZeroU8::new(percent)
            .filter(|p| p.get() <= 100)
            .map(Self)
            .ok_or("quality is 1 to 100")
    }
}

impl From<Quality> for u8 {
    fn from(quality: Quality) -> Self {
        quality.percent()
    }
}

/// One variant as a client, a preset or a job asks for it; what is absent gets its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
        } = self;
        preset.is_none()
            && width.is_none()
            && height.is_none()
            && quality.is_none()
            && format.is_none()
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
        }
    }

    /// The canonical form for an original in format `original`, where `auto` is the format
    /// that `format=auto` stands for.
    pub fn resolve(&self, original: Format, auto: Format) -> Transform {
        let format = match self.format {
            None => original,
            Some(FormatChoice::Auto) => auto,
            Some(FormatChoice::Is(format)) => format,
        };
        let quality = match format {
            Format::Jpeg | Format::Webp => Some(self.quality.unwrap_or(Quality::DEFAULT)),
            // All of it is what a PNG without a palette has.
            Format::Png => self.quality.filter(|quality| quality.percent() < 100),
        };
        let target = match (self.width, self.height) {
            (None, None) => None,
            (Some(width), None) => Some(Target::Width(width)),
            (None, Some(height)) => Some(Target::Height(height)),
            (Some(width), Some(height)) => Some(Target::Box {
                width,
                height,
                fit: self.fit.unwrap_or_default(),
            }),
        };
        let enlargement = match self.without_enlargement {
            Some(true) if target.is_some() => Enlargement::Never,
            _ => Enlargement::Allowed,
        };
        Transform {
            target,
            enlargement,
            format,
            quality,
        }
    }
}

/// The size that is asked for, in pixels of the upright picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// This wide, as high as the ratio says.
    Width(NonZeroU32),
    /// This high, as wide as the ratio says.
    Height(NonZeroU32),
    /// Fitted into a box.
    Box {
        /// The box's width.
        width: NonZeroU32,
        /// The box's height.
        height: NonZeroU32,
        /// How.
        fit: Fit,
    },
}

/// What is done to a picture, with nothing left open: requests that give the same picture
/// are the same `Transform`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transform {
    /// The new size; `None` keeps the original's.
    pub target: Option<Target>,
    /// May it become larger than the original?
    pub enlargement: Enlargement,
    /// The format to encode in.
    pub format: Format,
    /// The encoder's quality, where the format has one.
    pub quality: Option<Quality>,
}

impl Transform {
    /// The request that resolves to exactly this transform, for any original.
    pub fn to_request(self) -> VariantRequest {
        let (width, height, fit) = match self.target {
            None => (None, None, None),
            Some(Target::Width(width)) => (Some(width), None, None),
            Some(Target::Height(height)) => (None, Some(height), None),
            Some(Target::Box { width, height, fit }) => (Some(width), Some(height), Some(fit)),
        };
        VariantRequest {
            preset: None,
            fit,
            width,
            height,
            quality: self.quality,
            without_enlargement: (self.enlargement == Enlargement::Never).then_some(true),
            format: Some(FormatChoice::Is(self.format)),
        }
    }
}

impl fmt::Display for Transform {
    /// The canonical text that variant keys are made of, for example `cover 200x100 jpg q80`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.target {
            None => f.write_str("full")?,
            Some(Target::Width(width)) => write!(f, "width {width}")?,
            Some(Target::Height(height)) => write!(f, "height {height}")?,
            Some(Target::Box { width, height, fit }) => {
                let fit = match fit {
                    Fit::Cover => "cover",
                    Fit::Contain => "contain",
                    Fit::Inside => "inside",
                    Fit::Outside => "outside",
                };
                write!(f, "{fit} {width}x{height}")?;
            }
        }
        match self.enlargement {
            Enlargement::Allowed => {}
            Enlargement::Never => f.write_str(" never-enlarge")?,
        }
        write!(f, " {}", self.format)?;
        match self.quality {
            None => Ok(()),
            Some(quality) => write!(f, " q{}", quality.percent()),
        }
    }
}

#[cfg(test)]
mod tests;
