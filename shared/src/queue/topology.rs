//! Every exchange, queue and binding on RabbitMQ, in one list. Nothing here talks to RabbitMQ.

use std::time::Duration;

use lapin::types::{AMQPValue, FieldTable};

use super::Lane;
use crate::campaigns::CampaignName;

/// How often a message may be delivered without being settled before its workers are taken to
/// have died of it. Every prefetched message of a dying worker, or of a connection that is cut,
/// counts one, so not too few.
const DELIVERY_LIMIT: i64 = 50;

/// The same for messages that are kept for the operator, who may look at them as often as he
/// likes: RabbitMQ 4 would take 20 if nothing were said, and then drop them.
const KEPT_DELIVERY_LIMIT: i64 = 1_000_000_000;

/// How long a job waits before it is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delay {
    /// 5 seconds.
    Short,
    /// 30 seconds.
    Middle,
    /// 5 minutes.
    Long,
}

impl Delay {
    /// Every delay.
    pub const ALL: [Self; 3] = [Self::Short, Self::Middle, Self::Long];

    /// The delay after attempt number `attempt` failed, from 1.
    pub fn after(attempt: u32) -> Self {
        match attempt {
            0 | 1 => Self::Short,
            2 => Self::Middle,
            _ => Self::Long,
        }
    }

    /// How long it is.
    pub fn duration(self) -> Duration {
        match self {
            Self::Short => Duration::from_secs(5),
            Self::Middle => Duration::from_secs(30),
            Self::Long => Duration::from_mins(5),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Short => "5s",
            Self::Middle => "30s",
            Self::Long => "5m",
        }
    }
}

/// The names of everything below one namespace.
#[derive(Clone, Debug)]
pub(super) struct Topology {
    namespace: String,
    /// Jobs in each lane that is limited.
    limit: u32,
}

/// A queue to declare, with the exchange and the keys that lead to it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct QueueSpec {
    pub(super) name: String,
    pub(super) exchange: String,
    pub(super) routing_keys: Vec<&'static str>,
    pub(super) arguments: FieldTable,
}

/// The routing key of messages whose deliveries ran out.
const EXPIRED: &str = "expired";
/// The routing key of dead letters.
pub(super) const DEAD: &str = "dead";

impl Topology {
    pub(super) fn new(namespace: &str, limit: u32) -> Self {
        Self {
            namespace: namespace.to_owned(),
            limit,
        }
    }

    /// Where jobs are published, with the lane's name as routing key.
    pub(super) fn jobs(&self) -> String {
        self.namespace.clone()
    }

    /// Where jobs are published that shall wait; they come back to their routing key's lane.
    pub(super) fn retry(&self, delay: Delay) -> String {
        format!("{}.retry.{}", self.namespace, delay.name())
    }

    /// Where jobs are published that shall not be tried again.
    pub(super) fn dead_letters(&self) -> String {
        format!("{}.dead", self.namespace)
    }

    /// The queue of a lane.
    pub(super) fn lane(&self, lane: Lane) -> String {
        format!("{}.{lane}", self.namespace)
    }

    /// The queue of jobs whose deliveries ran out.
    pub(super) fn expired(&self) -> String {
        format!("{}.{EXPIRED}", self.namespace)
    }

    /// The queue of a campaign's jobs while it pauses. It is made when one pauses, so it
    /// is not among [`Topology::queues`]; jobs come to it through the default exchange.
    pub(super) fn paused(&self, campaign: &CampaignName) -> QueueSpec {
        let mut arguments = delivered_at_most(KEPT_DELIVERY_LIMIT);
        arguments.insert("x-overflow".into(), text("reject-publish"));
        QueueSpec {
            name: format!("{}.paused.{campaign}", self.namespace),
            exchange: String::new(),
            routing_keys: Vec::new(),
            arguments,
        }
    }

    /// Every exchange: all are direct and durable.
    pub(super) fn exchanges(&self) -> Vec<String> {
        let retries = Delay::ALL.into_iter().map(|delay| self.retry(delay));
        [self.jobs(), self.dead_letters()]
            .into_iter()
            .chain(retries)
            .collect()
    }

    /// Every queue: all are durable quorum queues, and none drops a message. A dead letter
    /// leaves its queue only once its next queue has confirmed it (at-least-once).
    pub(super) fn queues(&self) -> Vec<QueueSpec> {
        let lane = |lane: Lane| {
            let mut arguments = delivered_at_most(DELIVERY_LIMIT);
            dead_letter_to(&mut arguments, &self.dead_letters());
            arguments.insert("x-dead-letter-routing-key".into(), text(EXPIRED));
            if lane.is_limited() {
                arguments.insert(
                    "x-max-length".into(),
                    AMQPValue::LongLongInt(self.limit.into()),
                );
            }
            QueueSpec {
                name: self.lane(lane),
                exchange: self.jobs(),
                routing_keys: vec![lane.name()],
                arguments,
            }
        };
        let retry = |delay: Delay| {
            let mut arguments = quorum();
            let millis = i64::try_from(delay.duration().as_millis()).unwrap_or(i64::MAX);
            arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(millis));
            dead_letter_to(&mut arguments, &self.jobs());
            QueueSpec {
                name: self.retry(delay),
                exchange: self.retry(delay),
                routing_keys: Lane::ALL.map(Lane::name).to_vec(),
                arguments,
            }
        };
        let kept = |name: String, key| QueueSpec {
            name,
            exchange: self.dead_letters(),
            routing_keys: vec![key],
            arguments: delivered_at_most(KEPT_DELIVERY_LIMIT),
        };
        let lanes = Lane::ALL.into_iter().map(lane);
        let ends = [
            kept(self.expired(), EXPIRED),
            kept(self.dead_letters(), DEAD),
        ];
        lanes
            .chain(Delay::ALL.into_iter().map(retry))
            .chain(ends)
            .collect()
    }
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments
}

fn delivered_at_most(times: i64) -> FieldTable {
    let mut arguments = quorum();
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(times));
    arguments
}

fn dead_letter_to(arguments: &mut FieldTable, exchange: &str) {
    arguments.insert("x-dead-letter-exchange".into(), text(exchange));
    arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
    arguments.insert("x-overflow".into(), text("reject-publish"));
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_queue_is_bound_to_an_exchange_that_exists() {
        let topology = Topology::new("test", 10);
        let exchanges = topology.exchanges();
        for queue in topology.queues() {
            assert!(exchanges.contains(&queue.exchange), "{}", queue.name);
        }
    }

    /// Without a limit RabbitMQ has one of its own since version 4.
    #[test]
    fn every_queue_that_is_consumed_says_how_often_it_delivers() {
        for queue in Topology::new("test", 10).queues() {
            let limited = queue.arguments.inner().contains_key("x-delivery-limit");
            assert_eq!(limited, !queue.name.contains(".retry."), "{}", queue.name);
        }
    }

    #[test]
    fn delays_grow_with_the_attempts() {
        let delays: Vec<Duration> = (1..5)
            .map(|attempt| Delay::after(attempt).duration())
            .collect();
        assert_eq!(delays, [5, 30, 300, 300].map(Duration::from_secs));
    }
}
