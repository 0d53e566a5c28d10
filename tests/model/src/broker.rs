//! RabbitMQ: jobs that wait, in any order, and dead letters. A delay queue is nothing of its own
//! here, since a job may wait in its lane for as long as it likes.

use std::collections::BTreeSet;

use crate::mistake::Mistake;
use crate::worker::Trouble;

/// Which job: its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Job {
    /// For the variant alone; all apis give it the same id.
    Asked,
    /// For it and others, which leaves the original's version open.
    Bulk,
}

/// What the publisher saw in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Seen {
    /// The variant was not there.
    Absent,
    /// It has not looked.
    Nothing,
}

/// Where a message waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// In its lane, or in a delay queue on the way there.
    Lane,
    /// In a delay queue, since another worker had the lease.
    Deferred,
    /// In `{ns}.expired`: delivered too often without an answer.
    Expired,
}

/// A job as it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Message {
    /// Which job.
    pub job: Job,
    /// From 1.
    pub attempt: u8,
    /// How many attempts before this one do not count.
    pub outages: u8,
    /// How often it came back without an answer.
    pub returns: u8,
    /// Where it waits.
    pub source: Source,
    /// What its publisher saw.
    pub seen: Seen,
}

impl Message {
    /// A job as it is published first.
    pub(crate) fn new(job: Job, seen: Seen) -> Self {
        Self {
            job,
            attempt: 1,
            outages: 0,
            returns: 0,
            source: Source::Lane,
            seen,
        }
    }

    /// `DeliveryKind::Again`: AMQP's `redelivered`.
    pub(crate) fn came_back(self) -> bool {
        self.returns > 0
    }

    /// `Arrival::may_be_stored`, of a job that has waited less than 10 seconds: one that waited
    /// longer trusts less.
    pub(crate) fn may_be_stored(self) -> bool {
        self.attempt > 1 || self.came_back() || self.seen == Seen::Nothing
    }

    /// Which of those attempts this is that count, from 1.
    pub(crate) fn counted_attempt(self) -> u8 {
        self.attempt - self.outages
    }

    /// `Message::again` as the next attempt.
    pub(crate) fn again(self, trouble: Trouble) -> Self {
        let outage = match trouble {
            Trouble::Counts => 0,
            Trouble::Outage => 1,
        };
        Self {
            attempt: self.attempt + 1,
            outages: self.outages + outage,
            returns: 0,
            seen: Seen::Nothing,
            ..self
        }
    }

    /// `Message::again` as the same attempt.
    pub(crate) fn deferred(self) -> Self {
        Self {
            returns: 0,
            source: Source::Deferred,
            seen: Seen::Nothing,
            ..self
        }
    }

    /// The same when a worker has it: the delay is over.
    pub(crate) fn taken(self) -> Self {
        let source = match self.source {
            Source::Lane | Source::Deferred => Source::Lane,
            Source::Expired => Source::Expired,
        };
        Self { source, ..self }
    }
}

/// What is on the server, apart from what workers hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Broker {
    /// Jobs that wait, sorted: the order in which they came is forgotten.
    pub waiting: Vec<Message>,
    /// The jobs of which there is a dead letter.
    pub dead_letters: BTreeSet<Job>,
}

impl Broker {
    /// A message that the server accepts.
    pub(crate) fn push(&mut self, message: Message) {
        self.waiting.push(message);
        self.waiting.sort_unstable();
    }

    /// A message that is given to a worker.
    pub(crate) fn take(&mut self, message: Message) {
        if let Some(at) = self.waiting.iter().position(|&other| other == message) {
            self.waiting.remove(at);
        }
    }

    /// A delivery that ends without an answer, or is given back: it waits again, or, having come
    /// back more than `at_most` times, is expired. That queue's own limit is out of reach.
    pub(crate) fn return_delivery(
        &mut self,
        message: Message,
        at_most: u8,
        mistake: Option<Mistake>,
    ) {
        let again = Message {
            returns: message.returns + 1,
            ..message
        };
        match message.source {
            Source::Expired => self.push(message),
            Source::Lane | Source::Deferred if again.returns <= at_most => self.push(again),
            Source::Lane | Source::Deferred if mistake == Some(Mistake::DropsExpired) => {}
            Source::Lane | Source::Deferred => self.push(Message {
                source: Source::Expired,
                ..message
            }),
        }
    }

    /// What waits has waited for longer than `LOOK_HOLDS_FOR`: nobody trusts its publisher's look.
    pub(crate) fn outlast(&mut self) {
        for message in &mut self.waiting {
            message.seen = Seen::Nothing;
        }
        self.waiting.sort_unstable();
    }

    /// Are there jobs of this id that wait?
    pub(crate) fn has(&self, job: Job) -> bool {
        self.waiting.iter().any(|message| message.job == job)
    }
}
