//! The jobs of campaigns that pause, each campaign's on a queue of its own.

use lapin::message::BasicGetMessage;
use lapin::options::{BasicAckOptions, BasicGetOptions, BasicPublishOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::FieldTable;
use lapin::{Channel, Confirmation, ErrorKind};

use super::Server;
use super::operator::{failed, in_time};
use crate::campaigns::CampaignName;
use crate::queue::{Lane, QueueError};

/// How many jobs are moved at a time.
const BATCH: usize = 500;

/// Makes the queue.
pub(super) async fn declare(server: &Server, campaign: &CampaignName) -> Result<(), QueueError> {
    let (_connection, channel) = connect(server).await?;
    let queue = server.topology.paused(campaign);
    let durable = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    let declared = channel.queue_declare(queue.name.into(), durable, queue.arguments);
    in_time("make a queue", declared).await?;
    Ok(())
}

/// Has it ever been made? The channel is of no more use if not.
async fn exists(channel: &Channel, queue: &str) -> Result<bool, QueueError> {
    let passive = QueueDeclareOptions {
        passive: true,
        ..QueueDeclareOptions::default()
    };
    let looked = async {
        let found = channel.queue_declare(queue.into(), passive, FieldTable::default());
        match found.await {
            Ok(_) => Ok(true),
            Err(error) if is_not_found(&error) => Ok(false),
            Err(error) => Err(error),
        }
    };
    in_time("look for a queue", looked).await
}

fn is_not_found(error: &lapin::Error) -> bool {
    let not_found = AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND);
    matches!(error.kind(), ErrorKind::ProtocolError(error) if *error.kind() == not_found)
}

/// Moves what is there to the bulk lane. Interrupted, it can be called again.
pub(super) async fn empty(server: &Server, campaign: &CampaignName) -> Result<u64, QueueError> {
    let (_connection, channel) = connect(server).await?;
    let name = server.topology.paused(campaign).name;
    if !exists(&channel, &name).await? {
        return Ok(0);
    }
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
