//! How much memory jobs may take at a time, and how much there is. Knows no jobs and no pixels.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thumbmill_shared::job::Priority;
use thumbmill_shared::settings::Memory;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::priority::PerPriority;

mod available;

/// How long bulk leaves to people what becomes free: it may hold what they ask for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Memory that is taken and given back; within a priority first come, first served.
///
/// People may take all of it. Bulk may take half, and for a while nothing if people wait.
#[derive(Debug)]
pub(crate) struct Budget {
    total_bytes: u64,
    taken: Mutex<Taken>,
    /// Whoever is next of each priority looks again.
    changed: Notify,
    turn: PerPriority<tokio::sync::Mutex<()>>,
}

/// What is taken, and who waits.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    interactive_bytes: u64,
    bulk_bytes: u64,
    interactive_waiting: u32,
}

impl Taken {
    fn fits(self, priority: Priority, bytes: u64, total_bytes: u64) -> bool {
        let fits = self.interactive_bytes + self.bulk_bytes + bytes <= total_bytes;
        match priority {
            Priority::Interactive => fits,
            Priority::Bulk => {
                // One that needs more than the half gets it when it is the only one.
                let in_share = self.bulk_bytes == 0 || self.bulk_bytes + bytes <= total_bytes / 2;
                fits && in_share && self.interactive_waiting == 0
            }
        }
    }

    fn of(&mut self, priority: Priority) -> &mut u64 {
        match priority {
            Priority::Interactive => &mut self.interactive_bytes,
            Priority::Bulk => &mut self.bulk_bytes,
        }
    }
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        Self {
            total_bytes: bytes,
            taken: Mutex::default(),
            changed: Notify::new(),
            turn: PerPriority::default(),
        }
    }

    /// Waits until so much is free. Whoever needs more than there is gets all, and so works alone.
    pub(crate) async fn take(&self, priority: Priority, bytes: u64) -> Share<'_> {
        let bytes = bytes.min(self.total_bytes);
        let _waiting = Waiting::begin(self, priority);
        let _turn = self.turn.of(priority).lock().await;
        let begun = Instant::now();
        loop {
            // Listening first: what is given back after the look is heard.
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let patient = begun.elapsed() < PATIENCE;
            if let Some(share) = self.try_take(priority, bytes, patient) {
                return share;
            }
            // In both cases it looks again.
            let _ = timeout(PATIENCE, changed).await;
        }
    }

    fn try_take(&self, priority: Priority, bytes: u64, patient: bool) -> Option<Share<'_>> {
        let mut taken = self.lock();
        let mut seen = *taken;
        if !patient {
            seen.interactive_waiting = 0;
        }
        if !seen.fits(priority, bytes, self.total_bytes) {
            return None;
        }
        *taken.of(priority) += bytes;
        Some(Share {
            budget: self,
            priority,
            bytes,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // Nothing panics while the lock is held.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was taken; dropped it is given back.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    budget: &'a Budget,
    priority: Priority,
    bytes: u64,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        *self.budget.lock().of(self.priority) -= self.bytes;
        self.budget.changed.notify_waiters();
    }
}

/// Somebody waits, until dropped: bulk leaves to people what becomes free.
struct Waiting<'a> {
    budget: &'a Budget,
    priority: Priority,
}

impl<'a> Waiting<'a> {
    fn begin(budget: &'a Budget, priority: Priority) -> Self {
        match priority {
            Priority::Interactive => budget.lock().interactive_waiting += 1,
            Priority::Bulk => {}
        }
        Self { budget, priority }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        match self.priority {
            Priority::Interactive => {
                self.budget.lock().interactive_waiting -= 1;
                self.budget.changed.notify_waiters();
            }
            Priority::Bulk => {}
        }
    }
}

/// What jobs may take at a time, in bytes: by itself half of what the process may have.
pub(crate) fn bytes(setting: Memory) -> u64 {
    match setting {
        Memory::Bytes(size) => size.bytes(),
        Memory::Auto => available::available_bytes() / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bulk_takes_half_at_most_and_nothing_while_people_wait() {
        let used = |interactive_bytes, bulk_bytes, interactive_waiting| Taken {
            interactive_bytes,
            bulk_bytes,
            interactive_waiting,
        };
        for (used, priority, bytes, fits) in [
            (used(0, 0, 0), Priority::Interactive, 100, true),
            (used(1, 0, 1), Priority::Interactive, 100, false),
            (used(0, 50, 1), Priority::Interactive, 50, true),
            (used(0, 0, 0), Priority::Bulk, 100, true),
            (used(0, 30, 0), Priority::Bulk, 20, true),
            (used(0, 30, 0), Priority::Bulk, 21, false),
            (used(90, 0, 0), Priority::Bulk, 20, false),
            (used(0, 0, 1), Priority::Bulk, 1, false),
        ] {
            assert_eq!(
                used.fits(priority, bytes, 100),
                fits,
                "{used:?} {priority:?} {bytes}"
            );
        }
    }

    #[tokio::test]
    async fn memory_is_waited_for_and_who_needs_more_than_there_is_works_alone() {
        let budget = Budget::new(10);
        let small = budget.take(Priority::Interactive, 1).await;
        let large = budget.take(Priority::Interactive, u64::MAX);
        let given_back = async {
            tokio::task::yield_now().await;
            assert_eq!(budget.lock().interactive_waiting, 1);
            drop(small);
        };
        let (all, ()) = tokio::join!(large, given_back);
        assert_eq!(budget.lock().interactive_bytes, 10);
        drop(all);
        assert_eq!(budget.lock().interactive_bytes, 0);
    }

    #[tokio::test]
    async fn bulk_goes_on_when_people_no_longer_wait() {
        let budget = Budget::new(10);
        let all = budget.take(Priority::Interactive, 10).await;
        let given_up = async {
            tokio::select! {
                biased;
                _ = budget.take(Priority::Interactive, 1) => panic!("there was nothing left"),
                () = tokio::task::yield_now() => {}
            }
            drop(all);
        };
        let (bulk, ()) = tokio::join!(budget.take(Priority::Bulk, 5), given_up);
        assert_eq!(bulk.bytes, 5);
    }
}
