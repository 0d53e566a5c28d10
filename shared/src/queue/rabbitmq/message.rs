//! How a [`Message`] lies in AMQP: the body as it is, everything else in properties and headers.
//! A foreign publisher may leave any of them out.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};

use crate::job::RenderJob;
use crate::queue::{DeadLetter, Lane, Message, Seen};
use crate::shown::shown;
use crate::trace::TraceContext;

const TRACEPARENT: &str = "traceparent";
const ATTEMPT: &str = "x-thumbmill-attempt";
const OUTAGES: &str = "x-thumbmill-outages";
const PUBLISHED: &str = "x-thumbmill-published-ms";
const ABSENT: &str = "x-thumbmill-absent";
const FAILED: &str = "x-thumbmill-failed";
const REASON: &str = "x-thumbmill-reason";
/// Of a reason so much is sent: all headers have to fit into one frame, of 128 KiB as a rule.
const REASON_CHARACTERS: usize = 1000;
const DIED: &str = "x-thumbmill-died-ms";
const WORKER: &str = "x-thumbmill-worker";
const LANE: &str = "x-thumbmill-lane";
/// Counted by RabbitMQ: how often the message came back unsettled.
const DELIVERIES: &str = "x-delivery-count";
const PERSISTENT: u8 = 2;

/// What makes a message a dead letter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Death<'a> {
    pub(super) reason: &'a str,
    /// Who gave it up.
    pub(super) worker: &'a str,
    pub(super) lane: Lane,
}

/// What is sent with a message, also with a dead letter.
pub(super) fn properties(message: &Message, death: Option<Death<'_>>) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(
        TRACEPARENT.into(),
        AMQPValue::LongString(message.trace.to_string().into()),
    );
    headers.insert(ATTEMPT.into(), AMQPValue::LongUInt(message.attempt));
    if message.outages > 0 {
        headers.insert(OUTAGES.into(), AMQPValue::LongUInt(message.outages));
    }
    headers.insert(
        PUBLISHED.into(),
        AMQPValue::LongLongInt(unix_millis(message.published)),
    );
    let seen = match message.seen {
        Seen::Absent => Some(ABSENT),
        Seen::Failed => Some(FAILED),
        Seen::Nothing => None,
    };
    if let Some(seen) = seen {
        headers.insert(seen.into(), AMQPValue::Boolean(true));
    }
    if let Some(death) = death {
        let reason = shown(death.reason, REASON_CHARACTERS);
        let texts = [
            (REASON, reason.as_str()),
            (WORKER, death.worker),
            (LANE, death.lane.name()),
        ];
        for (name, text) in texts {
            headers.insert(name.into(), AMQPValue::LongString(text.into()));
        }
        headers.insert(
            DIED.into(),
            AMQPValue::LongLongInt(unix_millis(SystemTime::now())),
        );
    }
    BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(message.id.as_str().into())
        .with_headers(headers)
}

/// Reads what was delivered.
pub(super) fn read(body: Vec<u8>, properties: &BasicProperties) -> Message {
    let header = |name: &str| header(properties, name);
    let number = |name: &str| header(name).and_then(integer);
    let trace = header(TRACEPARENT).and_then(words);
    let trace = trace.and_then(|text| TraceContext::parse(&text));
    // A worker that dies, and every connection that is cut, sends back all jobs that it has, begun or
    // not: they are new attempts, but prove nothing of the job. RabbitMQ limits their number.
    let returns = number(DELIVERIES).unwrap_or(0).max(0);
    let attempts = number(ATTEMPT).unwrap_or(1).max(1) + returns;
    let outages = number(OUTAGES).unwrap_or(0).max(0) + returns;
    Message {
        id: RenderJob::id_of(&body),
        body,
        attempt: u32::try_from(attempts).unwrap_or(u32::MAX),
        outages: u32::try_from(outages).unwrap_or(u32::MAX),
        trace: trace.unwrap_or_else(TraceContext::random),
        published: number(PUBLISHED)
            .and_then(time)
            .unwrap_or_else(SystemTime::now),
        seen: match (header(ABSENT), header(FAILED)) {
            (_, Some(AMQPValue::Boolean(true))) => Seen::Failed,
            (Some(AMQPValue::Boolean(true)), _) => Seen::Absent,
            _ => Seen::Nothing,
        },
    }
}

/// Reads what is on a dead letter, which another tool may have put there.
pub(super) fn read_dead_letter(body: Vec<u8>, properties: &BasicProperties) -> DeadLetter {
    let text = |name| header(properties, name).and_then(words);
    let lane = text(LANE).and_then(|lane| Lane::named(&lane));
    let number = |name| header(properties, name).and_then(integer);
    let died = number(DIED).and_then(time);
    let attempt = number(ATTEMPT).and_then(|attempt| u32::try_from(attempt).ok());
    DeadLetter {
        message: Message {
            // Each look at a dead letter counts as a delivery of it, and is no attempt.
            attempt: attempt.unwrap_or(1),
            ..read(body, properties)
        },
        lane: lane.unwrap_or(Lane::Interactive),
        reason: text(REASON).unwrap_or_default(),
        worker: text(WORKER).unwrap_or_default(),
        died,
    }
}

fn header<'p>(properties: &'p BasicProperties, name: &str) -> Option<&'p AMQPValue> {
    properties.headers().as_ref()?.inner().get(name)
}

fn words(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        _ => None,
    }
}

fn time(unix_millis: i64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(u64::try_from(unix_millis).ok()?))
}

fn unix_millis(time: SystemTime) -> i64 {
    let millis = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis();
    i64::try_from(millis).unwrap_or(i64::MAX)
}

fn integer(value: &AMQPValue) -> Option<i64> {
    match *value {
        AMQPValue::ShortShortInt(number) => Some(number.into()),
        AMQPValue::ShortShortUInt(number) => Some(number.into()),
        AMQPValue::ShortInt(number) => Some(number.into()),
        AMQPValue::ShortUInt(number) => Some(number.into()),
        AMQPValue::LongInt(number) => Some(number.into()),
        AMQPValue::LongUInt(number) => Some(number.into()),
        AMQPValue::LongLongInt(number) => Some(number),
        // The rest is not ours to enumerate: the type is the library's.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        let body = b"{}".to_vec();
        Message {
            id: RenderJob::id_of(&body),
            body,
            attempt: 3,
            outages: 1,
            trace: TraceContext::random(),
            published: UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            seen: Seen::Absent,
        }
    }

    #[test]
    fn a_message_survives_the_way_through_amqp() {
        for seen in [Seen::Absent, Seen::Failed, Seen::Nothing] {
            let message = Message { seen, ..message() };
            assert_eq!(read(b"{}".to_vec(), &properties(&message, None)), message);
        }
    }

    #[test]
    fn a_foreign_message_without_headers_is_a_first_attempt_that_knows_nothing() {
        let read = read(b"hello".to_vec(), &BasicProperties::default());
        assert_eq!((read.attempt, read.seen), (1, Seen::Nothing));
    }

    #[test]
    fn a_dead_letter_tells_why_who_and_where_from() {
        let death = Death {
            reason: "the store is away",
            worker: "w1",
            lane: Lane::Bulk,
        };
        let letter = read_dead_letter(b"{}".to_vec(), &properties(&message(), Some(death)));
        assert_eq!(letter.message.attempt, message().attempt);
        assert_eq!(
            (letter.reason.as_str(), letter.worker.as_str()),
            ("the store is away", "w1")
        );
        assert_eq!(letter.lane, Lane::Bulk);
        assert!(letter.died.is_some());
        let foreign = read_dead_letter(b"?".to_vec(), &BasicProperties::default());
        assert_eq!((foreign.reason.as_str(), foreign.died), ("", None));
    }

    #[test]
    fn deliveries_that_came_back_are_attempts_that_prove_nothing() {
        let properties = properties(&message(), None);
        let mut headers = properties.headers().clone().unwrap();
        headers.insert(DELIVERIES.into(), AMQPValue::LongLongInt(2));
        let read = read(b"{}".to_vec(), &properties.with_headers(headers));
        assert_eq!((read.attempt, read.outages), (5, 3));
        assert_eq!(read.counted_attempt(), message().counted_attempt());
    }
}
