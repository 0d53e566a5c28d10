//! How long a child had to wait for a CPU: one that was late may be slow, or the machine busy.

use std::time::{Duration, Instant};

use super::NotRendered;

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
