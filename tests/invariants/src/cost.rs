//! What a piece of work took: memory and processor time of this thread.

use std::time::Duration;

use peak_alloc::PeakAlloc;
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What something took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// The most bytes that were allocated at a time, what is returned included. What other threads
    /// allocate counts too: there should be none.
    pub(crate) peak_bytes: u64,
    /// Time on a processor: on a busy machine it is less than what has passed.
    pub(crate) time: Duration,
}

/// Does the work.
pub(crate) fn measured<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    HEAP.reset_peak_usage();
    let (before_bytes, before) = (HEAP.current_usage(), processor_time());
    let result = work();
    let peak_bytes = HEAP.peak_usage().saturating_sub(before_bytes) as u64;
    let time = processor_time().saturating_sub(before);
    (result, Cost { peak_bytes, time })
}

/// What this thread has used so far.
pub(crate) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
