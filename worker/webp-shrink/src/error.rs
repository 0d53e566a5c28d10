//! How decoding can fail, by what the caller can do about it.

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file is sound as far as it was read, but uses something that is not decoded here.
    #[error("unsupported WebP: {0}")]
    Unsupported(&'static str),
    /// The bytes contradict the format.
    #[error("corrupt WebP: {0}")]
    Corrupt(&'static str),
    /// The bytes end before the picture does.
    #[error("the WebP file is cut off")]
    Truncated,
    /// Decoding would need more memory than it may have.
    #[error("decoding needs {needed_bytes} bytes more, and {left_bytes} are left")]
    OverBudget {
        /// The size of the allocation that was not made.
        needed_bytes: u64,
        /// What was left of the budget at that time.
        left_bytes: u64,
    },
    /// The caller's cancel check said so.
    #[error("decoding was cancelled")]
    Cancelled,
}
