//! A flight in an api process (`api/src/flight.rs`): one for each process, all for one variant.

use crate::act::Publishing;
use crate::broker::{Job, Message, Seen};
use crate::mistake::Mistake;
use crate::redis::{Enqueue, Keys, Outcome};
use crate::state::{Note, State};
use crate::{Patience, Protocol};

/// How a flight ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// With the variant's outcome: the picture, or why there is none.
    Outcome(Outcome),
    /// The queue is full or away.
    Refused,
    /// The deadline passed.
    Deadline,
}

/// Where a flight is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Nobody has asked yet.
    Unasked,
    /// In the map of flights, about to run ENQUEUE: for the first time, or since it was woken.
    Looking,
    /// Told to publish, with `pending` set.
    Publishing,
    /// Publishing without Redis.
    PublishingUnclaimed,
    /// Confirmed: about to run `published`.
    Confirmed,
    /// Not confirmed: about to run `withdraw`.
    Unconfirmed,
    /// In `select!`.
    Waiting,
    /// Over.
    Ended(End),
    /// Its process died.
    Gone,
}

/// `Progress`, as far as it decides anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Progress {
    /// Nothing is known yet.
    Started,
    /// The job is on the queue.
    Queued,
}

/// What has been said to a flight and not been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mail {
    /// An announcement; of several, the first.
    pub ended: Option<Outcome>,
    /// `Wake::LookAgain`.
    pub look: bool,
}

/// One flight and what its process hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flight {
    /// Where it is.
    pub phase: Phase,
    /// Has it been queued?
    pub progress: Progress,
    /// What it has not read yet.
    pub mail: Mail,
    /// Is the process subscribed?
    pub hears: bool,
}

impl Flight {
    pub(crate) const UNASKED: Self = Self {
        phase: Phase::Unasked,
        progress: Progress::Started,
        mail: Mail {
            ended: None,
            look: false,
        },
        hears: true,
    };

    /// Is it in the map of flights?
    pub(crate) fn is_listed(self) -> bool {
        match self.phase {
            Phase::Unasked | Phase::Ended(_) | Phase::Gone => false,
            Phase::Looking
            | Phase::Publishing
            | Phase::PublishingUnclaimed
            | Phase::Confirmed
            | Phase::Unconfirmed
            | Phase::Waiting => true,
        }
    }

    /// Has it ended, or its process?
    pub(crate) fn is_over(self) -> bool {
        !self.is_listed() && self.phase != Phase::Unasked
    }

    /// Is its process about to publish, or about to say that it has?
    pub(crate) fn publishes(self) -> bool {
        match self.phase {
            Phase::Publishing
            | Phase::PublishingUnclaimed
            | Phase::Confirmed
            | Phase::Unconfirmed => true,
            Phase::Unasked | Phase::Looking | Phase::Waiting | Phase::Ended(_) | Phase::Gone => {
                false
            }
        }
    }

    /// Ends.
    fn end(&mut self, end: End) {
        self.leave(Phase::Ended(end));
    }

    /// Finds the variant in the store.
    fn hit(&mut self) {
        self.end(End::Outcome(Outcome::Ready));
    }

    /// Leaves the map of flights; nothing else of it matters then.
    pub(crate) fn leave(&mut self, phase: Phase) {
        *self = Self {
            phase,
            ..Self::UNASKED
        };
    }

    /// Goes on to `select!`.
    fn wait(&mut self) {
        self.phase = Phase::Waiting;
        self.progress = Progress::Queued;
    }
}

/// A flight's own steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlightStep {
    /// `Page::variant` misses in the store and joins the flight, or hits.
    Ask,
    /// `Flight::look` up to ENQUEUE's answer.
    Look,
    /// `Flight::publish`.
    Publish(Publishing),
    /// `Readiness::published` or `withdraw`.
    Note,
    /// `woken.recv()`, and after a new subscription a look into the store.
    Read,
    /// `ticks.tick()` and the look that follows.
    Tick,
    /// `sleep_until(deadline)` and the last look into the store.
    Deadline,
}

impl Protocol {
    /// What a flight may do next.
    pub(crate) fn flight_steps(&self, flight: Flight) -> Vec<FlightStep> {
        match flight.phase {
            Phase::Unasked => vec![FlightStep::Ask],
            Phase::Looking => vec![FlightStep::Look],
            Phase::Publishing | Phase::PublishingUnclaimed => {
                Publishing::ALL.map(FlightStep::Publish).to_vec()
            }
            Phase::Confirmed | Phase::Unconfirmed => vec![FlightStep::Note],
            Phase::Waiting => {
                let mut steps = vec![FlightStep::Read];
                let once = [Mistake::NeverLooksAgain, Mistake::ListensAfterLooking];
                if !once.map(Some).contains(&self.mistake) {
                    steps.push(FlightStep::Tick);
                }
                match self.bounds.patience {
                    Patience::Limited => steps.push(FlightStep::Deadline),
                    Patience::Endless => {}
                }
                steps
            }
            Phase::Ended(_) | Phase::Gone => vec![],
        }
    }

    /// Does a step of flight number `at`.
    pub(crate) fn fly(&self, state: &mut State, at: usize, step: FlightStep) -> Option<()> {
        match step {
            FlightStep::Ask | FlightStep::Deadline if state.stored => state.flights[at].hit(),
            FlightStep::Ask => state.flights[at].phase = Phase::Looking,
            FlightStep::Look | FlightStep::Tick => look(state, at),
            FlightStep::Publish(publishing) => self.publish(state, at, publishing)?,
            FlightStep::Note => note(state, at),
            FlightStep::Read => self.read(state, at)?,
            FlightStep::Deadline => state.flights[at].end(End::Deadline),
        }
        Some(())
    }

    /// `Flight::publish` of a job for this variant.
    fn publish(&self, state: &mut State, at: usize, publishing: Publishing) -> Option<()> {
        state.suffer(publishing.faults())?;
        let flight = state.flights[at];
        let seen = match flight.progress {
            Progress::Started => Seen::Absent,
            Progress::Queued => Seen::Nothing,
        };
        if publishing.arrives() {
            if state.exists(Job::Asked) {
                state.notes.add(Note::Copied);
            }
            state.broker.push(Message::new(Job::Asked, seen));
        }
        let trusts = self.mistake == Some(Mistake::TrustsUnconfirmedJobs);
        let confirmed = publishing == Publishing::Confirmed || trusts;
        if confirmed {
            state.notes.add(Note::Accepted);
        }
        let flight = &mut state.flights[at];
        let claimed = flight.phase == Phase::Publishing;
        match (claimed, confirmed) {
            (false, true) => flight.wait(),
            (false, false) => flight.end(End::Refused),
            (true, true) => flight.phase = Phase::Confirmed,
            (true, false) => flight.phase = Phase::Unconfirmed,
        }
        Some(())
    }

    /// `woken.recv()`: the end, or a look into the store and then another at Redis.
    fn read(&self, state: &mut State, at: usize) -> Option<()> {
        let found = state.stored && self.mistake != Some(Mistake::TrustsRedisAfterSubscribing);
        let flight = &mut state.flights[at];
        let mail = std::mem::take(&mut flight.mail);
        match mail.ended {
            Some(outcome) => flight.end(End::Outcome(outcome)),
            None if mail.look && found => flight.hit(),
            None if mail.look => flight.phase = Phase::Looking,
            None => return None,
        }
        Some(())
    }
}

/// `Flight::look`, or without Redis `Flight::look_without_claims`.
fn look(state: &mut State, at: usize) {
    let answer = state.redis.run(Keys::enqueue).known();
    let (stored, flight) = (state.stored, &mut state.flights[at]);
    match answer {
        Some(Enqueue::Known(outcome)) => flight.end(End::Outcome(outcome)),
        Some(Enqueue::Pending) => flight.wait(),
        Some(Enqueue::Publish) => flight.phase = Phase::Publishing,
        None if stored => flight.hit(),
        None => match flight.progress {
            Progress::Started => flight.phase = Phase::PublishingUnclaimed,
            Progress::Queued => flight.wait(),
        },
    }
}

/// `Readiness::published`, which only makes `pending` last longer, or `withdraw`.
fn note(state: &mut State, at: usize) {
    let flight = &mut state.flights[at];
    let confirmed = flight.phase == Phase::Confirmed;
    if confirmed {
        flight.wait();
    } else {
        flight.end(End::Refused);
    }
    state.redis.run(|keys| keys.pending &= confirmed);
}
