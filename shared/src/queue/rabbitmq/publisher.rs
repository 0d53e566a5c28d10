//! Publishes with confirms: `Ok` means that RabbitMQ has written the message to its quorum.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::BasicPublishOptions;
use lapin::{Channel, Confirmation, Connection};
use tokio::sync::{Notify, watch};
use tokio::time::{interval, timeout};

use super::message::{Death, properties};
use super::{Pause, Server};
use crate::metrics::CONNECTED;
use crate::queue::{Message, PublishError};

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The publishing connection of a process; clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Publisher {
    channel: watch::Receiver<Option<Channel>>,
    broken: Arc<Notify>,
    confirm_within: Duration,
}

impl Publisher {
    pub(super) fn start(server: Arc<Server>) -> Self {
        let (sender, channel) = watch::channel(None);
        let broken = Arc::new(Notify::new());
        let this = Self {
            channel,
            broken: Arc::clone(&broken),
            confirm_within: server.confirm_within,
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
        let confirmed = timeout(self.confirm_within, async {
            let mut channel = self.channel.clone();
            let channel = channel
                .wait_for(Option::is_some)
                .await
                .ok()
                .and_then(|channel| channel.clone());
            let channel = channel.ok_or_else(|| unavailable(&"not connected"))?;
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
        match confirmed {
            Ok(Ok(Confirmation::Ack(None))) => Ok(()),
            Ok(Ok(Confirmation::Nack(_))) => Err(PublishError::Full),
            Ok(Ok(Confirmation::Ack(Some(_)))) => {
                Err(self.rebuild("no queue takes the job: declared anew"))
            }
            Ok(Ok(Confirmation::NotRequested)) => Err(self.rebuild("confirms are off")),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(self.rebuild("no confirmation in time")),
        }
    }

    fn rebuild(&self, why: &str) -> PublishError {
        self.broken.notify_one();
        unavailable(&why)
    }
}

fn unavailable(why: &impl ToString) -> PublishError {
    PublishError::Unavailable(why.to_string())
}

/// Builds the connection, watches it, and builds it anew when it breaks.
async fn keep_connected(
    server: Arc<Server>,
    sender: watch::Sender<Option<Channel>>,
    broken: Arc<Notify>,
) {
    let mut pause = Pause::default();
    loop {
        match server.connect("thumbmill publisher").await {
            Ok((connection, channel)) => {
                pause = Pause::default();
                metrics::gauge!(CONNECTED, "to" => "queue").set(1.0);
                sender.send_replace(Some(channel.clone()));
                let why = watch_until_broken(&connection, &channel, &broken).await;
                sender.send_replace(None);
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
                if !connection.status().connected() || !channel.status().connected() {
                    return "disconnected";
                }
            }
        }
    }
}
