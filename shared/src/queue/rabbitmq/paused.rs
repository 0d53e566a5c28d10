//! The jobs of campaigns that pause, each campaign's on a queue of its own.

use std::time::Duration;

use lapin::message::BasicGetMessage;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::{Channel, Confirmation};
use tokio::time::timeout;

use super::Server;
use crate::campaigns::CampaignName;
use crate::queue::{Lane, QueueError};

/// How many jobs are moved at a time.
const BATCH: usize = 500;
/// An operator waits for it.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Makes the queue.
pub(super) async fn declare(server: &Server, campaign: &CampaignName) -> Result<(), QueueError> {
    let (_connection, channel) = connect(server).await?;
    let queue = server.topology.paused(campaign);
    let options = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel.queue_declare(queue.name.into(), options, queue.arguments);
    in_time("make a queue", declared).await?;
    Ok(())
}

/// Moves what is there to the bulk lane. Interrupted, it can be called again.
pub(super) async fn empty(server: &Server, campaign: &CampaignName) -> Result<u64, QueueError> {
    // A queue that is not there ends the channel, so it is made.
    declare(server, campaign).await?;
    let (_connection, channel) = connect(server).await?;
    let name = server.topology.paused(campaign).name;
    let mut moved = 0;
    loop {
        let batch = take(&channel, &name).await?;
        if batch.is_empty() {
            // The queue stays: quorum queues cannot be removed on condition that they are empty.
            return Ok(moved);
        }
        let jobs = server.topology.jobs();
        moved += batch.len() as u64;
        put(&channel, &jobs, batch).await?;
    }
}

async fn take(channel: &Channel, queue: &str) -> Result<Vec<BasicGetMessage>, QueueError> {
    let mut batch = Vec::new();
    while batch.len() < BATCH {
        let got = channel.basic_get(queue.into(), BasicGetOptions::default());
        match in_time("take a job", got).await? {
            Some(message) => batch.push(message),
            None => break,
        }
    }
    Ok(batch)
}

/// Each job is on the lane before it is taken away here.
async fn put(
    channel: &Channel,
    exchange: &str,
    batch: Vec<BasicGetMessage>,
) -> Result<(), QueueError> {
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let mut confirms = Vec::with_capacity(batch.len());
    for message in &batch {
        let (key, properties) = (Lane::Bulk.name().into(), message.properties.clone());
        let published =
            channel.basic_publish(exchange.into(), key, options, &message.data, properties);
        confirms.push(in_time("publish a job", published).await?);
    }
    for (confirm, message) in confirms.into_iter().zip(batch) {
        match in_time("publish a job", confirm).await? {
            Confirmation::Ack(None) => {}
            Confirmation::Ack(Some(_)) | Confirmation::Nack(_) | Confirmation::NotRequested => {
                return Err(QueueError("no queue takes the job".to_owned()));
            }
        }
        let acknowledged = message.delivery.ack(BasicAckOptions::default());
        in_time("remove a job", acknowledged).await?;
    }
    Ok(())
}

async fn connect(server: &Server) -> Result<(lapin::Connection, Channel), QueueError> {
    let connected = server.connect("thumbmill campaigns").await;
    connected.map_err(|error| failed("connect", &error))
}

/// On a blocked or cut connection an answer may never come.
async fn in_time<T>(
    what: &str,
    asked: impl Future<Output = lapin::Result<T>>,
) -> Result<T, QueueError> {
    match timeout(ANSWER_WITHIN, asked).await {
        Ok(answered) => answered.map_err(|error| failed(what, &error)),
        Err(_) => Err(QueueError(format!(
            "{what}: no answer within {ANSWER_WITHIN:?}"
        ))),
    }
}

fn failed(what: &str, error: &lapin::Error) -> QueueError {
    QueueError(format!("{what}: {error}"))
}
