//! The whole world at one moment: two apis, two workers, Redis, RabbitMQ and the store.

use crate::broker::{Broker, Job};
use crate::flight::{Flight, Phase};
use crate::mistake::Mistake;
use crate::redis::{Outcome, Redis};
use crate::worker::{Hand, Worker};

/// Everything that decides what may happen next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    /// One flight in each of two api processes.
    pub flights: [Flight; 2],
    /// Two workers, each with one slot.
    pub workers: [Worker; 2],
    /// Readiness.
    pub redis: Redis,
    /// The queue.
    pub broker: Broker,
    /// Is the variant in the store?
    pub stored: bool,
    /// How much may still go wrong.
    pub faults_left: u8,
    /// What has happened that the promises ask for.
    pub notes: Notes,
}

/// Something that has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// An api's job counts: its publish was confirmed.
    Accepted,
    /// A bulk job does.
    BulkAccepted,
    /// A failure was recorded and announced.
    FailureRecorded,
    /// The same when Redis was away: it was not recorded.
    FailureUnrecorded,
    /// A bulk job is over that found no original, and does not say whose failure that is.
    BulkRefused,
    /// Those who wait were told that a job is given up, and Redis remembers it.
    GivenUp,
    /// There were two copies of one job, apart from a retry that is about to be acknowledged.
    Copied,
    /// Leases did not hold: Redis was emptied, away or mute, a living worker's lease expired, or
    /// its job was delivered to another one.
    Unclaimed,
    /// A living worker's lease was taken over.
    TakenOver,
    /// A job was held by a lease that had been taken for it.
    HeldByItself,
    /// A variant was stored without its worker knowing.
    PutUnanswered,
    /// What was stored was put again.
    RenderedAgain,
}

/// A set of notes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Notes(u16);

impl Notes {
    /// Has it happened?
    pub fn has(self, note: Note) -> bool {
        self.0 & (1 << note as u8) != 0
    }

    pub(crate) fn add(&mut self, note: Note) {
        self.0 |= 1 << note as u8;
    }
}

impl State {
    /// Uses up `faults`, if there are so many left.
    pub(crate) fn suffer(&mut self, faults: u8) -> Option<()> {
        self.faults_left = self.faults_left.checked_sub(faults)?;
        Some(())
    }

    /// What the workers have in their hands.
    pub fn hands(&self) -> impl Iterator<Item = &Hand> {
        self.workers
            .iter()
            .filter_map(|worker| worker.hand.as_ref())
    }

    /// Is there a copy of this job anywhere?
    pub fn exists(&self, job: Job) -> bool {
        self.broker.has(job) || self.hands().any(|hand| hand.message.job == job)
    }

    /// The same but for the numbers of flights and workers, which mean nothing.
    #[must_use]
    pub fn representative(&self) -> Self {
        let mut state = self.clone();
        state.flights.sort_unstable();
        let holder = |state: &Self| state.redis.keys.lease.and_then(|lease| lease.holder);
        let key = |at: usize| (self.workers[at], holder(self) == Some(at));
        if key(0) > key(1) {
            state.workers.swap(0, 1);
            if let Some(lease) = &mut state.redis.keys.lease {
                lease.holder = lease.holder.map(|at| 1 - at);
            }
        }
        state
    }

    /// FINISH, whole: what is recorded is announced to every flight whose process is subscribed.
    pub(crate) fn finish(&mut self, by: usize, outcome: Outcome, mistake: Option<Mistake>) {
        let Some(message) = self.workers[by].hand.map(|hand| hand.message) else {
            return;
        };
        let script = self
            .redis
            .run(|keys| keys.finish(by, message, outcome, mistake));
        let Some(said) = script.happened() else {
            if outcome == Outcome::Failed {
                self.notes.add(Note::FailureUnrecorded);
            }
            return;
        };
        if said == Outcome::Failed {
            self.notes.add(Note::FailureRecorded);
        }
        for flight in &mut self.flights {
            let late = mistake == Some(Mistake::ListensAfterLooking);
            let listens = flight.is_listed() && (flight.phase == Phase::Waiting || !late);
            if listens && flight.hears {
                flight.mail.ended.get_or_insert(said);
            }
        }
    }
}
