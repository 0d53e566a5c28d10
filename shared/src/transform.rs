//! What is asked of a picture: text becomes a [`VariantRequest`], and with the original's format
//! a [`Transform`], its one canonical form. Knows no HTTP and no pixels.

use std::fmt;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::format::{Format, FormatChoice};

mod canonical;
mod colour;
mod decimal;
mod focus;
mod ladder;
mod operation;
mod quality;
mod request;

pub use colour::{Colour, NotAColour};
pub use decimal::Decimal;
pub use focus::{Coordinate, FocalPoint, NoFocalPoint};
pub use ladder::Ladder;
pub use operation::{
    BLUR_LEAST, BadOperation, BadOperations, Modulate, Operation, Operations, SHARPEN_LEAST,
    Sharpen, Step, gaussian_weights, linear_table,
};
pub use quality::Quality;
pub use request::VariantRequest;

/// How a picture is fitted into a width and a height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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
        /// What a cut keeps; only `cover` cuts. Without one it keeps the middle.
        focal: Option<FocalPoint>,
    },
}

/// What is done to a picture, with nothing left open: requests of which it is plain that they give
/// the same picture are the same `Transform`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transform {
    /// What is done before it is resized and encoded.
    pub operations: Operations,
    /// The new size; `None` keeps the original's.
    pub target: Option<Target>,
    /// May it become larger than the original?
    pub enlargement: Enlargement,
    /// The format to encode in.
    pub format: Format,
    /// The encoder's quality; a PNG with one is a palette PNG, without one it is lossless.
    pub quality: Option<Quality>,
    /// The colour of a letterbox's bars, which are opaque black without one. If it is opaque,
    /// transparent pixels are laid on it, too. It is opaque in formats without alpha.
    pub background: Option<Colour>,
}

impl Transform {
    /// The request that [`VariantRequest::literal`] makes exactly this transform of, for any
    /// original, and [`VariantRequest::resolve`] for one in the format that it was resolved for.
    pub fn to_request(&self) -> VariantRequest {
        let (width, height, fit, focal) = match self.target {
            None => (None, None, None, None),
            Some(Target::Width(width)) => (Some(width), None, None, None),
            Some(Target::Height(height)) => (None, Some(height), None, None),
            Some(Target::Box {
                width,
                height,
                fit,
                focal,
            }) => (Some(width), Some(height), Some(fit), focal),
        };
        // Left open, it would be the description's, which may have another by then.
        let coordinate = |px: Option<u32>| match fit {
            Some(Fit::Cover) => Some(px.map_or(Coordinate::NONE, Coordinate::Px)),
            Some(Fit::Contain | Fit::Inside | Fit::Outside) | None => None,
        };
        VariantRequest {
            preset: None,
            fit,
            width,
            height,
            quality: self.quality,
            without_enlargement: (self.enlargement == Enlargement::Never).then_some(true),
            format: Some(FormatChoice::Is(self.format)),
            focal_point_x: coordinate(focal.map(|point| point.x)),
            focal_point_y: coordinate(focal.map(|point| point.y)),
            background: self.background,
            transforms: (!self.operations.is_empty()).then(|| self.operations.clone()),
        }
    }
}

impl fmt::Display for Transform {
    /// The canonical text that variant keys are made of, for example `cover 200x100 jpg q80`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.operations.is_empty() {
            write!(f, "{} ", self.operations)?;
        }
        match self.target {
            None => f.write_str("full")?,
            Some(Target::Width(width)) => write!(f, "width {width}")?,
            Some(Target::Height(height)) => write!(f, "height {height}")?,
            Some(Target::Box {
                width,
                height,
                fit,
                focal,
            }) => {
                let fit = match fit {
                    Fit::Cover => "cover",
                    Fit::Contain => "contain",
                    Fit::Inside => "inside",
                    Fit::Outside => "outside",
                };
                write!(f, "{fit} {width}x{height}")?;
                if let Some(FocalPoint { x, y }) = focal {
                    write!(f, " at {x},{y}")?;
                }
            }
        }
        match self.enlargement {
            Enlargement::Allowed => {}
            Enlargement::Never => f.write_str(" never-enlarge")?,
        }
        write!(f, " {}", self.format)?;
        if let Some(quality) = self.quality {
            write!(f, " q{}", quality.percent())?;
        }
        match self.background {
            None => Ok(()),
            Some(colour) => write!(f, " on {colour}"),
        }
    }
}

#[cfg(test)]
mod tests;
