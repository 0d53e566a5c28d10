//! How decoding can end without a picture.

/// Why there is no picture: what a caller can do about it decides the variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is a JPEG of a kind that is not decoded here: arithmetic coding, 12 bits, lossless,
    /// hierarchical, a height that follows behind the picture (DNL), or two components.
    #[error("the JPEG is not supported: {0}")]
    Unsupported(&'static str),
    /// It is no JPEG, or what describes the picture is nonsense.
    #[error("the JPEG is corrupt: {0}")]
    Corrupt(&'static str),
    /// The bytes end before the end marker.
    #[error("the JPEG ends before its end marker")]
    Truncated,
    /// Decoding would take more memory than it was given. Nothing large was allocated.
    #[error("the JPEG needs {needed_bytes} bytes of memory and may have {budget_bytes}")]
    OverBudget {
        /// What decoding would have allocated.
        needed_bytes: u64,
        /// What it was given.
        budget_bytes: u64,
    },
    /// The caller's check said so.
    #[error("decoding was cancelled")]
    Cancelled,
}
