//! Who has the CPU: children of bulk give way, and one that was late may be slow, or have had to wait.

use std::time::{Duration, Instant};

use super::NotRendered;

/// The lowest priority, of -20 to 19.
const LAST: i32 = 19;

/// From now on this thread, and those that it starts, have the CPU when nobody else wants it. For
/// good: a process may not take back what it gave up.
pub(super) fn give_way() {
    // A system that has no such thing does without. The policy first: with it comes a priority.
    idle_policy();
    let _ = rustix::process::setpriority_process(None, LAST);
}

/// By its priority alone it would go on for some milliseconds when another thread wakes up; not by
/// this policy (`SCHED_IDLE`, sched(7)).
#[cfg(target_os = "linux")]
fn idle_policy() {
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id,
    };
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy);
}

#[cfg(not(target_os = "linux"))]
fn idle_policy() {}

/// Measures how long a child waits.
#[derive(Debug)]
pub(super) struct Stopwatch {
    process: Option<u32>,
    started: Instant,
    /// How long the child had waited by then.
    waited: Option<Duration>,
}

impl Stopwatch {
    pub(super) fn start(process: Option<u32>) -> Self {
        Self {
            process,
            started: Instant::now(),
            waited: process.and_then(waited),
        }
    }

    /// To be asked of a child that was late, while it lives: for half of the time that it may
    /// take it could have worked and was not let, so nothing is known of the original. `None`
    /// also where the system does not tell.
    pub(super) fn starved(&self, may_take: Duration) -> Option<NotRendered> {
        let waited = self.process.and_then(waited)?.saturating_sub(self.waited?);
        let wall = self.started.elapsed();
        (waited > may_take / 2).then_some(NotRendered::Starved { waited, wall })
    }
}

/// How long a process' first thread, which renders, has been ready to run but did not
/// (Documentation/scheduler/sched-stats.rst).
#[cfg(target_os = "linux")]
fn waited(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/schedstat")).ok()?;
    let nanoseconds = stat.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

#[cfg(not(target_os = "linux"))]
fn waited(_: u32) -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_did_not_want_to_run_is_not_starved() {
        let itself = Stopwatch::start(Some(std::process::id()));
        assert!(itself.starved(Duration::from_hours(1)).is_none());
        assert!(Stopwatch::start(None).starved(Duration::ZERO).is_none());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn who_was_ready_and_did_not_run_is_starved() {
        let itself = Stopwatch {
            process: Some(std::process::id()),
            started: Instant::now(),
            waited: Some(Duration::ZERO),
        };
        // The first thread has waited at some time, if only for a microsecond.
        assert!(itself.starved(Duration::ZERO).is_some());
    }
}
