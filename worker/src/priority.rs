//! What there is of something for each priority, and how bulk gives way to people.

use std::time::Duration;

use thumbmill_shared::job::Priority;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

/// How long bulk gives way at most before each of its steps: however many people there are, it
/// goes on.
const PATIENCE: Duration = Duration::from_secs(1);
/// People's jobs come in rows, as a page has many pictures: so soon after one the next is likely.
const NEXT_WITHIN: Duration = Duration::from_millis(10);

/// One of a kind for each priority.
#[derive(Debug, Default)]
pub(crate) struct PerPriority<T> {
    /// For jobs that somebody waits for.
    pub(crate) interactive: T,
    /// For jobs that nobody waits for yet.
    pub(crate) bulk: T,
}

impl<T> PerPriority<T> {
    /// A priority's own.
    pub(crate) fn of(&self, priority: Priority) -> &T {
        match priority {
            Priority::Interactive => &self.interactive,
            Priority::Bulk => &self.bulk,
        }
    }
}

/// People's jobs that this worker has in hand.
#[derive(Debug)]
pub(crate) struct People {
    now: watch::Sender<InHand>,
    /// As many keep bulk waiting.
    enough: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct InHand {
    jobs: usize,
    /// When there was last one less.
    less_since: Option<Instant>,
}

impl People {
    /// Nobody yet; as many as half of the `slots` keep bulk waiting.
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            now: watch::Sender::default(),
            enough: slots.div_ceil(2),
        }
    }

    /// Counts as one of theirs until dropped, if the priority is theirs.
    pub(crate) fn enter(&self, priority: Priority) -> Option<OneOfThem<'_>> {
        match priority {
            Priority::Interactive => {
                self.now.send_modify(|now| now.jobs += 1);
                Some(OneOfThem(self))
            }
            Priority::Bulk => None,
        }
    }

    /// If the priority is bulk: waits, but not for ever, until people leave half of the slots free and
    /// seem to have no next job. What is no render has the priority of theirs, the store's work too.
    pub(crate) async fn give_way(&self, priority: Priority) {
        match priority {
            Priority::Interactive => {}
            Priority::Bulk => {
                // After that long it goes on all the same.
                let _ = timeout(PATIENCE, self.gone()).await;
            }
        }
    }

    /// Waits until people use half of the slots.
    pub(crate) async fn come(&self) {
        let mut now = self.now.subscribe();
        // Nobody else has the sender: it does not end.
        let _ = now.wait_for(|now| now.jobs >= self.enough).await;
    }

    /// Waits until people leave half of the slots free and seem to have no next job.
    pub(crate) async fn gone(&self) {
        let mut now = self.now.subscribe();
        // Nobody else has the sender: it does not end.
        while let Ok(few) = now
            .wait_for(|now| now.jobs < self.enough)
            .await
            .map(|now| *now)
        {
            let Some(next) = few.less_since.map(|since| since + NEXT_WITHIN) else {
                return;
            };
            if next <= Instant::now() {
                return;
            }
            let back = now.wait_for(|now| now.jobs >= self.enough);
            if timeout_at(next, back).await.is_err() {
                return;
            }
        }
    }
}

/// A job of people's.
#[derive(Debug)]
pub(crate) struct OneOfThem<'a>(&'a People);

impl Drop for OneOfThem<'_> {
    fn drop(&mut self) {
        self.0.now.send_modify(|now| {
            now.jobs -= 1;
            now.less_since = Some(Instant::now());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does this end without anything happening meanwhile?
    async fn at_once(work: impl Future<Output = ()>) -> bool {
        tokio::select! {
            biased;
            () = work => true,
            () = std::future::ready(()) => false,
        }
    }

    #[tokio::test]
    async fn bulk_waits_while_people_use_half_of_the_slots() {
        let people = People::new(3);
        let one = people.enter(Priority::Interactive);
        assert!(at_once(people.give_way(Priority::Bulk)).await);
        let two = people.enter(Priority::Interactive);
        assert!(at_once(people.give_way(Priority::Interactive)).await);
        assert!(!at_once(people.give_way(Priority::Bulk)).await);
        drop(two);
        assert!(people.enter(Priority::Bulk).is_none());
        // A next one is likely, until it does not come.
        assert!(!at_once(people.give_way(Priority::Bulk)).await);
        let begun = Instant::now();
        people.give_way(Priority::Bulk).await;
        assert!(begun.elapsed() < PATIENCE);
        assert!(at_once(people.give_way(Priority::Bulk)).await);
        drop(one);
    }
}
