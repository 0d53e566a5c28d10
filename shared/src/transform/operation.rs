//! What can be done to a picture besides resizing it, and its JSON: `["blur", 5]`.

use std::fmt;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::colour::Colour;
use super::decimal::Decimal;

mod arguments;
mod gaussian;
mod methods;
mod step;

pub use gaussian::{BLUR_LEAST, SHARPEN_LEAST, gaussian_weights};
pub use step::Step;

/// One operation, with nothing left open. Sizes and places are in pixels of the upright picture
/// as it is before it is resized, those of `Extend` as it is afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Operation {
    /// Turns it clockwise.
    Rotate {
        /// In degrees, from 0 to below 360.
        angle: Decimal,
        /// What the corners are filled with when it is no multiple of 90.
        background: Colour,
    },
    /// Upside down.
    Flip,
    /// Left becomes right.
    Flop,
    /// Takes its colours away.
    Grayscale,
    /// Makes it unsharp.
    Blur {
        /// Of the Gaussian, in pixels, 0.3 to 1000; `None`: the mean of 3 by 3 pixels.
        sigma: Option<Decimal>,
    },
    /// Makes it sharper; `None`: mildly, by 3 by 3 pixels.
    Sharpen(Option<Sharpen>),
    /// Gives it another hue and keeps its luminance.
    Tint(Colour),
    /// Every sample becomes its complement.
    Negate {
        /// Alpha, too.
        alpha: bool,
    },
    /// Changes lightness, chroma and hue, as the CIE defines them (`LCh`).
    Modulate(Modulate),
    /// Keeps a part of it.
    Extract {
        /// From the left.
        left: u32,
        /// From the top.
        top: u32,
        /// Pixels across.
        width: NonZeroU32,
        /// Pixels down.
        height: NonZeroU32,
    },
    /// Cuts off edges of one colour.
    Trim {
        /// That colour; `None`: the top left pixel's.
        background: Option<Colour>,
        /// How far from it a sample may be, from 0.
        threshold: Decimal,
    },
    /// Stretches the luminance to the full range.
    Normalise {
        /// The percentile that becomes black.
        lower: Decimal,
        /// The percentile that becomes white.
        upper: Decimal,
    },
    /// Makes every sample either 0 or 255.
    Threshold {
        /// The least that becomes 255.
        level: u8,
        /// Of the luminance; else of each channel.
        grayscale: bool,
    },
    /// Makes each sample `a` times itself plus `b`; not alpha.
    Linear {
        /// The factor.
        a: Decimal,
        /// The summand, where 255 is white.
        b: Decimal,
    },
    /// Lays it on a colour.
    Flatten(Colour),
    /// Forgets its alpha.
    RemoveAlpha,
    /// Gives it an alpha if it has none.
    EnsureAlpha {
        /// From 0, transparent, to 1.
        alpha: Decimal,
    },
    /// Adds edges.
    Extend {
        /// Pixels above, right, below and left.
        edges: [u32; 4],
        /// Their colour.
        background: Colour,
    },
}

/// How edges are sharpened: flat areas by `m1`, jagged ones by `m2`, in CIE L*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sharpen {
    /// Of the Gaussian that is subtracted, in pixels.
    pub sigma: Decimal,
    /// In flat areas.
    pub m1: Decimal,
    /// In jagged areas.
    pub m2: Decimal,
    /// Where flat ends and jagged begins.
    pub x1: Decimal,
    /// Most brightening.
    pub y2: Decimal,
    /// Most darkening.
    pub y3: Decimal,
}

/// How colours are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Modulate {
    /// Factor of the lightness, from 0.
    pub brightness: Decimal,
    /// Factor of the chroma, from 0.
    pub saturation: Decimal,
    /// Degrees that are added to the hue, from 0 to below 360.
    pub hue: Decimal,
    /// What is added to the lightness.
    pub lightness: Decimal,
}

/// What [`Operation::Linear`] makes of each sample; fractions are cut off, as the reference does.
pub fn linear_table(a: Decimal, b: Decimal) -> [u8; 256] {
    let [factor, summand] = [a, b].map(Decimal::as_f32);
    let mut table = [0; 256];
    for (made, sample) in table.iter_mut().zip(0_u8..=255) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the cast saturates"
        )]
        let whole = (f32::from(sample) * factor + summand) as u8;
        *made = whole;
    }
    table
}

impl From<Decimal> for Value {
    fn from(number: Decimal) -> Self {
        let value = number.value();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a whole Decimal is far within an i64"
        )]
        if value.fract() == 0.0 {
            json!(value as i64)
        } else {
            json!(value)
        }
    }
}

impl From<Colour> for Value {
    fn from(colour: Colour) -> Self {
        json!(format!("#{colour}"))
    }
}

impl From<Operation> for Value {
    /// The canonical form, whose names are in the order of the alphabet: keys are made of it.
    fn from(operation: Operation) -> Self {
        let n = Value::from;
        let colour = |colour: Colour| Value::from(colour);
        match operation {
            Operation::Rotate { angle, background } => {
                json!(["rotate", n(angle), {"background": colour(background)}])
            }
            Operation::Flip => json!(["flip"]),
            Operation::Flop => json!(["flop"]),
            Operation::Grayscale => json!(["grayscale"]),
            Operation::Blur { sigma: None } => json!(["blur"]),
            Operation::Blur { sigma: Some(sigma) } => json!(["blur", n(sigma)]),
            Operation::Sharpen(None) => json!(["sharpen"]),
            Operation::Sharpen(Some(s)) => json!(["sharpen", {"m1": n(s.m1), "m2": n(s.m2),
                "sigma": n(s.sigma), "x1": n(s.x1), "y2": n(s.y2), "y3": n(s.y3)}]),
            Operation::Tint(tint) => json!(["tint", colour(tint)]),
            Operation::Negate { alpha } => json!(["negate", {"alpha": alpha}]),
            Operation::Modulate(m) => json!(["modulate", {"brightness": n(m.brightness),
                "hue": n(m.hue), "lightness": n(m.lightness), "saturation": n(m.saturation)}]),
            Operation::Extract {
                left,
                top,
                width,
                height,
            } => {
                json!(["extract", {"height": height, "left": left, "top": top, "width": width}])
            }
            Operation::Trim {
                background: None,
                threshold,
            } => json!(["trim", {"threshold": n(threshold)}]),
            Operation::Trim {
                background: Some(background),
                threshold,
            } => json!(["trim", {"background": colour(background), "threshold": n(threshold)}]),
            Operation::Normalise { lower, upper } => {
                json!(["normalise", {"lower": n(lower), "upper": n(upper)}])
            }
            Operation::Threshold { level, grayscale } => {
                json!(["threshold", level, {"grayscale": grayscale}])
            }
            Operation::Linear { a, b } => json!(["linear", n(a), n(b)]),
            Operation::Flatten(background) => {
                json!(["flatten", {"background": colour(background)}])
            }
            Operation::RemoveAlpha => json!(["removeAlpha"]),
            Operation::EnsureAlpha { alpha } => json!(["ensureAlpha", n(alpha)]),
            Operation::Extend {
                edges: [top, right, bottom, left],
                background,
            } => json!(["extend", {"background": colour(background), "bottom": bottom,
                "left": left, "right": right, "top": top}]),
        }
    }
}

/// At most [`Operations::MOST`] operations; [`Step`] says in which order they are done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<Operation>", into = "Vec<Operation>")]
pub struct Operations(pub(super) Vec<Operation>);

/// Why a JSON value is no operation; the text is for the client.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadOperation {
    /// Not an array that begins with a method's name.
    #[error("a transformation is an array of a method and its arguments, such as [\"blur\",5]")]
    NotAnArray,
    /// No such method.
    #[error("there is no transformation \"{0}\"")]
    Unknown(String),
    /// An argument is not what the method takes.
    #[error("{method}: {argument} must be {expected}")]
    Argument {
        /// The method's name.
        method: &'static str,
        /// The argument's name.
        argument: &'static str,
        /// What it has to be.
        expected: String,
    },
    /// An argument that the method needs is not there.
    #[error("{method}: {argument} is missing")]
    Missing {
        /// The method's name.
        method: &'static str,
        /// The argument's name.
        argument: &'static str,
    },
    /// There is an argument that the method does not take.
    #[error("{method}: there is no argument {argument}")]
    Surplus {
        /// The method's name.
        method: &'static str,
        /// What was given, shortened.
        argument: String,
    },
}

/// Why a text is no list of operations.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadOperations {
    /// Not JSON, or not an array.
    #[error("\"transforms\" Parameter needs to be a JSON array of allowed transformations")]
    NotAList,
    /// Too many.
    #[error("\"transforms\" has {0} transformations, at most {most} are allowed", most = Operations::MOST)]
    TooMany(usize),
    /// One of them is wrong.
    #[error("\"transforms\": {0}")]
    Operation(#[from] BadOperation),
}

impl Operations {
    /// How many one request may ask for.
    pub const MOST: usize = 5;

    /// Reads a JSON array of operations.
    pub fn parse(json: &str) -> Result<Self, BadOperations> {
        let values: Vec<Value> = serde_json::from_str(json).map_err(|_| BadOperations::NotAList)?;
        if values.len() > Self::MOST {
            return Err(BadOperations::TooMany(values.len()));
        }
        let operations: Result<Vec<_>, _> = values.into_iter().map(Operation::try_from).collect();
        Self::try_from(operations?)
    }

    /// In the order in which they are asked for.
    pub fn as_slice(&self) -> &[Operation] {
        &self.0
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Vec<Operation>> for Operations {
    type Error = BadOperations;

    fn try_from(operations: Vec<Operation>) -> Result<Self, BadOperations> {
        if operations.len() > Self::MOST {
            Err(BadOperations::TooMany(operations.len()))
        } else {
            Ok(Self(operations))
        }
    }
}

impl From<Operations> for Vec<Operation> {
    fn from(operations: Operations) -> Self {
        operations.0
    }
}

impl fmt::Display for Operations {
    /// Its canonical JSON, without spaces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<Value> = self.0.iter().cloned().map(Value::from).collect();
        write!(f, "{}", Value::Array(values))
    }
}

#[cfg(test)]
mod tests;
