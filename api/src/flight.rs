//! One flight per missing variant and process: it has its turn, publishes the job, or finds that
//! somebody else has, and stays until the end. However many requests wait, the queue sees one job.

use std::collections::{HashMap, HashSet, hash_map};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use thumbmill_http::{Client, Full, Place, Places};
use thumbmill_shared::asset::AssetId;
use thumbmill_shared::job::{JobError, Priority, RenderJob};
use thumbmill_shared::metrics::WAITING;
use thumbmill_shared::outcome::{Outcome, Ready};
use thumbmill_shared::queue::{Lane, Message, PublishError, Queue, Seen};
use thumbmill_shared::readiness::{Ending, Enqueue, Event, Pending, Readiness};
use thumbmill_shared::shutdown::Shutdown;
use thumbmill_shared::storage::Storage;
use thumbmill_shared::telemetry::panic_text;
use thumbmill_shared::trace::TraceContext;
use thumbmill_shared::variant::{Variant, VariantKey};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use crate::descriptions::Descriptions;
use crate::prefer::Patience;
use crate::turns::{Ticket, Turn, Turns, Wait};

/// How often a flight looks again, in case an announcement was lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a job on the background lane is waited for before it is published as an interactive one, too: most are
/// done by then, and a second job would find that out only after a while.
const BACKGROUND_FIRST: Duration = Duration::from_millis(250);

/// How long a job that nobody waits for is counted, if nothing is heard of it.
const COUNTED_FOR: Duration = Duration::from_mins(1);

/// Why a variant is not there, though nothing is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// As many jobs wait as may wait.
    #[error("the queue is full")]
    Full,
    /// The job could not be put on the queue.
    #[error("{0}")]
    Unavailable(String),
    /// It takes longer than anybody waits.
    #[error("the deadline has passed")]
    Deadline,
    /// As many requests wait as may wait.
    #[error("too many requests wait")]
    Crowded,
    /// As many of this client wait as may wait.
    #[error("too many requests of this client wait")]
    Client,
    /// As many thumbnails of this original are waited for as may be.
    #[error("too many thumbnails of this original are waited for")]
    Original,
}

impl From<Full> for Refusal {
    fn from(full: Full) -> Self {
        match full {
            Full::All => Self::Crowded,
            Full::Client => Self::Client,
        }
    }
}

impl Refusal {
    /// What the client is told.
    pub(crate) fn told(&self) -> &'static str {
        match self {
            Self::Full | Self::Unavailable(_) | Self::Deadline | Self::Crowded => {
                "The thumbnail is not ready yet; try again."
            }
            Self::Client => "You wait for too many thumbnails at a time; ask for fewer.",
            Self::Original => {
                "Too many thumbnails of this asset are waited for at a time; ask for fewer."
            }
        }
    }

    /// Its name in metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Full => "queue_full",
            Self::Unavailable(_) => "queue_unavailable",
            Self::Deadline => "deadline",
            Self::Crowded => "crowded",
            Self::Client => "client",
            Self::Original => "original",
        }
    }
}

/// Where a flight is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing is known yet.
    Started,
    /// The job is on the queue.
    Queued,
    /// It is over.
    Ended(Result<Ending, Refusal>),
}

#[derive(Debug)]
enum Wake {
    Ended(Ending),
    LookAgain,
    /// A client asks for the variant and does not wait.
    AskedAsync,
    /// A client waits that has no turn yet: it is the first that waits, or came after the turn was given.
    Awaited(Wait),
}

/// How many there may be at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Of thumbnails, counted once for each client that has asked for them.
    pub(crate) all: u32,
    /// The same of one client.
    pub(crate) per_client: u32,
    /// Thumbnails of one original.
    pub(crate) per_original: u32,
}

/// The flights of one process; clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Flights {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    storage: Storage,
    readiness: Readiness,
    queue: Queue,
    per_original: u32,
    places: Places,
    turns: Turns,
    shutdown: Shutdown,
    running: Mutex<HashMap<VariantKey, Running>>,
}

#[derive(Debug)]
struct Running {
    of: AssetId,
    /// Those who wait have a receiver each.
    progress: watch::Sender<Progress>,
    wake: mpsc::UnboundedSender<Wake>,
    /// Of every client that has asked for it, however it waits; until the flight ends.
    places: HashMap<Client, Place>,
    /// None while nobody has waited.
    ticket: Option<Ticket>,
}

impl Flights {
    /// No flights yet.
    pub(crate) fn new(
        storage: Storage,
        readiness: Readiness,
        queue: Queue,
        limits: Limits,
        shutdown: &Shutdown,
    ) -> Self {
        let running = Mutex::default();
        let shutdown = shutdown.clone();
        Self {
            shared: Arc::new(Shared {
                storage,
                readiness,
                queue,
                per_original: limits.per_original,
                places: Places::new(limits.all, Some(limits.per_client), WAITING),
                turns: Turns::default(),
                shutdown,
                running,
            }),
        }
    }

    /// Joins the flight for a variant in the name of `client`, or starts it if there are not too many
    /// of this client, of its original, or at all. The job of clients that do not wait needs no turn: it
    /// is published on the background lane.
    pub(crate) fn join(
        &self,
        variant: &Variant,
        (client, patience): (Client, Patience),
        trace: &TraceContext,
    ) -> Result<watch::Receiver<Progress>, Refusal> {
        let (shared, key, of) = (&self.shared, variant.key(), variant.asset);
        let mut running = shared.running();
        if let Some(flight) = running.get_mut(&key) {
            if let hash_map::Entry::Vacant(vacant) = flight.places.entry(client) {
                vacant.insert(shared.places.enter(client)?);
            }
            // A flight that has just ended needs no waking.
            match (patience, flight.ticket) {
                (Patience::Async, _) => drop(flight.wake.send(Wake::AskedAsync)),
                (Patience::Wait(_), Some(ticket)) if shared.turns.join(ticket, client) => {}
                (Patience::Wait(_), _) => {
                    let turn = shared.turns.ask(client);
                    flight.ticket = Some(turn.ticket());
                    drop(flight.wake.send(Wake::Awaited(turn)));
                }
            }
            return Ok(flight.progress.subscribe());
        }
        let place = shared.places.enter(client)?;
        let same = running.values().filter(|flight| flight.of == of);
        if is_too_much(
            same.map(|flight| &flight.places),
            client,
            shared.per_original,
        ) {
            return Err(Refusal::Original);
        }
        let (progress, receiver) = watch::channel(Progress::Started);
        let (wake, woken) = mpsc::unbounded_channel();
        let turn = match patience {
            Patience::Async => None,
            Patience::Wait(_) => Some(shared.turns.ask(client)),
        };
        let flight = Running {
            of,
            progress: progress.clone(),
            wake,
            places: HashMap::from([(client, place)]),
            ticket: turn.as_ref().map(Wait::ticket),
        };
        running.insert(key.clone(), flight);
        drop(running);
        let flight = Flight {
            shared: Arc::clone(shared),
            key,
            variant: variant.clone(),
            trace: trace.child(),
            progress,
        };
        shared.shutdown.spawn(flight.run(turn, woken));
        Ok(receiver)
    }

    /// Passes announcements on to flights and changes of originals to `descriptions`, from this
    /// moment on; until dropped.
    pub(crate) fn listen(self, descriptions: Descriptions) -> impl Future<Output = ()> {
        let mut events = self.shared.readiness.events();
        async move {
            loop {
                match events.recv().await {
                    Ok(Event::Done(key, ending)) => self.shared.wake(&key, Wake::Ended(ending)),
                    Ok(Event::OriginalChanged(asset)) => descriptions.forget(asset).await,
                    Ok(Event::Resubscribed) | Err(RecvError::Lagged(_)) => {
                        descriptions.forget_all();
                        self.shared.wake_all();
                    }
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }
}

/// Has `client` its share of all flights of an original, of which there may be `most`? Whoever has
/// them all must not keep others from it, so these have a share of their own beyond that.
fn is_too_much<'a, P: 'a>(
    flights: impl Iterator<Item = &'a HashMap<Client, P>>,
    client: Client,
    most: u32,
) -> bool {
    let (mut all, mut own, mut clients) = (0, 0, HashSet::from([client]));
    for places in flights {
        all += 1;
        own += u32::from(places.contains_key(&client));
        clients.extend(places.keys().copied());
    }
    let share = most / u32::try_from(clients.len()).unwrap_or(u32::MAX);
    all >= most && (own >= share.max(1) || all >= most.saturating_mul(2))
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, HashMap<VariantKey, Running>> {
        // Nothing panics while the lock is held, and the map stays whole if it did.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, key: &VariantKey, wake: Wake) {
        if let Some(flight) = self.running().get(key) {
            // A flight that has just ended needs no waking.
            let _ = flight.wake.send(wake);
        }
    }

    fn wake_all(&self) {
        for flight in self.running().values() {
            let _ = flight.wake.send(Wake::LookAgain);
        }
    }
}

/// What became of a look at a variant.
enum Looked {
    /// It has ended.
    Known(Outcome),
    /// Its job is on its way.
    Pending,
    /// Its job was put on the queue.
    Published,
}

/// Waits for the turn, until then if it comes earlier; for ever if nobody has asked for one.
async fn come(turn: &mut Option<Wait>, not_before: Option<Instant>) -> Turn {
    let Some(turn) = turn else {
        return std::future::pending().await;
    };
    if let Some(not_before) = not_before {
        sleep_until(not_before).await;
    }
    turn.come().await
}

/// Waits until then; for ever if it is never.
async fn passed(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

struct Flight {
    shared: Arc<Shared>,
    key: VariantKey,
    variant: Variant,
    trace: TraceContext,
    progress: watch::Sender<Progress>,
}

impl Flight {
    async fn run(self, turn: Option<Wait>, woken: mpsc::UnboundedReceiver<Wake>) {
        let end = match self.message() {
            Ok(message) => {
                let flying = AssertUnwindSafe(self.fly(&message, turn, woken)).catch_unwind();
                // Left in the map it would keep all who join waiting until their deadlines.
                flying.await.unwrap_or_else(|panic| {
                    let why = format!("panicked: {}", panic_text(&*panic));
                    Some(Err(Refusal::Unavailable(why)))
                })
            }
            Err(error) => Some(Err(Refusal::Unavailable(error.to_string()))),
        };
        // Out of the map first: whoever joins from here on starts anew and sees the present.
        let left = self.shared.running().remove(&self.key);
        drop(left);
        if let Some(end) = end {
            self.progress.send_replace(Progress::Ended(end));
        }
    }

    fn message(&self) -> Result<Message, JobError> {
        let request = self.variant.transform.to_request();
        let job = RenderJob {
            original_version: Some(self.variant.original_version.clone()),
            encoding: Some(self.variant.encoding),
            ..RenderJob::new(self.variant.asset, vec![request])
        };
        Message::new(&job, Seen::Nothing, self.trace.clone())
    }

    /// Until the end. `None`: nobody waits any more, and nothing is known of a job, or it has not
    /// ended for long.
    async fn fly(
        &self,
        message: &Message,
        mut turn: Option<Wait>,
        mut woken: mpsc::UnboundedReceiver<Wake>,
    ) -> Option<Result<Ending, Refusal>> {
        let mut asked_async = turn.is_none();
        let (mut counted_until, mut not_before) = (None, None);
        loop {
            if asked_async && counted_until.is_none() {
                match self.look(message, Priority::Bulk, true).await {
                    Ok(Looked::Known(outcome)) => return Some(Ok(outcome.into())),
                    Ok(Looked::Pending | Looked::Published) => self.queued(),
                    Err(refusal) => return Some(Err(refusal)),
                }
                counted_until = Some(Instant::now() + COUNTED_FOR);
            }
            tokio::select! {
                // What may go goes, even if its client is gone by now.
                biased;
                turn = come(&mut turn, not_before) => {
                    return self.see_through(message, turn, counted_until, woken).await;
                }
                wake = woken.recv() => match wake {
                    Some(Wake::Ended(ending)) => return Some(Ok(ending)),
                    Some(Wake::LookAgain) => if let Some(outcome) = self.stored().await {
                        return Some(Ok(outcome.into()));
                    }
                    Some(Wake::AskedAsync) => asked_async = true,
                    Some(Wake::Awaited(first)) => {
                        turn = Some(first);
                        not_before = counted_until.map(|_| Instant::now() + BACKGROUND_FIRST);
                    }
                    None => return None,
                },
                // Nothing is begun for nobody.
                () = self.progress.closed(), if counted_until.is_none() => return None,
                () = passed(counted_until) => return None,
                () = self.forsaken() => return None,
            }
        }
    }

    /// Has the turn, and keeps it until the job has ended: it is counted as long as it is there.
    async fn see_through(
        &self,
        message: &Message,
        mut turn: Turn,
        counted_until: Option<Instant>,
        mut woken: mpsc::UnboundedReceiver<Wake>,
    ) -> Option<Result<Ending, Refusal>> {
        // Not at once: even a tick that is due waits for the timer's next millisecond.
        let mut ticks = interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut published, mut first, mut next) = (None, true, None);
        loop {
            if self.is_awaited() {
                match self.look(message, turn.priority(), first).await {
                    Ok(Looked::Known(outcome)) => return Some(Ok(outcome.into())),
                    Ok(Looked::Pending) => {}
                    Ok(Looked::Published) => published = Some(Instant::now() + COUNTED_FOR),
                    Err(refusal) => return Some(Err(refusal)),
                }
                first = false;
                self.queued();
            } else if published
                .max(counted_until)
                .is_none_or(|until| until < Instant::now())
            {
                if published.is_some() {
                    turn.late();
                }
                return None;
            }
            tokio::select! {
                wake = woken.recv() => match wake {
                    Some(Wake::Ended(ending)) => {
                        if let (Some(_), Outcome::Ready(Ready { render_ms: Some(ms), .. })) = (published, &ending.outcome) {
                            turn.done(Duration::from_millis(*ms), self.is_awaited());
                        }
                        return Some(Ok(ending));
                    }
                    // Redis was away: what was stored then it may never have heard of.
                    Some(Wake::LookAgain) => if let Some(outcome) = self.stored().await {
                        return Some(Ok(outcome.into()));
                    }
                    // Its turn may have the priority that the one before has not.
                    Some(Wake::Awaited(wait)) if turn.priority() == Priority::Bulk => {
                        next = Some(wait);
                    }
                    // The job is on the queue, or about to be.
                    Some(Wake::AskedAsync | Wake::Awaited(_)) | None => {}
                },
                better = come(&mut next, None) => {
                    (turn, first, next) = (better, true, None);
                }
                () = self.forsaken() => return None,
                _ = ticks.tick() => {}
            }
        }
    }

    /// Waits until the process ends and nobody waits for this any more. Its job is on the queue, where it needs no
    /// flight, and the process must not wait for it.
    async fn forsaken(&self) {
        self.shared.shutdown.begun().await;
        self.progress.closed().await;
    }

    fn is_awaited(&self) -> bool {
        self.progress.receiver_count() > 0
    }

    fn queued(&self) {
        self.progress.send_if_modified(|progress| {
            let news = *progress == Progress::Started;
            if news {
                *progress = Progress::Queued;
            }
            news
        });
    }

    /// Publishes the job if nobody has. `first`: this flight has not looked with this priority.
    async fn look(
        &self,
        message: &Message,
        priority: Priority,
        first: bool,
    ) -> Result<Looked, Refusal> {
        let readiness = &self.shared.readiness;
        let pending = Pending {
            job: message.id.clone(),
            priority,
        };
        match readiness.enqueue(&self.key, &pending).await {
            Ok(Enqueue::Known(outcome)) => Ok(Looked::Known(outcome)),
            Ok(Enqueue::Pending) => Ok(Looked::Pending),
            Ok(Enqueue::Publish) => {
                let published = self.publish(message, priority).await;
                let told = match &published {
                    Ok(()) => readiness.published(&self.key, &pending).await,
                    Err(_) => readiness.withdraw(&self.key, &pending).await,
                };
                if let Err(error) = told {
                    tracing::warn!(%error, key = %self.key, "a pending job could not be noted");
                }
                published.map(|()| Looked::Published)
            }
            Err(error) => {
                tracing::debug!(%error, key = %self.key, "going on without claims");
                self.look_without_claims(message, priority, first).await
            }
        }
    }

    /// Without the readiness store: the store is asked, and the job is published once.
    async fn look_without_claims(
        &self,
        message: &Message,
        priority: Priority,
        first: bool,
    ) -> Result<Looked, Refusal> {
        match self.stored().await {
            Some(outcome) => Ok(Looked::Known(outcome)),
            None if first => {
                let published = self.publish(message, priority).await;
                published.map(|()| Looked::Published)
            }
            None => Ok(Looked::Pending),
        }
    }

    async fn publish(&self, message: &Message, priority: Priority) -> Result<(), Refusal> {
        // The request that began this flight had just looked. Later it may have been made, and
        // its announcement missed.
        let first = *self.progress.borrow() == Progress::Started;
        let message = Message {
            seen: if first { Seen::Absent } else { Seen::Nothing },
            published: SystemTime::now(),
            ..message.clone()
        };
        let lane = match priority {
            Priority::Interactive => Lane::Interactive,
            Priority::Bulk => Lane::Background,
        };
        let published = self.shared.queue.publish(lane, message).await;
        published.map_err(|error| match error {
            PublishError::Full => Refusal::Full,
            PublishError::Unavailable(why) => Refusal::Unavailable(why),
        })
    }

    async fn stored(&self) -> Option<Outcome> {
        // A store that does not answer has nothing to say.
        let head = self
            .shared
            .storage
            .head(&self.variant.object())
            .await
            .ok()??;
        Some(Outcome::Ready(Ready {
            length_bytes: head.length_bytes,
            render_ms: None,
            queued_ms: None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn whoever_has_all_flights_of_an_original_does_not_keep_others_from_it() {
        let client = |n: u8| Client::from(IpAddr::from([192, 0, 2, n]));
        let mut flights: Vec<HashMap<Client, u8>> = Vec::new();
        let mut join = |n: u8| {
            let refused = is_too_much(flights.iter(), client(n), 10);
            if !refused {
                flights.push(HashMap::from([(client(n), 0)]));
            }
            !refused
        };
        let flood: Vec<bool> = (0..12).map(|_| join(1)).collect();
        assert_eq!(flood.iter().filter(|joined| **joined).count(), 10);
        let other: Vec<bool> = (0..7).map(|_| join(2)).collect();
        assert_eq!(other.iter().filter(|joined| **joined).count(), 5);
        assert!(!join(1));
        // There is an end to it, however many come.
        let many: Vec<bool> = (3..30).map(join).collect();
        assert_eq!(many.iter().filter(|joined| **joined).count(), 5);
    }
}
