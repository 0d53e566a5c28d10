//! Readiness in this process, for the one-process form and for tests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;
use tokio::time::{Duration, Instant};

use super::{
    Claim, Claimant, DeliveryKind, EVENTS, Ending, Enqueue, Event, LEASE_FOR, PENDING_FOR,
    PUBLISHING_FOR, Pending, remembered_for,
};
use crate::asset::AssetId;
use crate::campaigns;
use crate::outcome::Outcome;
use crate::sweep;
use crate::variant::VariantKey;

/// Readiness in this process; clones are the same store.
#[derive(Clone, Debug)]
pub struct Embedded {
    entries: Arc<Mutex<Entries>>,
    campaigns: Arc<campaigns::Embedded>,
    sweeps: Arc<sweep::Embedded>,
    events: broadcast::Sender<Event>,
}

impl Default for Embedded {
    fn default() -> Self {
        Self {
            entries: Arc::default(),
            campaigns: Arc::default(),
            sweeps: Arc::default(),
            events: broadcast::Sender::new(EVENTS),
        }
    }
}

/// How many entries are kept before expired ones are looked for.
const SWEEP_FROM: usize = 1024;

#[derive(Debug, Default)]
struct Entries {
    by_key: HashMap<VariantKey, Entry>,
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct Entry {
    state: Option<Until<Outcome>>,
    pending: Option<Until<Pending>>,
    lease: Option<Until<Claimant>>,
}

#[derive(Debug)]
struct Until<T> {
    value: T,
    end: Instant,
}

impl<T> Until<T> {
    fn new(value: T, lasts: Duration) -> Self {
        Self {
            value,
            end: Instant::now() + lasts,
        }
    }
}

/// What has not expired.
fn live<T>(slot: Option<&Until<T>>) -> Option<&T> {
    slot.filter(|until| until.end > Instant::now())
        .map(|until| &until.value)
}

impl Entries {
    fn entry(&mut self, key: &VariantKey) -> &mut Entry {
        if self.by_key.len() >= self.sweep_at.max(SWEEP_FROM) {
            self.by_key.retain(|_, entry| {
                live(entry.state.as_ref()).is_some()
                    || live(entry.pending.as_ref()).is_some()
                    || live(entry.lease.as_ref()).is_some()
            });
            self.sweep_at = self.by_key.len() * 2;
        }
        self.by_key.entry(key.clone()).or_default()
    }
}

impl Embedded {
    /// What is kept of campaigns beside it.
    pub(crate) fn campaigns(&self) -> &campaigns::Embedded {
        &self.campaigns
    }

    /// Whose turn it is to sweep the store.
    pub(crate) fn sweeps(&self) -> &sweep::Embedded {
        &self.sweeps
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // Nothing panics while the lock is held, and the map stays whole if it did.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: Event) {
        // Nobody may be listening.
        let _ = self.events.send(event);
    }

    pub(super) fn enqueue(&self, key: &VariantKey, job: &Pending) -> Enqueue {
        let mut entries = self.entries();
        let entry = entries.entry(key);
        if let Some(outcome) = live(entry.state.as_ref()) {
            return Enqueue::Known(outcome.clone());
        }
        if live(entry.pending.as_ref()).is_some_and(|pending| !pending.is_behind(job.priority)) {
            return Enqueue::Pending;
        }
        entry.pending = Some(Until::new(job.clone(), PUBLISHING_FOR));
        Enqueue::Publish
    }

    pub(super) fn published(&self, key: &VariantKey, job: &Pending) {
        let mut entries = self.entries();
        let entry = entries.entry(key);
        if live(entry.pending.as_ref()) == Some(job) {
            entry.pending = Some(Until::new(job.clone(), PENDING_FOR));
        }
    }

    pub(super) fn withdraw(&self, key: &VariantKey, job: &Pending) {
        let mut entries = self.entries();
        let entry = entries.entry(key);
        if live(entry.pending.as_ref()) == Some(job) {
            entry.pending = None;
        }
    }

    pub(super) fn claim(&self, key: &VariantKey, by: &Claimant) -> Claim {
        let mut entries = self.entries();
        let entry = entries.entry(key);
        if let Some(outcome) = live(entry.state.as_ref()) {
            return Claim::Known(outcome.clone());
        }
        let held = live(entry.lease.as_ref()).is_some_and(|holder| {
            let gone = by.delivery == DeliveryKind::Again || by.attempt > holder.attempt;
            !(holder.job == by.job && gone)
        });
        if held {
            return Claim::Held;
        }
        entry.lease = Some(Until::new(by.clone(), LEASE_FOR));
        Claim::Won
    }

    pub(super) fn renew(&self, key: &VariantKey, by: &Claimant) {
        let mut entries = self.entries();
        let entry = entries.entry(key);
        if live(entry.lease.as_ref()) == Some(by) {
            entry.lease = Some(Until::new(by.clone(), LEASE_FOR));
        }
    }

    pub(super) fn release(&self, key: &VariantKey, by: &Claimant) {
        let mut entries = self.entries();
        let entry = entries.entry(key);
        if live(entry.lease.as_ref()) == Some(by) {
            entry.lease = None;
        }
    }

    pub(super) fn finish(&self, key: &VariantKey, by: &Claimant, ending: &Ending) {
        let known = {
            let mut entries = self.entries();
            let entry = entries.entry(key);
            if live(entry.lease.as_ref()) == Some(by) {
                entry.lease = None;
            }
            entry.pending = None;
            let known = match (&ending.outcome, live(entry.state.as_ref())) {
                (Outcome::Failed(_), Some(known)) => known.clone().into(),
                (Outcome::Failed(_), None) | (Outcome::Ready(_), _) => ending.clone(),
            };
            if let Some(lasts) = remembered_for(&known.outcome) {
                entry.state = Some(Until::new(known.outcome.clone(), lasts));
            }
            known
        };
        self.tell(Event::Done(key.clone(), known));
    }

    pub(super) fn forget(&self, key: &VariantKey) {
        self.entries().entry(key).state = None;
    }

    pub(super) fn original_changed(&self, asset: AssetId) {
        self.tell(Event::OriginalChanged(asset));
    }

    pub(super) fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }
}
