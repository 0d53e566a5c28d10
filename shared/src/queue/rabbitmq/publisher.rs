//! Publishes with confirms: `Ok` means that RabbitMQ has written the message to its quorum.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lapin::options::BasicPublishOptions;
use lapin::{Channel, Confirmation, Connection, ConnectionStatus};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{interval, timeout, timeout_at};

use super::message::{Death, properties};
use super::{Pause, Server};
use crate::metrics::{BLOCKED, CONNECTED, UNCONFIRMED};
use crate::queue::{Message, PublishError};

const LOOK_EVERY: Duration = Duration::from_millis(250);
const BLOCKED_WHY: &str =
    "RabbitMQ takes no jobs (connection.blocked): its memory or disk is short";

/// The publishing connection of a process; clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Publisher {
    link: watch::Receiver<Option<Link>>,
    broken: Arc<Notify>,
    confirm_within: Duration,
    unconfirmed: Arc<Semaphore>,
}

/// A connection that stands, as far as is known.
#[derive(Clone, Debug)]
struct Link {
    channel: Channel,
    connection: ConnectionStatus,
}

impl Publisher {
    pub(super) fn start(server: Arc<Server>) -> Self {
        let (sender, link) = watch::channel(None);
        let broken = Arc::new(Notify::new());
        let this = Self {
            link,
            broken: Arc::clone(&broken),
            confirm_within: server.confirm_within,
            unconfirmed: Arc::new(Semaphore::new(server.unconfirmed)),
        };
        let shutdown = server.shutdown.clone();
        // Workers publish while they drain: this ends with the runtime, not with the shutdown.
        let task = keep_connected(server, sender, broken);
        shutdown.spawn_detached(task);
        this
    }

    /// Publishes to `exchange`, with a death as a dead letter.
    pub(super) async fn publish(
        &self,
        exchange: String,
        routing_key: &str,
        message: &Message,
        death: Option<Death<'_>>,
    ) -> Result<(), PublishError> {
        let begun = Instant::now();
        let turn = timeout(self.confirm_within, self.unconfirmed.acquire()).await;
        let Ok(Ok(_turn)) = turn else {
            return Err(unavailable(&"too many jobs wait for a confirmation"));
        };
        let unconfirmed = Unconfirmed::begin();
        let mut sent = None;
        let confirmed = timeout_at((begun + self.confirm_within).into(), async {
            let channel = self.channel().await?;
            sent = Some(Instant::now());
            let options = BasicPublishOptions {
                mandatory: true,
                ..BasicPublishOptions::default()
            };
            let properties = properties(message, death);
            let confirm = channel
                .basic_publish(
                    exchange.into(),
                    routing_key.into(),
                    options,
                    &message.body,
                    properties,
                )
                .await;
            confirm
                .map_err(|error| unavailable(&error))?
                .await
                .map_err(|error| unavailable(&error))
        })
        .await;
        drop(unconfirmed);
        // Who waited for its turn, or a connection, knows nothing bad of the one there is.
        let had_time = sent.is_some_and(|sent| sent.elapsed() >= self.confirm_within / 2);
        match confirmed {
            Ok(Ok(Confirmation::Ack(None))) => Ok(()),
            Ok(Ok(Confirmation::Nack(_))) => Err(PublishError::Full),
            Ok(Ok(Confirmation::Ack(Some(_)))) => {
                Err(self.rebuild("no queue takes the job: declared anew"))
            }
            Ok(Ok(Confirmation::NotRequested)) => Err(self.rebuild("confirms are off")),
            Ok(Err(error)) => Err(error),
            Err(_) if self.is_blocked() => Err(unavailable(&BLOCKED_WHY)),
            Err(_) if had_time => Err(self.rebuild("no confirmation in time")),
            Err(_) => Err(unavailable(&"no confirmation in time")),
        }
    }

    /// The channel of a connection that takes jobs.
    async fn channel(&self) -> Result<Channel, PublishError> {
        let mut link = self.link.clone();
        let link = link.wait_for(Option::is_some).await.ok();
        let link = link.and_then(|link| link.clone());
        let link = link.ok_or_else(|| unavailable(&"not connected"))?;
        // It would be written when the alarm is over.
        if link.connection.blocked() {
            return Err(unavailable(&BLOCKED_WHY));
        }
        Ok(link.channel)
    }

    /// Waits while RabbitMQ takes no jobs, but not longer than `most`.
    pub(super) async fn unblocked(&self, most: Duration) {
        let unblocked = async {
            while self.is_blocked() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        // Then it is tried again, whatever becomes of it.
        let _ = timeout(most, unblocked).await;
    }

    fn is_blocked(&self) -> bool {
        let link = self.link.borrow();
        link.as_ref().is_some_and(|link| link.connection.blocked())
    }

    fn rebuild(&self, why: &str) -> PublishError {
        self.broken.notify_one();
        unavailable(&why)
    }
}

fn unavailable(why: &impl ToString) -> PublishError {
    PublishError::Unavailable(why.to_string())
}

/// A job that is being sent, until dropped.
struct Unconfirmed;

impl Unconfirmed {
    fn begin() -> Self {
        metrics::gauge!(UNCONFIRMED).increment(1.0);
        Self
    }
}

impl Drop for Unconfirmed {
    fn drop(&mut self) {
        metrics::gauge!(UNCONFIRMED).decrement(1.0);
    }
}

/// Builds the connection, watches it, and builds it anew when it breaks.
async fn keep_connected(
    server: Arc<Server>,
    sender: watch::Sender<Option<Link>>,
    broken: Arc<Notify>,
) {
    let mut pause = Pause::default();
    loop {
        match server.connect("thumbmill publisher").await {
            Ok((connection, channel)) => {
                pause = Pause::default();
                metrics::gauge!(CONNECTED, "to" => "queue").set(1.0);
                sender.send_replace(Some(Link {
                    channel: channel.clone(),
                    connection: connection.status().clone(),
                }));
                let why = watch_until_broken(&connection, &channel, &broken).await;
                sender.send_replace(None);
                metrics::gauge!(BLOCKED).set(0.0);
                metrics::gauge!(CONNECTED, "to" => "queue").set(0.0);
                tracing::warn!(why, "publishing connection to RabbitMQ ended");
                // Closing waits for the broker's answer, which may never come.
                let _ = timeout(LOOK_EVERY, connection.close(200, "rebuilding".into())).await;
            }
            Err(error) => tracing::warn!(%error, "connecting to RabbitMQ for publishing"),
        }
        pause.wait().await;
    }
}

async fn watch_until_broken(
    connection: &Connection,
    channel: &Channel,
    broken: &Notify,
) -> &'static str {
    let mut ticks = interval(LOOK_EVERY);
    loop {
        tokio::select! {
            () = broken.notified() => return "publishing failed",
            _ = ticks.tick() => {
                let blocked = connection.status().blocked();
                metrics::gauge!(BLOCKED).set(f64::from(u8::from(blocked)));
                if !connection.status().connected() || !channel.status().connected() {
                    return "disconnected";
                }
            }
        }
    }
}
