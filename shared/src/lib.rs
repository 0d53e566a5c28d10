//! What Thumbmill's api and worker say to each other: names, transforms, jobs, outcomes, and the
//! three backends that carry them. Knows no HTTP and no pixels.

pub mod access;
pub mod asset;
pub mod backends;
pub mod campaigns;
pub mod chain;
pub mod encoding;
pub mod format;
pub mod job;
pub mod media_type;
pub mod metrics;
pub mod originals;
pub mod outcome;
pub mod preset;
pub mod queue;
pub mod readiness;
pub mod settings;
pub mod shown;
pub mod shutdown;
pub mod storage;
pub mod sweep;
pub mod telemetry;
pub mod trace;
pub mod transform;
pub mod variant;
