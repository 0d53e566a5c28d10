//! How api, workers and servers make a thumbnail, tried in every order: a model of the protocol in
//! which apis ask for one variant, workers make it, and Redis tells both, explored by `stateright`.
//!
//! Whatever one process does between two moments at which others can see it is one step: a Lua
//! script, a publish, a look into the store, a PUT, an acknowledgement. Each step names the function
//! or the script that it stands for. The checker goes through every order of steps, of what time
//! brings ([`Time`]) and of what goes wrong ([`Fault`], [`Publishing`], [`Putting`]), and looks in
//! every state for a broken [`Promise`]. It must also come across every [`Sight`], and find the
//! promise that each [`Mistake`] breaks: so it is known to look where it should.
//!
//! # What is shown
//!
//! In every state in which nothing is left to be done, unless something else goes wrong, flights have
//! ended and jobs too. No run goes on for ever, so every run comes to such a state: that is what
//! "eventually" means here. With [`Patience::Endless`] no deadline helps.
//!
//! # Bounds
//!
//! - One variant, two apis with a flight each, or one api and a bulk job; two workers with a slot each.
//! - One fault of any kind, or, with two apis, two of all kinds but Redis being away, of which too much
//!   follows. With a bulk job two make a second render: its worker dies after the PUT, the next one finds the
//!   store away and gives the lease back, and the api's job still trusts its publisher's look.
//! - Two attempts (`THUMBMILL_ATTEMPTS`), and a job that comes back twice without an answer is expired.
//!   Renders that fail, for good or for now, cost no fault: each attempt that counts has every end.
//! - An outage, after which an attempt does not count, is a fault: the code tries again for as long as it
//!   lasts, a run only so often. It is a worker's; a flight's look into the store is answered.
//! - To have come back costs no attempt here. In the code it does, but for what was given back to RabbitMQ 4.3
//!   or later; a job that `settle::too_often` does not begin is one here that fails before its claim.
//! - Time has no length. A job, a delay queue's too, is taken whenever a worker is free, in any order; but one
//!   that was deferred, since another worker had the lease, only when CLAIM would not answer `held` again:
//!   the code defers it every 5 seconds until then. `pending` and leases end at any time after nobody keeps
//!   them; ending earlier is a fault. Only this is taken from the clock: a lease outlasts the trust in a
//!   publisher's look into the store. Renewals that come in time are no steps.
//! - A bulk job's other variants are not there: it is not deferred for them once it has made this one.
//! - What is stored stays. Outcomes are forgotten only when Redis is emptied.
//! - Requests are not told from their flight, and each process has one. A worker has one name, but does
//!   not do two jobs at a time.
//!
//! # How much that is
//!
//! `cargo test --release -p thumbmill-model -- --nocapture` prints the number of states of each search.

mod act;
mod broker;
mod faults;
mod flight;
mod mistake;
mod promise;
mod redis;
mod state;
mod worker;

use stateright::{Model, Property};

pub use act::{Act, Fault, Publishing, Putting, Time};
pub use broker::{Broker, Job, Message, Seen, Source};
pub use flight::{End, Flight, FlightStep, Mail, Phase, Progress};
pub use mistake::Mistake;
pub use promise::{Promise, Sight};
pub use redis::{Answer, Claim, Enqueue, Keys, Lease, Outcome, Reach, Redis};
pub use state::{Note, Notes, State};
pub use worker::{Claims, Grip, Hand, Step, Trouble, Worker, WorkerStep};

/// Does a flight's deadline pass?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It may at any time.
    Limited,
    /// Never: whatever ends a flight is not the deadline.
    Endless,
}

/// Who brings jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Askers {
    /// Two apis, for the same variant.
    TwoApis,
    /// One api, and a bulk job that is on the queue already.
    ApiAndBulk,
}

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// How much may go wrong in one run.
    pub faults: u8,
    /// What may not, since too much follows from it.
    pub without: Option<Fault>,
    /// `THUMBMILL_ATTEMPTS`.
    pub attempts: u8,
    /// How often a job may come back without an answer before it is expired: RabbitMQ's limit.
    pub returns: u8,
    /// Whether deadlines pass.
    pub patience: Patience,
    /// Who brings jobs.
    pub askers: Askers,
}

/// The protocol, as it is or with one change.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// How much is tried.
    pub bounds: Bounds,
    /// What is done wrong.
    pub mistake: Option<Mistake>,
    /// What must hold.
    pub promises: Vec<Promise>,
    /// What must be seen.
    pub sights: Vec<Sight>,
}

impl Protocol {
    /// The protocol as the code has it.
    pub fn of_the_code(bounds: Bounds) -> Self {
        Self {
            bounds,
            mistake: None,
            promises: Promise::ALL.to_vec(),
            sights: Vec::new(),
        }
    }

    /// Is nothing left to be done by anybody, unless something goes wrong?
    pub fn is_quiet(&self, state: &State) -> bool {
        let acts = self.ordinary_acts(state);
        acts.into_iter()
            .all(|act| self.next_state(state, act).is_none())
    }

    fn ordinary_acts(&self, state: &State) -> Vec<Act> {
        let mut acts = Vec::with_capacity(20);
        for at in 0..state.workers.len() {
            let steps = self.worker_steps(state, at);
            acts.extend(steps.into_iter().map(|step| Act::Worker(at, step)));
        }
        for (at, flight) in state.flights.iter().enumerate() {
            let steps = self.flight_steps(*flight);
            acts.extend(steps.into_iter().map(|step| Act::Flight(at, step)));
        }
        acts.extend(Time::ALL.map(Act::Time));
        acts
    }
}

impl Bounds {
    /// Two apis and one fault of any kind.
    pub const ONE_FAULT: Self = Self {
        faults: 1,
        without: None,
        attempts: 2,
        returns: 1,
        patience: Patience::Limited,
        askers: Askers::TwoApis,
    };

    /// Two apis and two faults, but Redis is there.
    pub const TWO_FAULTS: Self = Self {
        faults: 2,
        without: Some(Fault::RedisAway),
        ..Self::ONE_FAULT
    };

    /// Nothing goes wrong, and no deadline passes.
    pub const NO_FAULT: Self = Self {
        faults: 0,
        patience: Patience::Endless,
        ..Self::ONE_FAULT
    };
}

impl Model for Protocol {
    type State = State;
    type Action = Act;

    fn init_states(&self) -> Vec<State> {
        let mut state = State {
            flights: [Flight::UNASKED; 2],
            workers: Default::default(),
            redis: Redis::default(),
            broker: Broker::default(),
            stored: false,
            faults_left: self.bounds.faults,
            notes: Notes::default(),
        };
        match self.bounds.askers {
            Askers::TwoApis => {}
            Askers::ApiAndBulk => {
                state.flights[1].leave(Phase::Gone);
                state.broker.push(Message::new(Job::Bulk, Seen::Nothing));
                state.notes.add(Note::BulkAccepted);
            }
        }
        vec![state]
    }

    fn actions(&self, state: &State, acts: &mut Vec<Act>) {
        acts.extend(self.ordinary_acts(state));
        if state.faults_left > 0 {
            let faults = Fault::ALL.into_iter();
            let faults = faults.filter(|&fault| self.bounds.without != Some(fault));
            acts.extend(faults.map(Act::Fault));
        }
    }

    fn next_state(&self, last: &State, act: Act) -> Option<State> {
        let mut state = last.clone();
        match act {
            Act::Flight(at, step) => self.fly(&mut state, at, step)?,
            Act::Worker(at, step) => self.work(&mut state, at, step)?,
            Act::Time(time) => self.pass(&mut state, time)?,
            Act::Fault(fault) => self.suffer(&mut state, fault)?,
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let promises = self.promises.iter().map(|promise| promise.property());
        let sights = self.sights.iter().map(|sight| sight.property());
        promises.chain(sights).collect()
    }
}
