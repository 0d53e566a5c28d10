//! Pictures drawn here, encoded by libwebp, and decoded by us and by libwebp.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "in a test, whatever goes wrong is a failure, and what is drawn is small"
)]

mod alpha;
mod animated;
mod containers;
mod drawn;
mod hostile;
mod lossless;
mod lossy;
mod photos;
mod scaled;
