//! The queue in RabbitMQ. Connections, channels, topology and consumers are built anew by loops
//! of our own whenever they break: a client library's recovery may come back silent.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::{
    ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use tokio::time::timeout;

use super::topology::Topology;
use super::{Lane, Message, Prefetch, PublishError, QueueError};
use crate::campaigns::CampaignName;
use crate::job::most_body_bytes;
use crate::settings::Settings;
use crate::shutdown::Shutdown;

mod consumer;
mod dead_letters;
mod message;
mod operator;
mod paused;
mod publisher;

pub(super) use consumer::Consumer;
pub(super) use consumer::Settler;
pub use dead_letters::{DeadLetters, Taken};
use publisher::Publisher;

/// How long a connection with its channels and its topology may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// A silent peer is given up after about three times this.
const HEARTBEAT_SECONDS: u16 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The queue in RabbitMQ; clones share one publishing connection.
#[derive(Clone, Debug)]
pub struct RabbitMq {
    server: Arc<Server>,
    publisher: Publisher,
}

/// How RabbitMQ is reached and what is declared there.
#[derive(Clone, Debug)]
struct Server {
    uri: AMQPUri,
    topology: Topology,
    confirm_within: Duration,
    /// A longer message is no job.
    most_body_bytes: u64,
    /// Jobs that may lack their confirmation at a time.
    unconfirmed: usize,
    shutdown: Shutdown,
}

impl RabbitMq {
    pub(super) fn open(
        url: &str,
        settings: &Settings,
        shutdown: &Shutdown,
    ) -> Result<Self, QueueError> {
        let mut uri: AMQPUri = url.parse().map_err(QueueError)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
        let server = Arc::new(Server {
            uri,
            topology: Topology::new(settings.namespace.as_str(), settings.queue_limit),
            confirm_within: settings.queue_timeout,
            most_body_bytes: most_body_bytes(settings.max_variants),
            unconfirmed: usize::try_from(settings.queue_unconfirmed).unwrap_or(usize::MAX),
            shutdown: shutdown.clone(),
        });
        Ok(Self {
            publisher: Publisher::start(Arc::clone(&server)),
            server,
        })
    }

    pub(super) async fn publish(&self, lane: Lane, message: &Message) -> Result<(), PublishError> {
        self.publisher
            .publish(self.server.topology.jobs(), lane.name(), message, None)
            .await
    }

    pub(super) fn consume(&self, prefetch: Prefetch, worker: &str) -> Consumer {
        let (server, publisher) = (Arc::clone(&self.server), self.publisher.clone());
        Consumer::start(server, publisher, prefetch, worker.into())
    }

    pub(super) async fn pause(&self, campaign: &CampaignName) -> Result<(), QueueError> {
        paused::declare(&self.server, campaign).await
    }

    pub(super) async fn resume(&self, campaign: &CampaignName) -> Result<u64, QueueError> {
        paused::empty(&self.server, campaign).await
    }

    pub(super) async fn dead_letters(&self) -> Result<DeadLetters, QueueError> {
        DeadLetters::open(Arc::clone(&self.server)).await
    }
}

impl Server {
    /// A new connection with everything declared, and a channel in confirm mode.
    async fn connect(&self, purpose: &str) -> Result<(Connection, Channel), lapin::Error> {
        let build = async {
            let properties = ConnectionProperties::default().with_connection_name(purpose.into());
            let connection = Connection::connect_uri(self.uri.clone(), properties).await?;
            let channel = connection.create_channel().await?;
            self.declare(&channel).await?;
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            Ok((connection, channel))
        };
        timeout(CONNECT_WITHIN, build)
            .await
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }

    async fn declare(&self, channel: &Channel) -> Result<(), lapin::Error> {
        let durable = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        for exchange in self.topology.exchanges() {
            channel
                .exchange_declare(
                    exchange.into(),
                    ExchangeKind::Direct,
                    durable,
                    FieldTable::default(),
                )
                .await?;
        }
        let durable = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        for queue in self.topology.queues() {
            channel
                .queue_declare(queue.name.as_str().into(), durable, queue.arguments)
                .await?;
            for key in queue.routing_keys {
                let (name, exchange) = (queue.name.as_str().into(), queue.exchange.as_str().into());
                let options = QueueBindOptions::default();
                channel
                    .queue_bind(name, exchange, key.into(), options, FieldTable::default())
                    .await?;
            }
        }
        Ok(())
    }
}

/// Grows from try to try, with jitter so that many processes do not come back together.
#[derive(Debug)]
struct Pause(Duration);

impl Default for Pause {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Pause {
    async fn wait(&mut self) {
        tokio::time::sleep(self.0.mul_f64(rand::random_range(0.5..1.0))).await;
        self.0 = (2 * self.0).min(LONGEST_PAUSE);
    }
}
