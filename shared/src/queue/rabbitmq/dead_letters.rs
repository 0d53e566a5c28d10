//! Goes through the dead letters, for the operator. What is taken and neither replayed nor dropped
//! is on its queue again once this is.

use std::sync::Arc;
use std::time::SystemTime;

use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions};
use lapin::{Channel, Confirmation, Connection};

use super::Server;
use super::message::{properties, read_dead_letter};
use super::operator::{failed, in_time};
use crate::queue::{DeadLetter, Message, QueueError, Seen};

/// The dead letters that there are, each once.
#[derive(Debug)]
pub struct DeadLetters {
    server: Arc<Server>,
    /// Kept until what was taken is settled.
    _connection: Connection,
    channel: Channel,
    /// How many are left of those that there were; not known before the first.
    left: Option<u32>,
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
            left: None,
        })
    }

    /// The next one; none if all were taken that there were at the first. Those that come
    /// meanwhile are behind them: jobs that were replayed and came to the same end, for one.
    pub async fn next(&mut self) -> Result<Option<Taken>, QueueError> {
        if self.left == Some(0) {
            return Ok(None);
        }
        let queue = self.server.topology.dead_letters();
        let got = self
            .channel
            .basic_get(queue.into(), BasicGetOptions::default());
        let got = in_time("take a dead letter", got).await?;
        Ok(got.map(|got| {
            let left = self.left.unwrap_or(got.message_count + 1);
            self.left = Some(left - 1);
            let mut delivery = got.delivery;
            let body = std::mem::take(&mut delivery.data);
            Taken {
                letter: read_dead_letter(body, &delivery.properties),
                delivery,
            }
        }))
    }

    /// Puts its job on its lane again, as a first attempt whatever is remembered of its failure,
    /// and then removes it.
    pub async fn replay(&mut self, taken: Taken) -> Result<(), QueueError> {
        let DeadLetter { message, lane, .. } = &taken.letter;
        let message = Message {
            attempt: 1,
            outages: 0,
            published: SystemTime::now(),
            seen: Seen::Failed,
            ..message.clone()
        };
        let options = BasicPublishOptions {
            mandatory: true,
            ..BasicPublishOptions::default()
        };
        let published = self.channel.basic_publish(
            self.server.topology.jobs().into(),
            lane.name().into(),
            options,
            &message.body,
            properties(&message, None),
        );
        let confirmed = async { published.await?.await };
        match in_time("publish a job", confirmed).await? {
            Confirmation::Ack(None) => self.remove(taken).await,
            Confirmation::Nack(_) => Err(QueueError("the queue is full".to_owned())),
            Confirmation::Ack(Some(_)) | Confirmation::NotRequested => {
                Err(QueueError("no queue takes the job".to_owned()))
            }
        }
    }

    /// Removes it for good.
    pub async fn remove(&mut self, taken: Taken) -> Result<(), QueueError> {
        let acknowledged = taken.delivery.ack(BasicAckOptions::default());
        if in_time("remove a dead letter", acknowledged).await? {
            Ok(())
        } else {
            let why = "remove a dead letter: the connection ended";
            Err(QueueError(why.to_owned()))
        }
    }
}
