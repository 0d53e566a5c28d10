//! What goes wrong, and what time brings, whatever apis and workers do.

use crate::Protocol;
use crate::act::{Fault, Time};
use crate::broker::Job;
use crate::flight::{Flight, Phase, Progress};
use crate::mistake::Mistake;
use crate::redis::{Keys, Reach};
use crate::state::{Note, State};
use crate::worker::{Grip, Step};

impl Time {
    pub(crate) const ALL: [Self; 5] = [
        Self::PendingEnds,
        Self::LeaseEnds,
        Self::RedisReturns,
        Self::Resubscribes(0),
        Self::Resubscribes(1),
    ];
}

impl Fault {
    pub(crate) const ALL: [Self; 13] = [
        Self::WorkerDies(0),
        Self::WorkerDies(1),
        Self::ApiDies(0),
        Self::ApiDies(1),
        Self::ConnectionLost(0),
        Self::ConnectionLost(1),
        Self::SubscriptionLost(0),
        Self::SubscriptionLost(1),
        Self::RedisEmptied,
        Self::RedisAway,
        Self::AnswerLost,
        Self::PendingEndsEarly,
        Self::LeaseEndsEarly,
    ];
}

impl State {
    /// Is there anybody who would say something about `pending`, or a job that it stands for?
    fn pending_is_true(&self) -> bool {
        self.exists(Job::Asked) || self.flights.iter().any(|flight| flight.publishes())
    }

    /// Can a lease expire that nobody renews? That takes 20 seconds and more: no flight comes from
    /// its first look into the store to its publish so slowly, and no worker from a job to its claim.
    fn lease_runs_out(&self) -> bool {
        let quick = |flight: &Flight| match flight.phase {
            Phase::Looking | Phase::Publishing | Phase::PublishingUnclaimed => {
                flight.progress == Progress::Started
            }
            Phase::Unasked
            | Phase::Confirmed
            | Phase::Unconfirmed
            | Phase::Waiting
            | Phase::Ended(_)
            | Phase::Gone => false,
        };
        let taken = self.hands().any(|hand| hand.step == Step::Taken);
        let in_haste = taken || self.flights.iter().any(quick);
        self.redis.keys.lease.is_some() && !self.lease_is_kept() && !in_haste
    }

    /// `Work::keep_leases`: does a living worker renew the lease?
    pub fn lease_is_kept(&self) -> bool {
        let lease = self.redis.keys.lease;
        lease.is_some_and(|lease| {
            let hand = lease.holder.and_then(|at| self.workers[at].hand);
            hand.is_some_and(|hand| hand.has_claim() && hand.message == lease.message)
        })
    }
}

impl Protocol {
    /// Time passes.
    pub(crate) fn pass(&self, state: &mut State, time: Time) -> Option<()> {
        let there = state.redis.reach != Reach::Away;
        let happens = match time {
            Time::PendingEnds => state.redis.keys.pending && !state.pending_is_true(),
            Time::LeaseEnds => state.lease_runs_out(),
            Time::RedisReturns => !there,
            Time::Resubscribes(at) => there && !state.flights[at].hears,
        };
        if !happens {
            return None;
        }
        match time {
            Time::PendingEnds => state.redis.keys.pending = false,
            Time::LeaseEnds => {
                state.redis.keys.lease = None;
                state.broker.outlast();
            }
            Time::RedisReturns => state.redis.reach = Reach::There,
            Time::Resubscribes(at) => {
                let flight = &mut state.flights[at];
                flight.hears = true;
                flight.mail.look =
                    flight.is_listed() && self.mistake != Some(Mistake::NeverLooksAgain);
            }
        }
        Some(())
    }

    /// Something goes wrong, if it can and may.
    pub(crate) fn suffer(&self, state: &mut State, fault: Fault) -> Option<()> {
        state.suffer(1)?;
        match fault {
            Fault::WorkerDies(at) => {
                self.drop_hand(state, at)?;
                if let Some(lease) = &mut state.redis.keys.lease {
                    lease.holder = lease.holder.filter(|&holder| holder != at);
                }
            }
            Fault::ApiDies(at) => {
                let flight = &mut state.flights[at];
                flight.is_listed().then(|| flight.leave(Phase::Gone))?;
            }
            Fault::ConnectionLost(at) => {
                let hand = state.workers[at].hand.as_mut()?;
                let held = std::mem::replace(&mut hand.grip, Grip::Lost) == Grip::Held;
                let message = held.then_some(hand.message)?;
                let notes = state.notes;
                self.return_job(state, message);
                state.notes = notes;
                state.notes.add(Note::Unclaimed);
            }
            Fault::SubscriptionLost(at) => {
                let flight = &mut state.flights[at];
                let heard = std::mem::replace(&mut flight.hears, false);
                (heard && flight.is_listed()).then_some(())?;
            }
            Fault::RedisEmptied => {
                let keys = std::mem::take(&mut state.redis.keys);
                (keys != Keys::default()).then_some(())?;
                state.notes.add(Note::Unclaimed);
            }
            Fault::RedisAway | Fault::AnswerLost => {
                (state.redis.reach == Reach::There).then_some(())?;
                state.notes.add(Note::Unclaimed);
                state.redis.reach = Reach::Mute;
                if fault == Fault::RedisAway {
                    state.redis.reach = Reach::Away;
                    for flight in state.flights.iter_mut().filter(|flight| !flight.is_over()) {
                        flight.hears = false;
                    }
                }
            }
            Fault::PendingEndsEarly => {
                (state.redis.keys.pending && state.pending_is_true()).then_some(())?;
                state.redis.keys.pending = false;
            }
            Fault::LeaseEndsEarly => {
                state.lease_is_kept().then_some(())?;
                state.redis.keys.lease = None;
                state.notes.add(Note::Unclaimed);
            }
        }
        Some(())
    }
}
