//! How a [`Message`] lies in AMQP: the body as it is, everything else in properties and headers.
//! A foreign publisher may leave any of them out.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};

use crate::job::RenderJob;
use crate::queue::{Message, Seen};
use crate::shown::shown;
use crate::trace::TraceContext;

const TRACEPARENT: &str = "traceparent";
const ATTEMPT: &str = "x-thumbmill-attempt";
const PUBLISHED: &str = "x-thumbmill-published-ms";
const ABSENT: &str = "x-thumbmill-absent";
const REASON: &str = "x-thumbmill-reason";
/// Of a reason so much is sent: all headers have to fit into one frame, of 128 KiB as a rule.
const REASON_CHARACTERS: usize = 1000;
const DIED: &str = "x-thumbmill-died-ms";
/// Counted by RabbitMQ: how often the message came back unsettled.
const DELIVERIES: &str = "x-delivery-count";
const PERSISTENT: u8 = 2;

/// What is sent with a message; with a reason it is a dead letter.
pub(super) fn properties(message: &Message, dead_because: Option<&str>) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(
        TRACEPARENT.into(),
        AMQPValue::LongString(message.trace.to_string().into()),
    );
    headers.insert(ATTEMPT.into(), AMQPValue::LongUInt(message.attempt));
    headers.insert(
        PUBLISHED.into(),
        AMQPValue::LongLongInt(unix_millis(message.published)),
    );
    if message.seen == Seen::Absent {
        headers.insert(ABSENT.into(), AMQPValue::Boolean(true));
    }
    if let Some(reason) = dead_because {
        headers.insert(
            REASON.into(),
            AMQPValue::LongString(shown(reason, REASON_CHARACTERS).into()),
        );
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
    let headers = properties.headers().as_ref();
    let header = |name: &str| headers.and_then(|headers| headers.inner().get(name));
    let number = |name: &str| header(name).and_then(integer);
    let trace = header(TRACEPARENT).and_then(|value| match value {
        AMQPValue::LongString(text) => {
            TraceContext::parse(&String::from_utf8_lossy(text.as_bytes()))
        }
        AMQPValue::ShortString(text) => TraceContext::parse(text.as_str()),
        _ => None,
    });
    let attempts = number(ATTEMPT).unwrap_or(1).max(1) + number(DELIVERIES).unwrap_or(0).max(0);
    let published = number(PUBLISHED).and_then(|millis| u64::try_from(millis).ok());
    Message {
        id: RenderJob::id_of(&body),
        body,
        attempt: u32::try_from(attempts).unwrap_or(u32::MAX),
        trace: trace.unwrap_or_else(TraceContext::random),
        published: published
            .and_then(|millis| UNIX_EPOCH.checked_add(Duration::from_millis(millis)))
            .unwrap_or_else(SystemTime::now),
        seen: match header(ABSENT) {
            Some(AMQPValue::Boolean(true)) => Seen::Absent,
            _ => Seen::Nothing,
        },
    }
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
            trace: TraceContext::random(),
            published: UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            seen: Seen::Absent,
        }
    }

    #[test]
    fn a_message_survives_the_way_through_amqp() {
        let message = message();
        assert_eq!(read(b"{}".to_vec(), &properties(&message, None)), message);
    }

    #[test]
    fn a_foreign_message_without_headers_is_a_first_attempt_that_knows_nothing() {
        let read = read(b"hello".to_vec(), &BasicProperties::default());
        assert_eq!((read.attempt, read.seen), (1, Seen::Nothing));
    }

    #[test]
    fn deliveries_that_came_back_count_as_attempts() {
        let properties = properties(&message(), None);
        let mut headers = properties.headers().clone().unwrap();
        headers.insert(DELIVERIES.into(), AMQPValue::LongLongInt(2));
        let read = read(b"{}".to_vec(), &properties.with_headers(headers));
        assert_eq!(read.attempt, 5);
    }
}
