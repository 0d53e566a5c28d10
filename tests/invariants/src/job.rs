//! The bytes of a message on the queue.

use thumbmill_shared::job::{JOB_VERSION, RenderJob};

use crate::cost::measured;
use crate::requests::{assert_can_be_shown, assert_canonical, json_bytes};

/// Characters of the reason that a dead letter carries.
const REASON: usize = 450;
/// Variants that a job may have.
const VARIANTS: u32 = 100;

/// A message is no job, or it is one that says the same when it is written and read again.
pub fn job(body: &[u8]) {
    let (parsed, cost) = measured(|| RenderJob::parse(body, VARIANTS));
    let most = json_bytes(body.len());
    assert!(cost.peak_bytes <= most, "{cost:?} for {}", body.len());
    let job = match parsed {
        Err(error) => return assert_can_be_shown(&error.to_string(), REASON),
        Ok(job) => job,
    };
    assert_eq!(job.version, JOB_VERSION);
    assert!(!job.variants.is_empty());
    let written = job.to_body().expect("what was read can be written");
    let again = RenderJob::parse(&written, VARIANTS).expect("what was written can be read");
    assert_eq!(again, job);
    let written_again = again.to_body().expect("what was read can be written");
    assert_eq!(RenderJob::id_of(&written_again), RenderJob::id_of(&written));
    job.variants.iter().for_each(assert_canonical);
}
