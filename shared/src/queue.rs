//! Jobs on their way from those who need variants to workers.
//!
//! A job that [`Queue::publish`] accepted is delivered at least once, and again until it is
//! settled. Each lane waits in a queue of its own, so that jobs nobody waits for never delay the others.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use crate::campaigns::CampaignName;
use crate::job::{JobError, JobId, Priority, RenderJob};
use crate::readiness::DeliveryKind;
use crate::settings::{Settings, is_url};
use crate::shutdown::Shutdown;
use crate::trace::TraceContext;

mod embedded;
mod rabbitmq;
mod topology;

pub use embedded::Embedded;
pub use rabbitmq::{DeadLetters, RabbitMq, Taken};
pub use topology::Delay;

/// Where a job waits. Each lane is a queue of its own, so that no lane waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Jobs that a client waits for.
    Interactive,
    /// Jobs that a client asked for without waiting.
    Background,
    /// Jobs that were published in bulk.
    Bulk,
}

impl Lane {
    /// Every lane.
    pub const ALL: [Self; 3] = [Self::Interactive, Self::Background, Self::Bulk];

    /// Its name in queues, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Background => "background",
            Self::Bulk => "bulk",
        }
    }

    /// The lane of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.name() == name)
    }

    /// The priority of its jobs, unless a job brings its own.
    pub fn priority(self) -> Priority {
        match self {
            Self::Interactive => Priority::Interactive,
            Self::Background | Self::Bulk => Priority::Bulk,
        }
    }

    /// Whether the lane refuses jobs beyond `THUMBMILL_QUEUE_LIMIT`. Bulk publishers have no such limit.
    pub fn is_limited(self) -> bool {
        match self {
            Self::Interactive | Self::Background => true,
            Self::Bulk => false,
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a publisher has just seen in the store of the variants that a job is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// They are not there.
    Absent,
    /// They failed, and are to be tried again: what is remembered of that is out of date.
    Failed,
    /// It has not looked.
    Nothing,
}

/// A job as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The job as JSON; not looked into here.
    pub body: Vec<u8>,
    /// The job's id.
    pub id: JobId,
    /// Which attempt this will be, from 1.
    pub attempt: u32,
    /// How many attempts before this one do not count: something else was in the way, or their
    /// worker was gone.
    pub outages: u32,
    /// The request that it belongs to.
    pub trace: TraceContext,
    /// When it was published.
    pub published: SystemTime,
    /// What was seen in the store then.
    pub seen: Seen,
}

impl Message {
    /// A job that is published now, for the first time.
    pub fn new(job: &RenderJob, seen: Seen, trace: TraceContext) -> Result<Self, JobError> {
        let body = job.to_body()?;
        Ok(Self {
            id: RenderJob::id_of(&body),
            body,
            attempt: 1,
            outages: 0,
            trace,
            published: SystemTime::now(),
            seen,
        })
    }

    /// Which of those attempts this is that count, from 1.
    pub fn counted_attempt(&self) -> u32 {
        self.attempt.saturating_sub(self.outages).max(1)
    }

    /// The same as it is delivered after it was settled so.
    fn again(self, settle: &Settle) -> Self {
        let (attempt, outage) = match settle {
            Settle::Retry(_) => (1, 0),
            Settle::Postpone(_) => (1, 1),
            Settle::Defer(_)
            | Settle::Pause(_)
            | Settle::Done
            | Settle::Dead(_)
            | Settle::GiveBack => (0, 0),
        };
        Self {
            attempt: self.attempt.saturating_add(attempt),
            outages: self.outages.saturating_add(outage),
            // Much may have happened by then. But what the operator wants forgotten may not be yet.
            seen: match self.seen {
                Seen::Failed => Seen::Failed,
                Seen::Absent | Seen::Nothing => Seen::Nothing,
            },
            ..self
        }
    }
}

/// A job that was put aside for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The job.
    pub message: Message,
    /// Where it waited before.
    pub lane: Lane,
    /// Why it was put aside.
    pub reason: String,
    /// The worker that did so.
    pub worker: String,
    /// When; `None` if it does not say.
    pub died: Option<SystemTime>,
}

/// Why the queue did not accept a job. It may or may not be delivered all the same.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// As many jobs wait as may wait.
    #[error("the queue is full")]
    Full,
    /// The queue is not there, or did not confirm in time.
    #[error("the queue did not take the job: {0}")]
    Unavailable(String),
}

/// The queue cannot be used as configured.
#[derive(Debug, thiserror::Error)]
#[error("queue: {0}")]
pub struct QueueError(String);

/// Where a delivery comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A lane.
    Lane(Lane),
    /// It was delivered too often without being settled: its workers died of it.
    Expired,
}

/// A job in a worker's hands, until it is settled. Dropped unsettled it is delivered again once
/// the worker's connection ends.
#[derive(Debug)]
pub struct Delivery {
    /// The job.
    pub message: Message,
    /// Where it waited.
    pub source: Source,
    /// Has it been delivered before?
    pub kind: DeliveryKind,
    /// How long the message was, if it is too long for a job: only its beginning was kept.
    pub too_long_bytes: Option<u64>,
    settler: Settler,
}

#[derive(Debug)]
enum Settler {
    Embedded(embedded::Settler),
    RabbitMq(rabbitmq::Settler),
}

/// What becomes of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settle {
    /// It is over.
    Done,
    /// It is delivered again after a while, as the next attempt.
    Retry(Delay),
    /// The same, but this attempt does not count: nothing is wrong with the job.
    Postpone(Delay),
    /// It is delivered again after a while, as the same attempt: nothing was begun.
    Defer(Delay),
    /// It is put aside until its campaign goes on, as the same attempt.
    Pause(CampaignName),
    /// It is put aside for the operator, for this reason.
    Dead(String),
    /// It is delivered again at once, to another worker.
    GiveBack,
}

impl Settle {
    /// Its name in logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retry(_) => "retry",
            Self::Postpone(_) => "postponed",
            Self::Defer(_) => "deferred",
            Self::Pause(_) => "paused",
            Self::Dead(_) => "dead",
            Self::GiveBack => "given_back",
        }
    }
}

impl Delivery {
    /// Settles it. When the queue is gone meanwhile it will be delivered again.
    pub async fn settle(self, settle: Settle) {
        self.settle_after(settle, std::future::ready(())).await;
    }

    /// The same with `last` once the job is safe where it is moved to, and before this delivery
    /// ends: should the worker die in between, the job comes again. If it could not be moved,
    /// `last` is left out.
    pub async fn settle_after(self, settle: Settle, last: impl Future<Output = ()> + Send) {
        match self.settler {
            Settler::Embedded(settler) => {
                settler.settle(self.message, self.source, &settle);
                last.await;
            }
            Settler::RabbitMq(settler) => {
                let (message, source) = (self.message, self.source);
                settler.settle(message, source, settle, last).await;
            }
        }
    }

    /// How long it has waited.
    pub fn age(&self) -> Duration {
        self.message.published.elapsed().unwrap_or_default()
    }
}

/// How many deliveries of each lane a worker may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefetch {
    /// Of the interactive lane.
    pub interactive: u16,
    /// Of each of the lanes whose jobs nobody waits for.
    pub bulk: u16,
}

impl Prefetch {
    fn of(self, lane: Lane) -> u16 {
        match lane.priority() {
            Priority::Interactive => self.interactive,
            Priority::Bulk => self.bulk,
        }
    }
}

/// Deliveries as they come, interactive ones first.
#[derive(Debug)]
pub enum Consumer {
    /// From this process.
    Embedded(embedded::Consumer),
    /// From RabbitMQ.
    RabbitMq(rabbitmq::Consumer),
}

impl Consumer {
    /// Waits for the next delivery, for ever if need be.
    pub async fn next(&mut self) -> Delivery {
        match self {
            Self::Embedded(consumer) => consumer.next().await,
            Self::RabbitMq(consumer) => consumer.next().await,
        }
    }

    /// Asks for no more, and gives back what was fetched but not taken by [`Consumer::next`].
    pub async fn stop(&mut self) {
        match self {
            Self::Embedded(_) => {}
            Self::RabbitMq(consumer) => consumer.stop().await,
        }
    }
}

/// Where jobs wait.
#[derive(Clone, PartialEq, Eq)]
pub enum QueueLocation {
    /// In this process.
    Embedded,
    /// In RabbitMQ.
    Amqp(String),
}

impl fmt::Debug for QueueLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::Amqp(_) => f.write_str("amqp://***"),
        }
    }
}

impl FromStr for QueueLocation {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text == "embedded" {
            return Ok(Self::Embedded);
        }
        // The library connects without TLS, and says nothing.
        if text.starts_with("amqps:") {
            return Err(
                "an amqp:// URL: this build has no TLS, and would send the password in plain text; use a tunnel",
            );
        }
        // The library takes more for a URL, and its error may repeat parts of the text.
        let sound = is_url(text, &["amqp"]) && text.parse::<lapin::uri::AMQPUri>().is_ok();
        sound.then(|| Self::Amqp(text.to_owned())).ok_or(
            "embedded, or amqp://USER:PASSWORD@HOST:PORT/VHOST, each of them percent-encoded",
        )
    }
}

/// The queue; clones are the same queue.
#[derive(Clone, Debug)]
pub enum Queue {
    /// In this process.
    Embedded(Embedded),
    /// In RabbitMQ.
    RabbitMq(RabbitMq),
}

impl Queue {
    /// Opens the queue. RabbitMQ need not be there yet: it is tried again until it is.
    pub fn open(settings: &Settings, shutdown: &Shutdown) -> Result<Self, QueueError> {
        match &settings.queue {
            QueueLocation::Embedded => Ok(Self::Embedded(Embedded::new(
                settings.queue_limit,
                shutdown,
            ))),
            QueueLocation::Amqp(url) => {
                Ok(Self::RabbitMq(RabbitMq::open(url, settings, shutdown)?))
            }
        }
    }

    /// Puts a job on a lane. `Ok`: it is safe there.
    pub async fn publish(&self, lane: Lane, message: Message) -> Result<(), PublishError> {
        let id = message.id.clone();
        let result = match self {
            Self::Embedded(embedded) => embedded.publish(lane, message),
            Self::RabbitMq(rabbitmq) => rabbitmq.publish(lane, &message).await,
        };
        let label = match &result {
            Ok(()) => "confirmed",
            Err(PublishError::Full) => "full",
            Err(PublishError::Unavailable(_)) => "unavailable",
        };
        tracing::debug!(%id, %lane, result = label, "published");
        metrics::counter!(crate::metrics::PUBLISHED, "lane" => lane.name(), "result" => label)
            .increment(1);
        result
    }

    /// Starts to take deliveries; `worker` is who takes them, as dead letters tell.
    pub fn consume(&self, prefetch: Prefetch, worker: &str) -> Consumer {
        match self {
            Self::Embedded(embedded) => Consumer::Embedded(embedded.consume(prefetch)),
            Self::RabbitMq(rabbitmq) => Consumer::RabbitMq(rabbitmq.consume(prefetch, worker)),
        }
    }

    /// Makes room for the jobs of a campaign that pauses: to be called before workers are told.
    pub async fn pause(&self, campaign: &CampaignName) -> Result<(), QueueError> {
        match self {
            Self::Embedded(_) => Ok(()),
            Self::RabbitMq(rabbitmq) => rabbitmq.pause(campaign).await,
        }
    }

    /// Puts the jobs of a campaign that paused on the bulk lane again; how many. To be called
    /// once no worker puts further ones aside.
    pub async fn resume(&self, campaign: &CampaignName) -> Result<u64, QueueError> {
        match self {
            Self::Embedded(embedded) => Ok(embedded.resume(campaign)),
            Self::RabbitMq(rabbitmq) => rabbitmq.resume(campaign).await,
        }
    }

    /// Goes through the dead letters. Errors: the queue cannot be reached, or is in this process,
    /// where they are logged.
    pub async fn dead_letters(&self) -> Result<DeadLetters, QueueError> {
        match self {
            Self::Embedded(_) => Err(QueueError(
                "the embedded queue keeps no dead letters: they are in the log".to_owned(),
            )),
            Self::RabbitMq(rabbitmq) => rabbitmq.dead_letters().await,
        }
    }
}

#[cfg(test)]
mod tests;
