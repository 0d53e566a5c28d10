//! How reading a PNG can fail, by what the caller can do about it.

/// Why a picture was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file is whole, but asks for something that PNG does not have today.
    #[error("the PNG has {0}, which is not supported")]
    Unsupported(&'static str),
    /// The file breaks a rule of PNG, zlib or DEFLATE; what it broke it with.
    #[error("the PNG is corrupt: {0}")]
    Corrupt(&'static str),
    /// The file ends before its last chunk does.
    #[error("the PNG is cut off")]
    Truncated,
    /// The crop is empty or reaches out of the picture.
    #[error("the crop is not within the picture")]
    CropOutside,
    /// Reading would take more memory than allowed; found out before it was taken.
    #[error("reading the PNG needs {needed_bytes} bytes of memory, {budget_bytes} are allowed")]
    OverBudget {
        /// What it would take.
        needed_bytes: u64,
        /// What was allowed.
        budget_bytes: u64,
    },
    /// The caller no longer wants the picture.
    #[error("reading the PNG was cancelled")]
    Cancelled,
}
