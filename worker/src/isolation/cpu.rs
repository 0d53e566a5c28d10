//! Who has the CPU: children of bulk give way, and one that was late may be slow, or have had to wait.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, setpriority_process};
use tokio::time::timeout;

use super::NotRendered;
use crate::priority::People;

/// The lowest priority, of -20 to 19.
const LAST: i32 = 19;
/// How long a child of bulk is halted at most in one render: it has memory that people may wait for.
const HALTED_AT_MOST: Duration = Duration::from_millis(100);

/// From now on this thread, and those that it starts, have the CPU when nobody else wants it. For
/// good: a process may not take back what it gave up.
pub(super) fn give_way() {
    // A system that has no such thing does without. The policy first: with it comes a priority.
    idle_policy();
    let _ = setpriority_process(None, LAST);
}

/// Waits for `work`, which the child `process` does, and halts it while there are people: also who
/// has the CPU last of all takes of the memory's and the caches' time.
pub(super) async fn halting<T>(
    process: Option<u32>,
    people: &People,
    work: impl Future<Output = T>,
) -> T {
    let halts = async {
        let mut left = HALTED_AT_MOST;
        while !left.is_zero() {
            people.come().await;
            let halted = Halted::new(process);
            let begun = Instant::now();
            // After that long it goes on all the same.
            let _ = timeout(left, people.gone()).await;
            left = left.saturating_sub(begun.elapsed());
            drop(halted);
        }
        std::future::pending().await
    };
    tokio::select! {
        biased;
        done = work => done,
        never = halts => never,
    }
}

/// A child that does not run until this is dropped.
struct Halted(Option<Pid>);

impl Halted {
    fn new(process: Option<u32>) -> Self {
        let process = process.and_then(|process| Pid::from_raw(i32::try_from(process).ok()?));
        // It may just have ended; nobody else has its number before it was waited for.
        Self(process.filter(|process| kill_process(*process, Signal::STOP).is_ok()))
    }
}

impl Drop for Halted {
    fn drop(&mut self) {
        if let Some(process) = self.0 {
            let _ = kill_process(process, Signal::CONT);
        }
    }
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

/// Measures what a child has of the CPU.
#[derive(Debug)]
pub(super) struct Stopwatch {
    process: Option<u32>,
    started: Instant,
    /// What the child had had by then.
    before: Option<Times>,
}

/// What a thread has had of the CPU, and how long it was ready to run and did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    ran: Duration,
    waited: Duration,
}

impl Stopwatch {
    pub(super) fn start(process: Option<u32>) -> Self {
        Self {
            process,
            started: Instant::now(),
            before: process.and_then(times),
        }
    }

    /// To be asked of a child that was late, while it lives: it would have worked on and was not
    /// let, so nothing is known of the original. `None` also where the system does not tell.
    pub(super) fn starved(&self, may_take: Duration) -> Option<NotRendered> {
        let (before, now) = (self.before?, self.process.and_then(times)?);
        let times = Times {
            ran: now.ran.saturating_sub(before.ran),
            waited: now.waited.saturating_sub(before.waited),
        };
        times.is_starved(may_take).then(|| NotRendered::Starved {
            waited: times.waited,
            wall: self.started.elapsed(),
        })
    }
}

impl Times {
    /// It did not have the time that it may take, and waited for a good part of it.
    fn is_starved(self, may_take: Duration) -> bool {
        self.ran < may_take && self.waited > may_take / 8
    }
}

/// Of a process' first thread, which renders (Documentation/scheduler/sched-stats.rst).
#[cfg(target_os = "linux")]
fn times(process: u32) -> Option<Times> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/schedstat")).ok()?;
    let mut fields = stat.split_ascii_whitespace().map(str::parse);
    let mut next = || Some(Duration::from_nanos(fields.next()?.ok()?));
    Some(Times {
        ran: next()?,
        waited: next()?,
    })
}

#[cfg(not(target_os = "linux"))]
fn times(_: u32) -> Option<Times> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starved_is_who_would_have_worked_and_was_not_let() {
        for (ran, waited, starved) in [
            (5, 25, true),
            (25, 5, true),
            // It hangs.
            (1, 0, false),
            // It had all the time that it may take.
            (30, 10, false),
            (29, 1, false),
        ] {
            let (ran, waited) = (Duration::from_secs(ran), Duration::from_secs(waited));
            let times = Times { ran, waited };
            let may_take = Duration::from_secs(30);
            assert_eq!(times.is_starved(may_take), starved, "{times:?}");
        }
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn a_child_is_halted_while_there_are_people_but_not_for_long() {
        use thumbmill_shared::job::Priority;

        let mut child = tokio::process::Command::new("sleep")
            .arg("60")
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let process = child.id();
        let is_halted = || {
            let stat = format!("/proc/{}/stat", process.unwrap());
            let stat = std::fs::read_to_string(stat).unwrap();
            stat.rsplit(") ").next().unwrap().starts_with('T')
        };
        let until = async |halted: bool| {
            while is_halted() != halted {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let people = People::new(1);
        let work = async {
            until(false).await;
            let one = people.enter(Priority::Interactive);
            until(true).await;
            drop(one);
            until(false).await;
            let another = people.enter(Priority::Interactive);
            until(true).await;
            // They stay.
            until(false).await;
            drop(another);
        };
        halting(process, &people, work).await;
        // It is never left halted.
        let one = people.enter(Priority::Interactive);
        halting(process, &people, until(true)).await;
        assert!(!is_halted());
        drop(one);
        child.kill().await.unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_kernel_tells_what_a_process_has_of_the_cpu() {
        let itself = times(std::process::id()).unwrap();
        assert!(itself.ran > Duration::ZERO);
        assert!(times(u32::MAX).is_none());
        let none = Stopwatch::start(None);
        assert!(none.starved(Duration::ZERO).is_none());
    }
}
