//! A worker with one slot (`worker/src/{consumer,settle}.rs`, `worker/src/job.rs` and
//! `job/work.rs`), and how it settles (`shared/src/queue/rabbitmq/consumer.rs`).

use crate::Protocol;
use crate::act::{Publishing, Putting};
use crate::broker::{Job, Message, Source};
use crate::mistake::Mistake;
use crate::redis::{Claim, Outcome};
use crate::state::{Note, State};

/// Has Redis given the lease?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claims {
    /// Yes.
    All,
    /// It did not answer.
    NotAll,
}

/// Can the delivery still be settled?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grip {
    /// Yes.
    Held,
    /// No: the connection is another by now, and the server has taken the job back.
    Lost,
}

/// Why a job is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// `JobEnd::Transient` or `Crashed`: the attempt counts.
    Counts,
    /// `JobEnd::Outage`: it does not.
    Outage,
}

/// What a worker does next with its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Reads the original's description, and claims.
    Taken,
    /// Looks into the store, if it must.
    Claimed(Claims),
    /// Fetches and renders, and does what follows from that.
    Rendering,
    /// Announces what is in the store.
    Stored,
    /// Stores what it has announced: a mistake.
    Announced,
    /// Gives the lease back, for another attempt.
    Releasing(Trouble),
    /// Publishes the next attempt.
    Retrying(Trouble),
    /// Publishes the same attempt, for the time when the lease has ended that another worker has.
    Deferring,
    /// Publishes the dead letter.
    WritingLetter,
    /// Says so of a job that is put aside: `Worker::bury`.
    Burying,
    /// Acknowledges.
    Acknowledging,
}

/// A job in a worker's hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hand {
    /// The job.
    pub message: Message,
    /// Can it be settled?
    pub grip: Grip,
    /// What comes next.
    pub step: Step,
}

impl Hand {
    /// Does its worker believe that it has the variant's lease?
    pub fn has_claim(&self) -> bool {
        match self.step {
            Step::Claimed(_)
            | Step::Rendering
            | Step::Stored
            | Step::Announced
            | Step::Releasing(_) => true,
            Step::Taken
            | Step::Retrying(_)
            | Step::Deferring
            | Step::WritingLetter
            | Step::Burying
            | Step::Acknowledging => false,
        }
    }

    /// What it is published as before it is acknowledged, if it is to be delivered again.
    fn again(self) -> Option<Message> {
        match self.step {
            Step::Retrying(trouble) => Some(self.message.again(trouble)),
            Step::Deferring => Some(self.message.deferred()),
            Step::Taken
            | Step::Claimed(_)
            | Step::Rendering
            | Step::Stored
            | Step::Announced
            | Step::Releasing(_)
            | Step::WritingLetter
            | Step::Burying
            | Step::Acknowledging => None,
        }
    }
}

/// A worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Worker {
    /// What it has taken, if anything.
    pub hand: Option<Hand>,
}

/// A worker's own steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkerStep {
    /// `Consumer::next`.
    Take(Message),
    /// `Work::original` fails for good: `Work::fail`.
    Refuse,
    /// `Work::original` fails for now, or the job is not begun: `settle::too_often`.
    PutOff,
    /// A server is away: the store, or what renders.
    Outage,
    /// `Work::claim`.
    Claim,
    /// `Work::missing`.
    Look,
    /// `Work::render` makes a picture, and `Work::store` puts it.
    Put(Putting),
    /// `Work::render` finds that there never will be a picture: `Work::fail`.
    Fail,
    /// Fetch or render fail for now, or a child dies of it.
    Break,
    /// `Readiness::finish` of what is stored, or `Worker::bury`.
    Finish,
    /// `Readiness::release`.
    Release(Trouble),
    /// `Settler::settle` of what is moved to another queue, up to the confirm.
    Move(Publishing),
    /// `Settler::acknowledge`.
    Acknowledge,
}

impl Hand {
    /// What its worker may do next.
    fn steps(self) -> Vec<WorkerStep> {
        match self.step {
            Step::Taken => vec![
                WorkerStep::Claim,
                WorkerStep::Refuse,
                WorkerStep::PutOff,
                WorkerStep::Outage,
            ],
            Step::Claimed(_) => vec![WorkerStep::Look, WorkerStep::Outage],
            Step::Rendering => vec![
                WorkerStep::Put(Putting::Stored),
                WorkerStep::Put(Putting::Unanswered),
                WorkerStep::Fail,
                WorkerStep::Break,
                WorkerStep::Outage,
            ],
            Step::Announced => vec![WorkerStep::Put(Putting::Stored)],
            Step::Stored | Step::Burying => vec![WorkerStep::Finish],
            Step::Releasing(trouble) => vec![WorkerStep::Release(trouble)],
            Step::Retrying(_) | Step::Deferring | Step::WritingLetter => {
                Publishing::ALL.map(WorkerStep::Move).to_vec()
            }
            Step::Acknowledging => vec![WorkerStep::Acknowledge],
        }
    }
}

impl Protocol {
    /// What worker number `at` may do next.
    pub(crate) fn worker_steps(&self, state: &State, at: usize) -> Vec<WorkerStep> {
        if let Some(hand) = state.workers[at].hand {
            return hand.steps();
        }
        let mut waiting = state.broker.waiting.clone();
        waiting.dedup();
        waiting.retain(|&message| {
            let deferred = message.source == Source::Deferred;
            !(deferred && state.redis.holds(message, self.mistake))
        });
        waiting.into_iter().map(WorkerStep::Take).collect()
    }

    /// Does a step of worker number `at`.
    pub(crate) fn work(&self, state: &mut State, at: usize, step: WorkerStep) -> Option<()> {
        if let WorkerStep::Take(message) = step {
            state.broker.take(message);
            state.workers[at].hand = Some(Hand {
                message: message.taken(),
                grip: Grip::Held,
                step: self.begin(message),
            });
            return Some(());
        }
        let mut hand = state.workers[at].hand?;
        hand.step = match step {
            WorkerStep::Take(_) => hand.step,
            WorkerStep::Refuse if hand.message.job == Job::Bulk => {
                state.notes.add(Note::BulkRefused);
                Step::Acknowledging
            }
            WorkerStep::Refuse | WorkerStep::Fail => {
                state.finish(at, Outcome::Failed, self.mistake);
                Step::Acknowledging
            }
            WorkerStep::PutOff => self.after_trouble(hand.message, Trouble::Counts),
            WorkerStep::Outage => {
                state.suffer(1)?;
                if hand.step == Step::Taken {
                    self.after_trouble(hand.message, Trouble::Outage)
                } else {
                    Step::Releasing(Trouble::Outage)
                }
            }
            WorkerStep::Claim => self.claim(state, at, &mut hand),
            WorkerStep::Look => look(state, hand),
            WorkerStep::Put(putting) => self.put(state, at, hand, putting)?,
            WorkerStep::Break => Step::Releasing(Trouble::Counts),
            WorkerStep::Finish if hand.step == Step::Burying => self.bury(state, at, hand),
            WorkerStep::Finish => {
                state.finish(at, Outcome::Ready, self.mistake);
                Step::Acknowledging
            }
            WorkerStep::Release(trouble) => {
                state.redis.run(|keys| keys.release(at, hand.message));
                self.after_trouble(hand.message, trouble)
            }
            WorkerStep::Move(publishing) => {
                state.suffer(publishing.faults())?;
                match self.publish_moved(state, hand, publishing) {
                    Some(step) => step,
                    None => return self.drop_hand(state, at),
                }
            }
            WorkerStep::Acknowledge => {
                state.workers[at].hand = None;
                return Some(());
            }
        };
        state.workers[at].hand = Some(hand);
        Some(())
    }

    /// `settle::too_often`: a job that was delivered too often is not begun.
    fn begin(&self, message: Message) -> Step {
        match message.source {
            Source::Lane | Source::Deferred => Step::Taken,
            Source::Expired => self.give_up(),
        }
    }

    /// `settle::settle` of a job that did not end.
    fn after_trouble(&self, message: Message, trouble: Trouble) -> Step {
        match trouble {
            Trouble::Outage => Step::Retrying(trouble),
            Trouble::Counts if message.counted_attempt() < self.bounds.attempts => {
                Step::Retrying(trouble)
            }
            Trouble::Counts => self.give_up(),
        }
    }

    /// `Delivery::settle_after` of a job that is put aside.
    fn give_up(&self) -> Step {
        if self.mistake == Some(Mistake::BuriesBeforeTheLetter) {
            Step::Burying
        } else {
            Step::WritingLetter
        }
    }

    /// `Work::claim`: without an answer the worker goes on all the same.
    fn claim(&self, state: &mut State, at: usize, hand: &mut Hand) -> Step {
        let (message, kept) = (hand.message, state.lease_is_kept());
        let lease = state.redis.keys.lease;
        let claim = state
            .redis
            .run(|keys| keys.claim(at, message, self.mistake));
        let own = lease.is_some_and(|lease| lease.message.job == message.job);
        if own && claim.happened() == Some(Claim::Held) {
            state.notes.add(Note::HeldByItself);
        }
        if kept && claim.happened() == Some(Claim::Won) {
            state.notes.add(Note::TakenOver);
        }
        if self.mistake == Some(Mistake::AcknowledgesFirst) {
            hand.grip = Grip::Lost;
        }
        match claim.known() {
            Some(Claim::Held) if self.mistake != Some(Mistake::AcknowledgesWhatIsHeld) => {
                Step::Deferring
            }
            Some(Claim::Known | Claim::Held) => Step::Acknowledging,
            Some(Claim::Won) => Step::Claimed(Claims::All),
            None => Step::Claimed(Claims::NotAll),
        }
    }

    /// `Work::store` up to the answer of the store.
    fn put(&self, state: &mut State, at: usize, hand: Hand, putting: Putting) -> Option<Step> {
        let announces = self.mistake == Some(Mistake::AnnouncesFirst);
        if announces && hand.step == Step::Rendering {
            state.finish(at, Outcome::Ready, self.mistake);
            return Some(Step::Announced);
        }
        if state.stored {
            state.notes.add(Note::RenderedAgain);
        }
        state.stored = true;
        match putting {
            Putting::Stored if announces => Some(Step::Acknowledging),
            Putting::Stored => Some(Step::Stored),
            Putting::Unanswered => {
                state.suffer(1)?;
                state.notes.add(Note::PutUnanswered);
                Some(Step::Releasing(Trouble::Outage))
            }
        }
    }

    /// `Worker::bury`. A bulk job does not say whose failure that is: `variants_blind` finds none. No
    /// more does it when [`WorkerStep::Refuse`] finds no original.
    fn bury(&self, state: &mut State, at: usize, hand: Hand) -> Step {
        if hand.message.job == Job::Asked {
            state.finish(at, Outcome::Failed, self.mistake);
            if state.redis.keys.state == Some(Outcome::Failed) {
                state.notes.add(Note::GivenUp);
            }
        }
        if self.mistake == Some(Mistake::BuriesBeforeTheLetter) {
            Step::WritingLetter
        } else {
            Step::Acknowledging
        }
    }

    /// `Settler::settle` of what is moved to another queue; `None`: the job is given back.
    fn publish_moved(&self, state: &mut State, hand: Hand, publishing: Publishing) -> Option<Step> {
        let again = hand.again();
        if publishing.arrives() {
            match again {
                Some(message) => state.broker.push(message),
                None => {
                    state.broker.dead_letters.insert(hand.message.job);
                }
            }
        }
        let does = |mistake| self.mistake == Some(mistake);
        let trusts = again.is_some() && does(Mistake::TrustsUnconfirmedRetries);
        let next = if again.is_some() || does(Mistake::BuriesBeforeTheLetter) {
            Step::Acknowledging
        } else {
            Step::Burying
        };
        (publishing == Publishing::Confirmed || trusts).then_some(next)
    }

    /// The worker has its job no longer, unsettled: the server delivers it again.
    pub(crate) fn drop_hand(&self, state: &mut State, at: usize) -> Option<()> {
        let hand = state.workers[at].hand.take()?;
        if hand.grip == Grip::Held {
            self.return_job(state, hand.message);
        }
        Some(())
    }

    /// The server takes a job back that a worker has not settled.
    pub(crate) fn return_job(&self, state: &mut State, message: Message) {
        if state.exists(message.job) {
            state.notes.add(Note::Copied);
        }
        state
            .broker
            .return_delivery(message, self.bounds.returns, self.mistake);
    }
}

/// `Work::missing`: the store is asked, unless lease and publisher say that it need not be.
fn look(state: &State, hand: Hand) -> Step {
    let asks = hand.step != Step::Claimed(Claims::All) || hand.message.may_be_stored();
    if asks && state.stored {
        Step::Stored
    } else {
        Step::Rendering
    }
}
