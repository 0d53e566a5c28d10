//! The queue in this process, for the one-process form and for tests. It ends with the process;
//! a variant that is still missing then is asked for again by its next request.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::{Delivery, Lane, Message, Prefetch, PublishError, Settle, Source};
use crate::campaigns::CampaignName;
use crate::readiness::DeliveryKind;
use crate::shutdown::Shutdown;

/// The queue in this process; clones are the same queue.
#[derive(Clone, Debug)]
pub struct Embedded {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    lanes: Mutex<Lanes>,
    arrived: Notify,
    /// Jobs in each lane that is limited.
    limit: usize,
    shutdown: Shutdown,
}

#[derive(Debug, Default)]
struct Lanes {
    interactive: VecDeque<Waiting>,
    background: VecDeque<Waiting>,
    bulk: VecDeque<Waiting>,
    paused: HashMap<CampaignName, Vec<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    message: Message,
    kind: DeliveryKind,
}

impl Lanes {
    fn lane(&mut self, lane: Lane) -> &mut VecDeque<Waiting> {
        match lane {
            Lane::Interactive => &mut self.interactive,
            Lane::Background => &mut self.background,
            Lane::Bulk => &mut self.bulk,
        }
    }
}

impl Inner {
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        // Nothing panics while the lock is held, and the lanes stay whole if it did.
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, lane: Lane, waiting: Waiting) {
        let mut lanes = self.lanes();
        match waiting.kind {
            DeliveryKind::First => lanes.lane(lane).push_back(waiting),
            DeliveryKind::Again => lanes.lane(lane).push_front(waiting),
        }
        drop(lanes);
        self.arrived.notify_one();
    }
}

impl Embedded {
    pub(super) fn new(limit: u32, shutdown: &Shutdown) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let inner = Inner {
            lanes: Mutex::default(),
            arrived: Notify::new(),
            limit,
            shutdown: shutdown.clone(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    pub(super) fn publish(&self, lane: Lane, message: Message) -> Result<(), PublishError> {
        let mut lanes = self.inner.lanes();
        if lane.is_limited() && lanes.lane(lane).len() >= self.inner.limit {
            return Err(PublishError::Full);
        }
        lanes.lane(lane).push_back(Waiting {
            message,
            kind: DeliveryKind::First,
        });
        drop(lanes);
        self.inner.arrived.notify_one();
        Ok(())
    }

    pub(super) fn resume(&self, campaign: &CampaignName) -> u64 {
        let mut lanes = self.inner.lanes();
        let paused = lanes.paused.remove(campaign).unwrap_or_default();
        let count = paused.len() as u64;
        lanes.bulk.extend(paused);
        drop(lanes);
        self.inner.arrived.notify_one();
        count
    }

    pub(super) fn consume(&self, prefetch: Prefetch) -> Consumer {
        let slots = |lane| Arc::new(Semaphore::new(usize::from(prefetch.of(lane))));
        Consumer {
            inner: Arc::clone(&self.inner),
            interactive: slots(Lane::Interactive),
            background: slots(Lane::Background),
            bulk: slots(Lane::Bulk),
            returned: Arc::new(Notify::new()),
        }
    }
}

/// Takes from the lanes, no more at a time than it may hold.
#[derive(Debug)]
pub struct Consumer {
    inner: Arc<Inner>,
    interactive: Arc<Semaphore>,
    background: Arc<Semaphore>,
    bulk: Arc<Semaphore>,
    returned: Arc<Notify>,
}

impl Consumer {
    pub(super) async fn next(&mut self) -> Delivery {
        loop {
            if let Some(delivery) = Lane::ALL.into_iter().find_map(|lane| self.take(lane)) {
                return delivery;
            }
            tokio::select! {
                () = self.inner.arrived.notified() => {}
                () = self.returned.notified() => {}
            }
        }
    }

    fn take(&self, lane: Lane) -> Option<Delivery> {
        let slots = match lane {
            Lane::Interactive => &self.interactive,
            Lane::Background => &self.background,
            Lane::Bulk => &self.bulk,
        };
        let permit = Arc::clone(slots).try_acquire_owned().ok()?;
        let waiting = self.inner.lanes().lane(lane).pop_front()?;
        let settler = Settler {
            inner: Arc::clone(&self.inner),
            returned: Arc::clone(&self.returned),
            permit: Some(permit),
        };
        Some(Delivery {
            message: waiting.message,
            source: Source::Lane(lane),
            kind: waiting.kind,
            too_long_bytes: None,
            settler: super::Settler::Embedded(settler),
        })
    }
}

/// Settles one delivery.
#[derive(Debug)]
pub(super) struct Settler {
    inner: Arc<Inner>,
    returned: Arc<Notify>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Settler {
    fn drop(&mut self) {
        // First: the consumer may look again at once, on another thread.
        drop(self.permit.take());
        self.returned.notify_one();
    }
}

impl Settler {
    pub(super) fn settle(self, message: Message, source: Source, settle: &Settle) {
        let Source::Lane(lane) = source else { return };
        match settle {
            Settle::Done => {}
            Settle::Retry(delay) | Settle::Postpone(delay) | Settle::Defer(delay) => {
                let (inner, pause) = (Arc::clone(&self.inner), delay.duration());
                let message = message.again(settle);
                self.inner.shutdown.spawn_until_begun(async move {
                    tokio::time::sleep(pause).await;
                    inner.push(
                        lane,
                        Waiting {
                            message,
                            kind: DeliveryKind::First,
                        },
                    );
                });
            }
            Settle::Pause(campaign) => {
                let waiting = Waiting {
                    message: message.again(settle),
                    kind: DeliveryKind::First,
                };
                let mut lanes = self.inner.lanes();
                let paused = lanes.paused.entry(campaign.clone()).or_default();
                paused.push(waiting);
            }
            Settle::Dead(reason) => {
                tracing::error!(job = %message.id, trace_id = message.trace.trace_id(), reason, "dead letter");
            }
            Settle::GiveBack => self.inner.push(
                lane,
                Waiting {
                    message,
                    kind: DeliveryKind::Again,
                },
            ),
        }
    }
}
