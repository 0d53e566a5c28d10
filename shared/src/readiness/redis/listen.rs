//! The one subscription of a process. It is built anew whenever it breaks, and asked for a sign
//! of life every second, since a subscriber does not notice by itself that its server is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use redis::{Client, Msg, RedisError};
use tokio::sync::broadcast;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::{Names, announcement};
use crate::metrics::CONNECTED;
use crate::readiness::Event;

const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Listens to `channels` until dropped.
pub(super) async fn run(
    client: Client,
    channels: Vec<String>,
    names: Arc<Names>,
    events: broadcast::Sender<Event>,
    listening: Arc<AtomicBool>,
) {
    let mut pause = FIRST_PAUSE;
    loop {
        let broken = subscription(&client, &channels, &names, (&events, &listening)).await;
        if listening.swap(false, Ordering::Relaxed) {
            pause = FIRST_PAUSE;
        }
        metrics::gauge!(CONNECTED, "to" => "readiness").set(0.0);
        tracing::warn!(error = %broken, retry_in = ?pause, "listening to Redis ended");
        sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

/// One subscription, until it breaks.
async fn subscription(
    client: &Client,
    channels: &[String],
    names: &Names,
    (events, listening): (&broadcast::Sender<Event>, &AtomicBool),
) -> Broken {
    let connected = timeout(ANSWER_WITHIN, async {
        let (mut sink, stream) = client.get_async_pubsub().await?.split();
        sink.subscribe(channels).await?;
        Ok::<_, RedisError>((sink, stream))
    });
    let (mut sink, mut stream) = match connected.await {
        Ok(Ok(connected)) => connected,
        Ok(Err(error)) => return Broken::Error(error),
        Err(_) => return Broken::Silent,
    };
    listening.store(true, Ordering::Relaxed);
    metrics::gauge!(CONNECTED, "to" => "readiness").set(1.0);
    // Nobody may be waiting; what is said to nobody is not missed.
    let _ = events.send(Event::Resubscribed);
    let mut ticks = interval(SIGN_OF_LIFE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            message = stream.next() => match message {
                Some(message) => {
                    if let Some(event) = read(names, &message) {
                        let _ = events.send(event);
                    }
                }
                None => return Broken::Ended,
            },
            _ = ticks.tick() => match timeout(ANSWER_WITHIN, sink.ping::<redis::Value>()).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Broken::Error(error),
                Err(_) => return Broken::Silent,
            },
        }
    }
}

/// Why a subscription ended.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the server closed the connection")]
    Ended,
    #[error("no answer within {ANSWER_WITHIN:?}")]
    Silent,
    #[error("{0}")]
    Error(RedisError),
}

/// A foreign or malformed message is no event; waiters look up once a second anyway.
fn read(names: &Names, message: &Msg) -> Option<Event> {
    if message.get_channel_name() == names.changed() {
        let asset: String = message.get_payload().ok()?;
        return Some(Event::OriginalChanged(asset.parse().ok()?));
    }
    let announced: Vec<u8> = message.get_payload().ok()?;
    let (key, ending) = announcement::read(&announced.into())?;
    Some(Event::Done(key, ending))
}
