//! Which part of a picture a cut keeps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The point that a cut keeps as near to its middle as the picture's edges allow, in pixels of
/// the upright original. It may lie outside: then the nearest edge is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FocalPoint {
    /// From the left.
    pub x: u32,
    /// From the top.
    pub y: u32,
}

/// One coordinate of a focal point, as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Coordinate {
    /// This many pixels from the left or the top.
    Px(u32),
    /// There shall be no focal point, whatever the original's description says.
    None(NoFocalPoint),
}

/// The word `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NoFocalPoint {
    /// The only one.
    #[serde(rename = "none")]
    None,
}

impl Coordinate {
    /// No focal point.
    pub const NONE: Self = Self::None(NoFocalPoint::None);

    fn px(self) -> Option<u32> {
        match self {
            Self::Px(px) => Some(px),
            Self::None(NoFocalPoint::None) => None,
        }
    }
}

impl FocalPoint {
    /// Both coordinates make a point, one alone does not.
    pub(super) fn of(x: Option<Coordinate>, y: Option<Coordinate>) -> Option<Self> {
        let (x, y) = (x.and_then(Coordinate::px)?, y.and_then(Coordinate::px)?);
        Some(Self { x, y })
    }
}
