//! Goes through the dead letters, for the operator. What is taken and neither replayed nor dropped
//! is on its queue again once this is.

use std::sync::Arc;
use std::time::SystemTime;

use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions};
use lapin::{Channel, Confirmation, Connection};

use super::Server;
use super::message::{properties, read_dead_letter};
use crate::queue::{DeadLetter, Message, QueueError, Seen};

/// The dead letters that there are, each once.
#[derive(Debug)]
pub struct DeadLetters {
    server: Arc<Server>,
    /// Kept until what was taken is settled.
    _connection: Connection,
    channel: Channel,
}

/// One of them, in hand.
#[derive(Debug)]
pub struct Taken {
    /// What it says.
    pub letter: DeadLetter,
    delivery: Delivery,
}

impl DeadLetters {
    pub(super) async fn open(server: Arc<Server>) -> Result<Self, QueueError> {
        let connected = server.connect("thumbmill dead letters").await;
        let (connection, channel) = connected.map_err(|error| failed("connect", &error))?;
        Ok(Self {
            server,
            _connection: connection,
            channel,
        })
    }

    /// The next one; none if all were taken.
    pub async fn next(&mut self) -> Result<Option<Taken>, QueueError> {
        let queue = self.server.topology.dead_letters();
        let got = self
            .channel
            .basic_get(queue.into(), BasicGetOptions::default())
            .await;
        let got = got.map_err(|error| failed("take a dead letter", &error))?;
        Ok(got.map(|got| {
            let mut delivery = got.delivery;
            let body = std::mem::take(&mut delivery.data);
            Taken {
                letter: read_dead_letter(body, &delivery.properties),
                delivery,
            }
        }))
    }

    /// Puts its job on its lane again, as a first attempt, and then removes it.
    pub async fn replay(&mut self, taken: Taken) -> Result<(), QueueError> {
        let DeadLetter { message, lane, .. } = &taken.letter;
        let message = Message {
            attempt: 1,
            published: SystemTime::now(),
            seen: Seen::Nothing,
            ..message.clone()
        };
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let published = self
            .channel
            .basic_publish(
                self.server.topology.jobs().into(),
                lane.name().into(),
                options,
                &message.body,
                properties(&message, None),
            )
            .await;
        let confirm = published.map_err(|error| failed("publish a job", &error))?;
        match confirm.await {
            Ok(Confirmation::Ack(None)) => self.remove(taken).await,
            Ok(Confirmation::Nack(_)) => Err(QueueError("the queue is full".to_owned())),
            Ok(_) => Err(QueueError("no queue takes the job".to_owned())),
            Err(error) => Err(failed("publish a job", &error)),
        }
    }

    /// Removes it for good.
    pub async fn remove(&mut self, taken: Taken) -> Result<(), QueueError> {
        let removed = taken.delivery.ack(BasicAckOptions::default()).await;
        match removed {
            Ok(true) => Ok(()),
            Ok(false) => Err(QueueError(
                "remove a dead letter: the connection ended".to_owned(),
            )),
            Err(error) => Err(failed("remove a dead letter", &error)),
        }
    }
}

fn failed(what: &str, error: &lapin::Error) -> QueueError {
    QueueError(format!("{what}: {error}"))
}
