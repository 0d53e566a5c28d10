//! What Thumbmill's api and worker say to each other: names, transforms, jobs, outcomes, and the
//! three backends that carry them. Knows no HTTP and no pixels.

pub mod asset;
pub mod format;
pub mod outcome;
pub mod transform;
pub mod variant;
