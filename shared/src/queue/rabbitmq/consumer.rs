//! Takes deliveries and settles them. Acknowledgements go through tasks of their own with a time
//! limit, since on a cut connection they may hang; what is not acknowledged is delivered again.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;

use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
};
use lapin::types::FieldTable;
use lapin::{Acker, Channel, Connection};
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use super::message::{Death, read};
use super::publisher::Publisher;
use super::{Pause, Server};
use crate::queue::topology::DEAD;
use crate::queue::{Delivery, Lane, Message, Prefetch, Settle, Source};
use crate::readiness::DeliveryKind;

const SETTLE_WITHIN: Duration = Duration::from_secs(5);
/// How long a job rests that could be moved nowhere else.
const GIVE_BACK_AFTER: Duration = Duration::from_secs(1);
/// And while RabbitMQ takes no jobs: each return counts, and says nothing of the job.
const BLOCKED_AT_MOST: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// So much is kept of a message that is too long for a job.
const KEPT_BYTES: usize = 4 << 10;
/// Jobs that killed their workers are rare, and each is handled in a moment.
const EXPIRED_PREFETCH: u16 = 1;

/// Deliveries from RabbitMQ.
#[derive(Debug)]
pub struct Consumer {
    expired: mpsc::Receiver<Delivery>,
    interactive: mpsc::Receiver<Delivery>,
    background: mpsc::Receiver<Delivery>,
    bulk: mpsc::Receiver<Delivery>,
    stop: CancellationToken,
}

/// Where the loop puts what it takes, by source.
struct Feeds {
    expired: mpsc::Sender<Delivery>,
    interactive: mpsc::Sender<Delivery>,
    background: mpsc::Sender<Delivery>,
    bulk: mpsc::Sender<Delivery>,
    /// Who takes it.
    worker: Arc<str>,
}

impl Feeds {
    fn feed(&self, source: Source) -> &mpsc::Sender<Delivery> {
        match source {
            Source::Expired => &self.expired,
            Source::Lane(Lane::Interactive) => &self.interactive,
            Source::Lane(Lane::Background) => &self.background,
            Source::Lane(Lane::Bulk) => &self.bulk,
        }
    }
}

impl Consumer {
    pub(super) fn start(
        server: Arc<Server>,
        publisher: Publisher,
        prefetch: Prefetch,
        worker: Arc<str>,
    ) -> Self {
        let room = |prefetch: u16| mpsc::channel(usize::from(prefetch.max(1)));
        let (expired_feed, expired) = room(EXPIRED_PREFETCH);
        let (interactive_feed, interactive) = room(prefetch.of(Lane::Interactive));
        let (background_feed, background) = room(prefetch.of(Lane::Background));
        let (bulk_feed, bulk) = room(prefetch.of(Lane::Bulk));
        let feeds = Feeds {
            expired: expired_feed,
            interactive: interactive_feed,
            background: background_feed,
            bulk: bulk_feed,
            worker,
        };
        let stop = CancellationToken::new();
        let shutdown = server.shutdown.clone();
        shutdown.spawn_detached(keep_consuming(
            server,
            publisher,
            prefetch,
            feeds,
            stop.clone(),
        ));
        Self {
            expired,
            interactive,
            background,
            bulk,
            stop,
        }
    }

    pub(in crate::queue) async fn next(&mut self) -> Delivery {
        let next = async {
            tokio::select! {
                biased;
                Some(delivery) = self.expired.recv() => Some(delivery),
                Some(delivery) = self.interactive.recv() => Some(delivery),
                Some(delivery) = self.background.recv() => Some(delivery),
                Some(delivery) = self.bulk.recv() => Some(delivery),
                else => None,
            }
        };
        match next.await {
            Some(delivery) => delivery,
            // Stopped: there is no next one.
            None => std::future::pending().await,
        }
    }

    pub(in crate::queue) async fn stop(&mut self) {
        self.stop.cancel();
        let feeds = [
            &mut self.expired,
            &mut self.interactive,
            &mut self.background,
            &mut self.bulk,
        ];
        for feed in feeds {
            // Ends when the loop has let go of its side.
            while let Ok(Some(delivery)) = timeout(SETTLE_WITHIN, feed.recv()).await {
                delivery.settle(Settle::GiveBack).await;
            }
        }
    }
}

/// Consumes, and builds everything anew when it breaks. Connection and channels outlive the
/// consuming: what was delivered on a channel can only be settled on it, and comes again when
/// the channel is dropped.
async fn keep_consuming(
    server: Arc<Server>,
    publisher: Publisher,
    prefetch: Prefetch,
    feeds: Feeds,
    stop: CancellationToken,
) {
    let mut pause = Pause::default();
    let mut last = None;
    while !stop.is_cancelled() {
        match server.connect("thumbmill consumer").await {
            Ok((connection, _)) => {
                pause = Pause::default();
                let session = Session {
                    server: &server,
                    connection: &connection,
                    publisher: &publisher,
                    feeds: &feeds,
                };
                match session.consume(prefetch, &stop).await {
                    Ok(channels) => last = Some((connection, channels)),
                    Err(error) => tracing::warn!(%error, "consuming from RabbitMQ ended"),
                }
            }
            Err(error) => tracing::warn!(%error, "connecting to RabbitMQ for consuming"),
        }
        if !stop.is_cancelled() {
            pause.wait().await;
        }
    }
    drop(feeds);
    std::future::pending::<()>().await;
    drop(last);
}

/// One connection's consuming.
struct Session<'a> {
    server: &'a Arc<Server>,
    connection: &'a Connection,
    publisher: &'a Publisher,
    feeds: &'a Feeds,
}

impl Session<'_> {
    async fn consume(
        &self,
        prefetch: Prefetch,
        stop: &CancellationToken,
    ) -> Result<[Channel; 4], lapin::Error> {
        let topology = &self.server.topology;
        let lane = |lane| {
            let queue = (Source::Lane(lane), topology.lane(lane), prefetch.of(lane));
            self.consume_queue(queue, stop)
        };
        let expired = (Source::Expired, topology.expired(), EXPIRED_PREFETCH);
        let (expired, interactive, background, bulk) = tokio::try_join!(
            self.consume_queue(expired, stop),
            lane(Lane::Interactive),
            lane(Lane::Background),
            lane(Lane::Bulk),
        )?;
        Ok([expired, interactive, background, bulk])
    }

    async fn consume_queue(
        &self,
        (source, queue, prefetch): (Source, String, u16),
        stop: &CancellationToken,
    ) -> Result<Channel, lapin::Error> {
        let channel = self.connection.create_channel().await?;
        channel
            .basic_qos(prefetch, BasicQosOptions::default())
            .await?;
        let options = BasicConsumeOptions::default();
        let mut consumer = channel
            .basic_consume(queue.into(), "".into(), options, FieldTable::default())
            .await?;
        let mut ticks = interval(LOOK_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => {
                    let cancel = channel.basic_cancel(consumer.tag(), BasicCancelOptions::default());
                    let _ = timeout(SETTLE_WITHIN, cancel).await;
                    return Ok(channel);
                }
                delivery = consumer.next() => {
                    let delivery = delivery.unwrap_or_else(|| Err(ended()))?;
                    self.feed(source, delivery).await;
                }
                _ = ticks.tick() => self.check(&channel)?,
            }
        }
    }

    /// The stream of a broken connection may stay silent for ever.
    fn check(&self, channel: &Channel) -> Result<(), lapin::Error> {
        if self.connection.status().connected() && channel.status().connected() {
            Ok(())
        } else {
            Err(ended())
        }
    }

    /// Of what is too long for a job only the beginning goes on from here: so a worker holds no more than one
    /// such message for each of its queues, and not again when it makes it a dead letter.
    async fn feed(&self, source: Source, mut delivery: lapin::message::Delivery) {
        let length_bytes = delivery.data.len() as u64;
        let too_long_bytes = Some(length_bytes).filter(|it| *it > self.server.most_body_bytes);
        if too_long_bytes.is_some() {
            delivery.data.truncate(KEPT_BYTES);
            delivery.data.shrink_to_fit();
        }
        let message = read(delivery.data, &delivery.properties);
        let kind = if delivery.redelivered {
            DeliveryKind::Again
        } else {
            DeliveryKind::First
        };
        let settler = Settler {
            acker: delivery.acker,
            publisher: self.publisher.clone(),
            server: Arc::clone(self.server),
            worker: Arc::clone(&self.feeds.worker),
        };
        let delivery = Delivery {
            message,
            source,
            kind,
            too_long_bytes,
            settler: crate::queue::Settler::RabbitMq(settler),
        };
        // The receiver is gone only when the worker is: then the connection ends, too.
        let _ = self.feeds.feed(source).send(delivery).await;
    }
}

fn ended() -> lapin::Error {
    std::io::Error::from(std::io::ErrorKind::ConnectionAborted).into()
}

/// Settles one delivery.
#[derive(Debug)]
pub(in crate::queue) struct Settler {
    acker: Acker,
    publisher: Publisher,
    server: Arc<Server>,
    worker: Arc<str>,
}

impl Settler {
    pub(in crate::queue) async fn settle(
        self,
        message: Message,
        source: Source,
        settle: Settle,
        last: impl Future<Output = ()> + Send,
    ) {
        let topology = &self.server.topology;
        let lane = match source {
            Source::Lane(lane) => lane,
            Source::Expired => Lane::Bulk,
        };
        let moved = match &settle {
            Settle::Done => Ok(()),
            Settle::GiveBack => return self.give_back().await,
            Settle::Retry(delay) | Settle::Postpone(delay) | Settle::Defer(delay) => {
                let next = message.again(&settle);
                self.publisher
                    .publish(topology.retry(*delay), lane.name(), &next, None)
                    .await
            }
            Settle::Pause(campaign) => {
                let (queue, next) = (topology.paused(campaign).name, message.again(&settle));
                self.publisher
                    .publish(String::new(), &queue, &next, None)
                    .await
            }
            Settle::Dead(reason) => {
                tracing::error!(job = %message.id, trace_id = message.trace.trace_id(), reason, "dead letter");
                let death = Death {
                    reason,
                    worker: &self.worker,
                    lane,
                };
                self.publisher
                    .publish(topology.dead_letters(), DEAD, &message, Some(death))
                    .await
            }
        };
        match moved {
            Ok(()) => {
                last.await;
                self.acknowledge(settle.name()).await;
            }
            Err(error) => {
                tracing::warn!(%error, settle = settle.name(), "a job stays on its queue");
                // Given back it returns to the head of its queue: without a pause it would spin.
                tokio::time::sleep(GIVE_BACK_AFTER).await;
                self.publisher.unblocked(BLOCKED_AT_MOST).await;
                self.give_back().await;
            }
        }
    }

    async fn acknowledge(self, what: &str) {
        let acker = self.acker.clone();
        let done = self
            .in_own_task(async move { acker.ack(BasicAckOptions::default()).await })
            .await;
        if !done {
            tracing::warn!(
                what,
                "a settled job could not be acknowledged and will be delivered again"
            );
        }
    }

    async fn give_back(self) {
        let acker = self.acker.clone();
        let options = BasicNackOptions {
            requeue: true,
            ..BasicNackOptions::default()
        };
        // A message that could not be given back comes back when the connection ends.
        self.in_own_task(async move { acker.nack(options).await })
            .await;
    }

    async fn in_own_task(
        &self,
        send: impl Future<Output = lapin::Result<bool>> + Send + 'static,
    ) -> bool {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.server.shutdown.spawn_detached(async move {
            let result = timeout(SETTLE_WITHIN, send).await;
            // The settler may have stopped waiting.
            let _ = sender.send(matches!(result, Ok(Ok(true))));
        });
        receiver.await.unwrap_or(false)
    }
}
