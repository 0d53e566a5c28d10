//! Why there is no variant.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};
use thumbmill_jpeg_shrink as jpeg;
use thumbmill_png_shrink as png;
use thumbmill_webp_shrink as webp;

/// Why there is no variant; the text is for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenderError {
    /// Not a format that is rendered, or a form of it that is not.
    #[error("The original cannot be rendered: {0}.")]
    Unsupported(String),
    /// The original cannot be decoded.
    #[error("The original is damaged: {0}.")]
    Corrupt(String),
    /// The original ends too early.
    #[error("The original is cut off.")]
    Truncated,
    /// The original or the variant has too many pixels.
    #[error("Illegal asset transformation: {0}.")]
    TooManyPixels(String),
    /// Decoding it would take too much memory.
    #[error("Illegal asset transformation: {0}.")]
    TooManyBytes(String),
    /// It takes too long.
    #[error("The original takes too long to render.")]
    TooSlow,
    /// The encoder refused.
    #[error("The thumbnail could not be encoded: {0}.")]
    Encode(String),
}

impl RenderError {
    /// The same with another text in it.
    #[must_use]
    pub fn with_text(self, text: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Unsupported(old) => Self::Unsupported(text(&old)),
            Self::Corrupt(old) => Self::Corrupt(text(&old)),
            Self::Truncated => Self::Truncated,
            Self::TooManyPixels(old) => Self::TooManyPixels(text(&old)),
            Self::TooManyBytes(old) => Self::TooManyBytes(text(&old)),
            Self::TooSlow => Self::TooSlow,
            Self::Encode(old) => Self::Encode(text(&old)),
        }
    }
}

impl From<jpeg::Error> for RenderError {
    fn from(error: jpeg::Error) -> Self {
        let text = error.to_string();
        match error {
            jpeg::Error::Unsupported(_) => Self::Unsupported(text),
            jpeg::Error::Corrupt(_) => Self::Corrupt(text),
            jpeg::Error::Truncated => Self::Truncated,
            jpeg::Error::OverBudget { .. } => Self::TooManyBytes(text),
            jpeg::Error::Cancelled => Self::TooSlow,
        }
    }
}

impl From<png::Error> for RenderError {
    fn from(error: png::Error) -> Self {
        let text = error.to_string();
        match error {
            png::Error::Unsupported(_) => Self::Unsupported(text),
            png::Error::Corrupt(_) | png::Error::CropOutside => Self::Corrupt(text),
            png::Error::Truncated => Self::Truncated,
            png::Error::OverBudget { .. } => Self::TooManyBytes(text),
            png::Error::Cancelled => Self::TooSlow,
        }
    }
}

impl From<webp::Error> for RenderError {
    fn from(error: webp::Error) -> Self {
        let text = error.to_string();
        match error {
            webp::Error::Unsupported(_) => Self::Unsupported(text),
            webp::Error::Corrupt(_) => Self::Corrupt(text),
            webp::Error::Truncated => Self::Truncated,
            webp::Error::OverBudget { .. } => Self::TooManyBytes(text),
            webp::Error::Cancelled => Self::TooSlow,
        }
    }
}

/// Runs code that meets foreign bytes: its panics reach no further.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, RenderError>) -> Result<T, RenderError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(gave_up()))
}

/// What an original is whose decoder panicked.
pub(super) fn gave_up() -> RenderError {
    RenderError::Corrupt("its decoder gave up".to_owned())
}
