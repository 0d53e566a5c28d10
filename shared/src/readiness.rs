//! Who makes a variant, and how everybody who waits hears of its end.
//!
//! The store is the truth; what is kept here are hints that say sooner what the store will say,
//! and all of it may vanish at any time. Three things are kept of a variant:
//!
//! * its **state**: how it ended, for a while;
//! * **pending**: a job for it is on the queue, so nobody else publishes one;
//! * a **lease**: a worker is rendering it, so nobody else does.
//!
//! Waiting is: listen to [`Readiness::events`] first, then [`Readiness::enqueue`], then wait, and
//! enqueue again every second and after every [`Event::Resubscribed`]. So no wake-up is lost.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast;

use crate::asset::AssetId;
use crate::job::{JobId, Priority};
use crate::outcome::{Outcome, Ready};
use crate::settings::{Namespace, is_url};
use crate::shutdown::Shutdown;
use crate::variant::VariantKey;

mod embedded;
mod redis;

pub use embedded::Embedded;
pub use redis::Redis;

/// How long a variant that is ready is remembered; afterwards the store is asked.
const READY_FOR: Duration = Duration::from_mins(10);
/// How long others hold back while a job is being published.
const PUBLISHING_FOR: Duration = Duration::from_secs(5);
/// How long others hold back once a job is confirmed; then the next waiter publishes again.
const PENDING_FOR: Duration = Duration::from_mins(1);
/// How long a worker that is not heard of keeps a variant.
const LEASE_FOR: Duration = Duration::from_secs(30);
/// How often a worker renews its lease.
pub const RENEW_EVERY: Duration = Duration::from_secs(10);
/// How many events a listener may lag behind before it has to look everything up again.
const EVENTS: usize = 4096;
/// The largest picture that is announced with its bytes: every api hears them, also those that
/// nobody waits at.
pub const ANNOUNCED_BYTES: usize = 64 * 1024;

/// What a process that needs a variant does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enqueue {
    /// It has ended already.
    Known(Outcome),
    /// Its job is on its way: wait.
    Pending,
    /// Publish the job, then say [`Readiness::published`] or [`Readiness::withdraw`].
    Publish,
}

/// A job that is on its way to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The job.
    pub job: JobId,
    /// Its priority.
    pub priority: Priority,
}

impl Pending {
    /// Whether a job of this priority would be done before this one.
    fn is_behind(&self, priority: Priority) -> bool {
        self.priority == Priority::Bulk && priority == Priority::Interactive
    }
}

/// What a worker that holds a job for a variant does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It has ended already.
    Known(Outcome),
    /// Another worker renders it.
    Held,
    /// Render it.
    Won,
}

/// A worker's attempt at a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// The job.
    pub job: JobId,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The worker's name.
    pub worker: String,
    /// Whether the queue had given this job to a worker before; then that worker is gone.
    pub delivery: DeliveryKind,
}

/// Has the queue given this message to somebody before?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryKind {
    /// No.
    First,
    /// Yes, and it came back without a word.
    Again,
}

/// How a variant ended, as those who wait are told. It is in the store by then; a small picture
/// comes along, so that it need not be read from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// How it ended.
    pub outcome: Outcome,
    /// All bytes of what is ready, or nothing.
    pub picture: Option<Bytes>,
}

impl Ending {
    /// A variant that was put into the store; larger than [`ANNOUNCED_BYTES`] it is not passed on.
    pub fn stored(ready: Ready, picture: Bytes) -> Self {
        let whole = picture.len() as u64 == ready.length_bytes;
        Self {
            outcome: Outcome::Ready(ready),
            picture: Some(picture).filter(|picture| whole && picture.len() <= ANNOUNCED_BYTES),
        }
    }
}

impl From<Outcome> for Ending {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            picture: None,
        }
    }
}

/// What a process wants to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hears {
    /// Ends of variants and changes of originals.
    Everything,
    /// Changes of originals only: nobody waits here.
    Changes,
}

/// Something that happened anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A variant ended.
    Done(VariantKey, Ending),
    /// An original was replaced, amended or deleted.
    OriginalChanged(AssetId),
    /// Events may have been missed before this one.
    Resubscribed,
}

/// The readiness store does not answer. Callers go on without it.
#[derive(Debug, thiserror::Error)]
#[error("readiness store: {0}")]
pub struct ReadinessError(String);

/// Where readiness is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadinessLocation {
    /// In this process.
    Embedded,
    /// In Redis.
    Redis(RedisUrl),
}

/// A `redis://` URL, printed without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redis://***")
    }
}

impl FromStr for ReadinessLocation {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text == "embedded" {
            return Ok(Self::Embedded);
        }
        if text.starts_with("rediss:") {
            return Err("a redis:// URL: this build has no TLS; use a tunnel");
        }
        // The library takes more for a URL, and its error may repeat parts of the text.
        let sound = is_url(text, &["redis"]) && ::redis::Client::open(text).is_ok();
        sound
            .then(|| Self::Redis(RedisUrl(text.to_owned())))
            .ok_or("embedded, or redis://USER:PASSWORD@HOST:PORT/DB, each of them percent-encoded")
    }
}

/// The readiness store; clones are the same store.
#[derive(Clone, Debug)]
pub enum Readiness {
    /// In this process.
    Embedded(Embedded),
    /// In Redis.
    Redis(Redis),
}

impl Readiness {
    /// Opens the store. Redis need not be there yet: it is tried again until it is.
    pub fn open(
        location: &ReadinessLocation,
        namespace: &Namespace,
        hears: Hears,
        shutdown: &Shutdown,
    ) -> Result<Self, ReadinessError> {
        match location {
            ReadinessLocation::Embedded => Ok(Self::Embedded(Embedded::default())),
            ReadinessLocation::Redis(url) => Ok(Self::Redis(Redis::open(
                &url.0, namespace, hears, shutdown,
            )?)),
        }
    }

    /// What to do about a variant that is not in the store.
    ///
    /// A job on its way through the background lane does not keep an interactive one from the queue.
    pub async fn enqueue(
        &self,
        key: &VariantKey,
        job: &Pending,
    ) -> Result<Enqueue, ReadinessError> {
        match self {
            Self::Embedded(embedded) => Ok(embedded.enqueue(key, job)),
            Self::Redis(redis) => redis.enqueue(key, job).await,
        }
    }

    /// The job that [`Enqueue::Publish`] asked for is on the queue.
    pub async fn published(&self, key: &VariantKey, job: &Pending) -> Result<(), ReadinessError> {
        match self {
            Self::Embedded(embedded) => {
                embedded.published(key, job);
                Ok(())
            }
            Self::Redis(redis) => redis.published(key, job).await,
        }
    }

    /// The job that [`Enqueue::Publish`] asked for could not be published.
    pub async fn withdraw(&self, key: &VariantKey, job: &Pending) -> Result<(), ReadinessError> {
        match self {
            Self::Embedded(embedded) => {
                embedded.withdraw(key, job);
                Ok(())
            }
            Self::Redis(redis) => redis.withdraw(key, job).await,
        }
    }

    /// Takes the lease of a variant, unless it has ended or is held.
    pub async fn claim(&self, key: &VariantKey, by: &Claimant) -> Result<Claim, ReadinessError> {
        match self {
            Self::Embedded(embedded) => Ok(embedded.claim(key, by)),
            Self::Redis(redis) => redis.claim(key, by).await,
        }
    }

    /// Keeps a lease for another while; without effect when it is lost.
    pub async fn renew(&self, key: &VariantKey, by: &Claimant) -> Result<(), ReadinessError> {
        match self {
            Self::Embedded(embedded) => {
                embedded.renew(key, by);
                Ok(())
            }
            Self::Redis(redis) => redis.renew(key, by).await,
        }
    }

    /// Gives a lease back without an outcome: the job will be tried again.
    pub async fn release(&self, key: &VariantKey, by: &Claimant) -> Result<(), ReadinessError> {
        match self {
            Self::Embedded(embedded) => {
                embedded.release(key, by);
                Ok(())
            }
            Self::Redis(redis) => redis.release(key, by).await,
        }
    }

    /// Records how a variant ended and tells everybody; a picture is told, not recorded. A
    /// failure does not replace an outcome that is known already.
    pub async fn finish(
        &self,
        key: &VariantKey,
        by: &Claimant,
        ending: &Ending,
    ) -> Result<(), ReadinessError> {
        match self {
            Self::Embedded(embedded) => {
                embedded.finish(key, by, ending);
                Ok(())
            }
            Self::Redis(redis) => redis.finish(key, by, ending).await,
        }
    }

    /// Forgets that a variant is ready: the store does not have it.
    pub async fn forget(&self, key: &VariantKey) -> Result<(), ReadinessError> {
        match self {
            Self::Embedded(embedded) => {
                embedded.forget(key);
                Ok(())
            }
            Self::Redis(redis) => redis.forget(key).await,
        }
    }

    /// Tells everybody that what they know of an original is out of date.
    pub async fn original_changed(&self, asset: AssetId) -> Result<(), ReadinessError> {
        match self {
            Self::Embedded(embedded) => {
                embedded.original_changed(asset);
                Ok(())
            }
            Self::Redis(redis) => redis.original_changed(asset).await,
        }
    }

    /// Everything that happens from now on.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        match self {
            Self::Embedded(embedded) => embedded.events(),
            Self::Redis(redis) => redis.events(),
        }
    }

    /// Are events being heard right now?
    pub fn is_listening(&self) -> bool {
        match self {
            Self::Embedded(_) => true,
            Self::Redis(redis) => redis.is_listening(),
        }
    }
}

/// How long an outcome is remembered; `None`: it is only announced. Failures get ± 20 % of jitter, so that
/// variants that failed together are not tried again together.
fn remembered_for(outcome: &Outcome) -> Option<Duration> {
    match outcome {
        Outcome::Ready(_) => Some(READY_FOR),
        Outcome::Failed(failure) => {
            let remembered = failure.reason.remembered_for()?;
            Some(remembered.mul_f64(rand::random_range(0.8..1.2)))
        }
    }
}
