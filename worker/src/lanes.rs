//! What there is of something for each lane, and how bulk gives way to people.

use std::time::Duration;

use thumbmill_shared::queue::Lane;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long bulk gives way at most before each of its steps: however many people there are, it
/// goes on.
const PATIENCE: Duration = Duration::from_secs(1);

/// One of a kind for each lane.
#[derive(Debug, Default)]
pub(crate) struct PerLane<T> {
    /// For jobs that somebody waits for.
    pub(crate) interactive: T,
    /// For jobs that nobody waits for yet.
    pub(crate) bulk: T,
}

impl<T> PerLane<T> {
    /// A lane's own.
    pub(crate) fn of(&self, lane: Lane) -> &T {
        match lane {
            Lane::Interactive => &self.interactive,
            Lane::Bulk => &self.bulk,
        }
    }
}

/// People's jobs that this worker has in hand.
#[derive(Debug)]
pub(crate) struct People {
    jobs: watch::Sender<usize>,
    /// As many keep bulk waiting.
    enough: usize,
}

impl People {
    /// Nobody yet; as many as half of the `slots` keep bulk waiting.
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            jobs: watch::Sender::new(0),
            enough: slots.div_ceil(2),
        }
    }

    /// Counts as one of theirs until dropped, if the lane is theirs.
    pub(crate) fn enter(&self, lane: Lane) -> Option<InHand<'_>> {
        match lane {
            Lane::Interactive => {
                self.jobs.send_modify(|jobs| *jobs += 1);
                Some(InHand(self))
            }
            Lane::Bulk => None,
        }
    }

    /// If the lane is bulk: waits, but not for ever, until people leave half of the slots free.
    /// What is no render has the priority of theirs, the store's work too.
    pub(crate) async fn give_way(&self, lane: Lane) {
        match lane {
            Lane::Interactive => {}
            Lane::Bulk => {
                let mut jobs = self.jobs.subscribe();
                let left = jobs.wait_for(|jobs| *jobs < self.enough);
                // After that long it goes on all the same.
                let _ = timeout(PATIENCE, left).await;
            }
        }
    }
}

/// A job of people's.
#[derive(Debug)]
pub(crate) struct InHand<'a>(&'a People);

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.0.jobs.send_modify(|jobs| *jobs -= 1);
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
        let _one = people.enter(Lane::Interactive);
        assert!(at_once(people.give_way(Lane::Bulk)).await);
        let two = people.enter(Lane::Interactive);
        assert!(at_once(people.give_way(Lane::Interactive)).await);
        assert!(!at_once(people.give_way(Lane::Bulk)).await);
        drop(two);
        assert!(people.enter(Lane::Bulk).is_none());
        assert!(at_once(people.give_way(Lane::Bulk)).await);
    }
}
