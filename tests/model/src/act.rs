//! Everything that can happen, and how a step can come out.

use crate::flight::FlightStep;
use crate::worker::WorkerStep;

/// One step of somebody, or something that happens to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Flight number so-and-so goes on.
    Flight(usize, FlightStep),
    /// Worker number so-and-so goes on.
    Worker(usize, WorkerStep),
    /// Time passes. It happens for certain, but nobody knows when.
    Time(Time),
    /// Something goes wrong. It need not happen, and only so often.
    Fault(Fault),
}

/// What time brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Time {
    /// `pending` expires when its job is gone.
    PendingEnds,
    /// A lease expires that nobody renews.
    LeaseEnds,
    /// Redis is back, with all it knew.
    RedisReturns,
    /// `listen::run` has subscribed anew, and says so.
    Resubscribes(usize),
}

/// What goes wrong by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// A worker is killed. Another takes its place.
    WorkerDies(usize),
    /// An api is killed.
    ApiDies(usize),
    /// RabbitMQ cuts a worker's connection and delivers its job again; the worker goes on.
    ConnectionLost(usize),
    /// An api's subscription breaks, and it has not noticed.
    SubscriptionLost(usize),
    /// Redis loses its keys.
    RedisEmptied,
    /// Redis does not answer, and all subscriptions break.
    RedisAway,
    /// The next script runs, but its answer is lost.
    AnswerLost,
    /// `pending` expires while its job waits, is being done, or is being published.
    PendingEndsEarly,
    /// A lease expires though its worker lives.
    LeaseEndsEarly,
}

/// How `Publisher::publish` comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Publishing {
    /// Accepted.
    Confirmed,
    /// Refused or lost on its way.
    Refused,
    /// Accepted, but the confirm is lost.
    Unconfirmed,
}

impl Publishing {
    pub(crate) const ALL: [Self; 3] = [Self::Confirmed, Self::Refused, Self::Unconfirmed];

    /// Is the message on the server?
    pub(crate) fn arrives(self) -> bool {
        match self {
            Self::Confirmed | Self::Unconfirmed => true,
            Self::Refused => false,
        }
    }

    /// How many faults that is.
    pub(crate) fn faults(self) -> u8 {
        match self {
            Self::Confirmed => 0,
            Self::Refused | Self::Unconfirmed => 1,
        }
    }
}

/// How `Storage::put` comes out, apart from an error without effect: that is
/// [`WorkerStep::Outage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Putting {
    /// It is stored.
    Stored,
    /// It is stored, but the answer is lost.
    Unanswered,
}
