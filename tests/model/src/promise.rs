//! What must hold in every state, and what must be seen in some.

use stateright::{Model, Property};

use crate::Protocol;
use crate::act::Act;
use crate::broker::{Job, Message, Source};
use crate::flight::{End, FlightStep, Phase, Progress};
use crate::redis::{Outcome, Reach};
use crate::state::{Note, State};
use crate::worker::{Claims, Step};

/// What holds in every state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// When nothing is left to be done, every flight has ended.
    NoLostWakeUp,
    /// While Redis answers and knows how the variant ended, a flight that waits is one step of its
    /// own away from its end.
    KnownIsFound,
    /// While leases hold, one worker at a time believes that it has the variant's. It loses it to
    /// nothing but another copy of its job, which then is taken for the job of a dead worker.
    OneClaim,
    /// While leases hold, what is stored is not rendered again, unless there were two copies of
    /// a job, or the store did not answer when it stored it.
    OneRender,
    /// When nothing is left to be done, the queue is empty, and for each job that was ever accepted the
    /// variant is stored, or a failure was recorded, or there is its dead letter. A failure that came
    /// when Redis was away counts without a record, and so does, for itself alone, a bulk job's that has
    /// no original.
    NoLostJob,
    /// What is said to be ready is stored.
    StoredFirst,
    /// What has ended is not pending.
    NothingPending,
    /// When no job is left and Redis answers, a flight that waits for what is stored is one step of
    /// its own away from its end, or else of its process, which subscribes anew.
    StoredIsFound,
    /// A job that is given up leaves a dead letter, or is made by another copy of it.
    LetterOfTheGivenUp,
    /// While leases hold, a job that comes again waits for no lease that was taken for it, unless there
    /// were two copies of it: whoever took that lease is dead.
    NotHeldByItself,
}

impl Promise {
    /// Every promise.
    pub const ALL: [Self; 10] = [
        Self::NoLostWakeUp,
        Self::KnownIsFound,
        Self::OneClaim,
        Self::OneRender,
        Self::NoLostJob,
        Self::StoredFirst,
        Self::NothingPending,
        Self::StoredIsFound,
        Self::LetterOfTheGivenUp,
        Self::NotHeldByItself,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoLostWakeUp => "no lost wake-up",
            Self::KnownIsFound => "what is known is found",
            Self::OneClaim => "one claim",
            Self::OneRender => "one render",
            Self::NoLostJob => "no lost job",
            Self::StoredFirst => "stored first",
            Self::NothingPending => "nothing pending",
            Self::StoredIsFound => "what is stored is found",
            Self::LetterOfTheGivenUp => "a dead letter of what is given up",
            Self::NotHeldByItself => "not held by itself",
        }
    }

    pub(crate) fn property(self) -> Property<Protocol> {
        let holds: fn(&Protocol, &State) -> bool = match self {
            Self::NoLostWakeUp => |protocol, state| {
                let ended = |phase| matches!(phase, Phase::Ended(_) | Phase::Gone);
                state.flights.iter().all(|flight| ended(flight.phase)) || !protocol.is_quiet(state)
            },
            Self::KnownIsFound => |protocol, state| {
                let known = state.redis.keys.state.is_some() && state.redis.reach == Reach::There;
                !known || (0..state.flights.len()).all(|at| protocol.can_end(state, at))
            },
            Self::OneClaim => |_, state| {
                let notes = state.notes;
                let copies = !notes.has(Note::TakenOver) || notes.has(Note::Copied);
                let one = state.claims() <= 1 || notes.has(Note::TakenOver);
                notes.has(Note::Unclaimed) || (one && copies)
            },
            Self::OneRender => |_, state| {
                let may = [Note::Unclaimed, Note::Copied, Note::PutUnanswered];
                let may = may.into_iter().any(|note| state.notes.has(note));
                may || !state.notes.has(Note::RenderedAgain)
            },
            Self::NoLostJob => |protocol, state| jobs_ended(state) || !protocol.is_quiet(state),
            Self::StoredFirst => |_, state| state.stored || !said_ready(state),
            Self::NothingPending => {
                |_, state| state.redis.keys.state.is_none() || !state.redis.keys.pending
            }
            Self::StoredIsFound => |protocol, state| {
                let there = state.stored && state.redis.reach == Reach::There;
                let all_hear = state.flights.iter().all(|flight| flight.hears);
                let at_work = state.hands().next().is_some() || !state.broker.waiting.is_empty();
                let all_end = (0..state.flights.len()).all(|at| protocol.can_end(state, at));
                !there || !all_hear || at_work || all_end
            },
            Self::LetterOfTheGivenUp => |protocol, state| {
                let given_up = state.notes.has(Note::GivenUp) && !state.stored;
                let letter = state.broker.dead_letters.contains(&Job::Asked);
                !given_up || letter || !protocol.is_quiet(state)
            },
            Self::NotHeldByItself => |_, state| {
                let may = [Note::Unclaimed, Note::Copied];
                let may = may.into_iter().any(|note| state.notes.has(note));
                may || !state.notes.has(Note::HeldByItself)
            },
        };
        Property::always(self.name(), holds)
    }
}

impl State {
    fn claims(&self) -> usize {
        self.hands().filter(|hand| hand.has_claim()).count()
    }
}

impl Protocol {
    /// Does flight number `at` wait no longer, or can it end at once, its deadline apart?
    fn can_end(&self, state: &State, at: usize) -> bool {
        let ends = |step| {
            let next = self.next_state(state, Act::Flight(at, step));
            next.is_some_and(|next| matches!(next.flights[at].phase, Phase::Ended(_)))
        };
        state.flights[at].phase != Phase::Waiting
            || self
                .flight_steps(state.flights[at])
                .into_iter()
                .any(|step| step != FlightStep::Deadline && ends(step))
    }
}

/// Is each job that counted over, in one of its ways?
fn jobs_ended(state: &State) -> bool {
    let idle = state.broker.waiting.is_empty() && state.hands().next().is_none();
    let any = |notes: &[Note]| notes.iter().any(|&note| state.notes.has(note));
    let made = state.stored || any(&[Note::FailureRecorded, Note::FailureUnrecorded]);
    let ended = |job| made || state.broker.dead_letters.contains(&job);
    let asked = ended(Job::Asked) || !any(&[Note::Accepted]);
    let bulk = ended(Job::Bulk) || any(&[Note::BulkRefused]) || !any(&[Note::BulkAccepted]);
    idle && asked && bulk
}

fn said_ready(state: &State) -> bool {
    let ready = Some(Outcome::Ready);
    let served = Phase::Ended(End::Outcome(Outcome::Ready));
    let mut flights = state.flights.iter();
    state.redis.keys.state == ready
        || flights.any(|flight| flight.mail.ended == ready || flight.phase == served)
}

/// What is seen in some state: the promises are not kept for want of occasion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Two flights wait, and there is one job.
    TwoWaitForOneJob,
    /// An announcement is under way.
    Announced,
    /// A flight ends with a failure.
    Failure,
    /// A flight ends because the queue did not accept its job.
    Refusal,
    /// A flight's deadline passes.
    Deadline,
    /// A job that came back is rendered by the worker that took over the lease.
    TakenOver,
    /// A job that came back finds the variant in the store.
    FoundStored,
    /// A second attempt is made after one that counts.
    SecondAttempt,
    /// An attempt is made after an outage.
    OutageOutlived,
    /// A job that was delivered too often is put aside.
    Expired,
    /// There is a dead letter.
    DeadLetter,
    /// A worker goes on without Redis.
    WithoutRedis,
    /// An api publishes without Redis.
    PublishedWithoutRedis,
    /// A job is published again whose `pending` was lost or had expired.
    PublishedAgain,
    /// A job waits for the end of another worker's lease.
    Deferred,
    /// Two workers claim at a time, since leases did not hold.
    TwoClaims,
    /// What is stored is rendered again.
    TwoRenders,
    /// A failure is not recorded.
    Unrecorded,
}

impl Sight {
    /// Every sight.
    pub const ALL: [Self; 18] = [
        Self::TwoWaitForOneJob,
        Self::Announced,
        Self::Failure,
        Self::Refusal,
        Self::Deadline,
        Self::TakenOver,
        Self::FoundStored,
        Self::SecondAttempt,
        Self::OutageOutlived,
        Self::Expired,
        Self::DeadLetter,
        Self::WithoutRedis,
        Self::PublishedWithoutRedis,
        Self::PublishedAgain,
        Self::Deferred,
        Self::TwoClaims,
        Self::TwoRenders,
        Self::Unrecorded,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::TwoWaitForOneJob => "two processes wait for one job",
            Self::Announced => "an announcement is under way",
            Self::Failure => "a flight ends with a failure",
            Self::Refusal => "a flight is refused",
            Self::Deadline => "a deadline passes",
            Self::TakenOver => "a lease is taken over",
            Self::FoundStored => "a job finds its variant stored",
            Self::SecondAttempt => "a second attempt is made",
            Self::OutageOutlived => "an attempt is made after an outage",
            Self::Expired => "a job expires",
            Self::DeadLetter => "there is a dead letter",
            Self::WithoutRedis => "a worker goes on without a lease",
            Self::PublishedWithoutRedis => "an api goes on without Redis",
            Self::PublishedAgain => "a job is published again",
            Self::Deferred => "a job is deferred",
            Self::TwoClaims => "two workers claim at a time",
            Self::TwoRenders => "what is stored is rendered again",
            Self::Unrecorded => "a failure is not recorded",
        }
    }

    pub(crate) fn property(self) -> Property<Protocol> {
        let seen: fn(&Protocol, &State) -> bool = match self {
            Self::TwoWaitForOneJob => |_, state| {
                let waits = state.flights.map(|flight| flight.phase) == [Phase::Waiting; 2];
                waits && state.broker.waiting.len() + state.hands().count() == 1
            },
            Self::Announced => |_, state| {
                let mut flights = state.flights.iter();
                flights.any(|flight| flight.mail.ended == Some(Outcome::Ready))
            },
            Self::Failure => |_, state| state.has_ended(End::Outcome(Outcome::Failed)),
            Self::Refusal => |_, state| state.has_ended(End::Refused),
            Self::Deadline => |_, state| state.has_ended(End::Deadline),
            Self::TakenOver => |_, state| state.does(Step::Rendering, Message::came_back),
            Self::FoundStored => |_, state| {
                let looks = state.does(Step::Claimed(Claims::All), Message::came_back);
                looks && state.stored
            },
            Self::SecondAttempt => {
                |_, state| state.does(Step::Rendering, |job| job.counted_attempt() == 2)
            }
            Self::OutageOutlived => |_, state| state.does(Step::Rendering, |job| job.outages > 0),
            Self::Expired => {
                |_, state| state.does(Step::Burying, |job| job.source == Source::Expired)
            }
            Self::DeadLetter => |_, state| !state.broker.dead_letters.is_empty(),
            Self::WithoutRedis => |_, state| state.does(Step::Claimed(Claims::NotAll), |_| true),
            Self::PublishedWithoutRedis => |_, state| {
                let mut flights = state.flights.iter();
                flights.any(|flight| flight.phase == Phase::PublishingUnclaimed)
            },
            Self::PublishedAgain => |_, state| {
                let again = (Phase::Publishing, Progress::Queued);
                let mut flights = state.flights.iter();
                flights.any(|flight| (flight.phase, flight.progress) == again)
            },
            Self::Deferred => |_, state| {
                let mut waiting = state.broker.waiting.iter();
                waiting.any(|job| job.source == Source::Deferred)
            },
            Self::TwoClaims => |_, state| state.claims() == 2,
            Self::TwoRenders => |_, state| state.notes.has(Note::RenderedAgain),
            Self::Unrecorded => |_, state| {
                let ends = [Note::FailureUnrecorded, Note::BulkRefused];
                ends.into_iter().any(|note| state.notes.has(note))
            },
        };
        Property::sometimes(self.name(), seen)
    }
}

impl State {
    fn has_ended(&self, end: End) -> bool {
        let mut flights = self.flights.iter();
        flights.any(|flight| flight.phase == Phase::Ended(end))
    }

    fn does(&self, step: Step, with: fn(Message) -> bool) -> bool {
        self.hands()
            .any(|hand| hand.step == step && with(hand.message))
    }
}
