//! Pictures drawn here, encoded by libwebp, and decoded by us and by libwebp.

mod alpha;
mod animated;
mod containers;
mod drawn;
mod hostile;
mod lossless;
mod lossy;
mod scaled;
