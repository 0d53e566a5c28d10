//! Deliveries in, settled deliveries out. Knows no pixels.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use futures_util::FutureExt;
use thumbmill_shared::job::{Priority, RenderJob, most_body_bytes};
use thumbmill_shared::metrics::{JOBS, JOBS_RUNNING, QUEUED_SECONDS};
use thumbmill_shared::outcome::Failure;
use thumbmill_shared::queue::{Delivery, Prefetch, Queue, Settle, Source};
use thumbmill_shared::readiness::Claimant;
use thumbmill_shared::shutdown::Shutdown;
use thumbmill_shared::telemetry::panic_text;
use tracing::Instrument;

use crate::job::{Arrival, Worker};
use crate::priority::PerPriority;
use crate::settle::{self, JobEnd, Tried};

/// Interactive jobs that are fetched while others render.
const OVERLAP: u16 = 1;

/// How many jobs are fetched for so many renders at a time.
pub(crate) fn prefetch(slots: &PerPriority<usize>) -> anyhow::Result<Prefetch> {
    let count = |slots: usize, name| {
        u16::try_from(slots).with_context(|| format!("{name} is larger than {}", u16::MAX))
    };
    Ok(Prefetch {
        interactive: count(slots.interactive, "THUMBMILL_SLOTS")?.saturating_add(OVERLAP),
        bulk: count(slots.bulk, "THUMBMILL_BULK_SLOTS")?,
    })
}

/// Takes deliveries until `shutdown` begins; then gives back what it has not begun, and waits
/// for what it has.
pub(crate) async fn run(queue: Queue, worker: Arc<Worker>, prefetch: Prefetch, shutdown: Shutdown) {
    let mut consumer = queue.consume(prefetch, &worker.name);
    loop {
        let delivery = tokio::select! {
            biased;
            () = shutdown.begun() => break,
            delivery = consumer.next() => delivery,
        };
        shutdown.spawn(handle(Arc::clone(&worker), delivery));
    }
    consumer.stop().await;
}

async fn handle(worker: Arc<Worker>, delivery: Delivery) {
    let message = &delivery.message;
    let lane = match delivery.source {
        Source::Lane(lane) => lane.name(),
        Source::Expired => "expired",
    };
    let span =
        tracing::info_span!("job", trace_id = message.trace.trace_id(), id = %message.id, lane);
    metrics::histogram!(QUEUED_SECONDS, "lane" => lane).record(delivery.age().as_secs_f64());
    metrics::gauge!(JOBS_RUNNING).increment(1.0);
    async {
        let (started, queued) = (Instant::now(), delivery.age());
        let deciding = AssertUnwindSafe(decide(&worker, &delivery)).catch_unwind();
        let (settle, burial) = match deciding.await {
            Ok(decided) => decided,
            Err(panic) => (after_panic(&*panic, &delivery, worker.attempts), None),
        };
        let (settled, attempt) = (settle.name(), delivery.message.attempt);
        let (queued_ms, ms) = (queued.as_millis(), started.elapsed().as_millis());
        tracing::info!(settled, attempt, queued_ms, ms, "job");
        metrics::counter!(JOBS, "lane" => lane, "settled" => settle.name()).increment(1);
        let bury = async {
            if let Some(burial) = burial {
                let (job, by) = (&burial.job, &burial.by);
                worker.bury(job, by, burial.arrival, &burial.failure).await;
            }
        };
        // Told before the dead letter is safe, the failure would hide the job from whoever gets it
        // again: it would be over, and nowhere.
        delivery.settle_after(settle, bury).await;
    }
    .instrument(span)
    .await;
    metrics::gauge!(JOBS_RUNNING).decrement(1.0);
}

/// What becomes of a delivery whose handling panicked. An unsettled one would take a place of the prefetch for as
/// long as the connection lives.
fn after_panic(panic: &(dyn Any + Send), delivery: &Delivery, attempts: u32) -> Settle {
    let why = format!("the worker panicked: {}", panic_text(panic));
    let message = &delivery.message;
    let tried = Tried {
        counted: message.counted_attempt(),
        outages: message.outages,
    };
    settle::settle(&JobEnd::Crashed(why), tried, attempts)
}

fn too_long(bytes: u64, most_variants: u32) -> String {
    let most = most_body_bytes(most_variants);
    format!(
        "the message has {bytes} bytes, a job of at most THUMBMILL_MAX_VARIANTS={most_variants} variants has at most \
         {most}: only its beginning was kept"
    )
}

/// What those are told who wait for a job that is put aside.
struct Burial {
    job: RenderJob,
    by: Claimant,
    arrival: Arrival,
    failure: Failure,
}

/// Does the job, if it is one, and says what becomes of the delivery.
async fn decide(worker: &Worker, delivery: &Delivery) -> (Settle, Option<Burial>) {
    let message = &delivery.message;
    if let Some(bytes) = delivery.too_long_bytes {
        return (Settle::Dead(too_long(bytes, worker.max_variants)), None);
    }
    let job = match RenderJob::parse(&message.body, worker.max_variants) {
        Ok(job) => job,
        Err(error) => return (Settle::Dead(error.to_string()), None),
    };
    let by = Claimant {
        job: message.id.clone(),
        attempt: message.attempt,
        worker: worker.name.clone(),
        delivery: delivery.kind,
    };
    let arrival = Arrival {
        priority: job.priority.unwrap_or(match delivery.source {
            Source::Lane(lane) => lane.priority(),
            Source::Expired => Priority::Bulk,
        }),
        queued: delivery.age(),
        seen: message.seen,
    };
    let tried = Tried {
        counted: message.counted_attempt(),
        outages: message.outages,
    };
    let begun = match delivery.source {
        Source::Lane(_) => tried.counted,
        Source::Expired => message.attempt,
    };
    let too_often = settle::too_often(delivery.source, begun, worker.attempts);
    let (ledger, priority) = (&worker.ledger, arrival.priority);
    if let Some(settle) = ledger.steered(&job, priority).await {
        return (settle, None);
    }
    let (settle, end) = if let Some(reason) = too_often {
        (Settle::Dead(reason), None)
    } else {
        let running = AssertUnwindSafe(worker.run(&job, &by, arrival)).catch_unwind();
        let end = running.await.unwrap_or_else(|panic| {
            JobEnd::Crashed(format!("the worker panicked: {}", panic_text(&*panic)))
        });
        (settle::settle(&end, tried, worker.attempts), Some(end))
    };
    let failure = settle::failure(end.as_ref());
    let Some(failures) = settle::failures(&settle, end, &failure, job.variants.len()) else {
        return (settle, None);
    };
    if let Some(later) = ledger.ended(&job, priority, &failures).await {
        return (later, None);
    }
    let burial = matches!(settle, Settle::Dead(_)).then_some(Burial {
        job,
        by,
        arrival,
        failure,
    });
    (settle, burial)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use thumbmill_shared::asset::AssetId;
    use thumbmill_shared::backends::Backends;
    use thumbmill_shared::queue::{Lane, Message, Seen};
    use thumbmill_shared::readiness::{Event, Hears};
    use thumbmill_shared::settings::{self, Program};
    use thumbmill_shared::storage::{Condition, Source};
    use thumbmill_shared::trace::TraceContext;
    use thumbmill_tests::pictures::photo_jpeg;

    use super::*;
    use crate::isolation::Pretend;

    const PANICS_AT: u32 = 13;

    fn job(asset: AssetId, width: u32) -> Message {
        let job = format!(r#"{{"version":1,"asset":"{asset}","variants":[{{"width":{width}}}]}}"#);
        let job = RenderJob::parse(job.as_bytes(), 1).unwrap();
        Message::new(&job, Seen::Nothing, TraceContext::random()).unwrap()
    }

    /// Once such a job was dropped unsettled, and its place was never free again: after as many of them as a worker
    /// takes at a time it took no more, and was ready all the while.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_job_that_panics_is_settled_and_its_place_is_free_again() {
        let folder = tempfile::tempdir().unwrap();
        let storage = format!("--storage=file:{}", folder.path().display());
        let command = settings::command(Program::Everything, "a test");
        let matches = command.try_get_matches_from(["test", &storage, "--slots=1"]);
        let settings = settings::read(Program::Everything, &matches.unwrap()).unwrap();
        let shutdown = Shutdown::default();
        let backends = Backends::open(&settings, Hears::Everything, &shutdown);
        let backends = backends.await.unwrap();
        let asset = AssetId::random();
        let picture = Source::Bytes(Bytes::from(photo_jpeg(30, 20)));
        let object = format!("originals/{asset}");
        let put = backends
            .storage
            .put(&object, picture, "image/jpeg", Condition::Always);
        put.await.unwrap();
        let mut events = backends.readiness.events();
        let queue = backends.queue.clone();
        let how = Pretend {
            takes: Duration::ZERO,
            panics_at_width_px: Some(PANICS_AT),
        };
        for _ in 0..10 {
            let publish = queue.publish(Lane::Interactive, job(asset, PANICS_AT));
            publish.await.unwrap();
        }
        queue
            .publish(Lane::Interactive, job(asset, 14))
            .await
            .unwrap();
        let ending = shutdown.clone();
        shutdown.spawn(async move {
            let ran = crate::run_pretending(how, &settings, backends, ending);
            ran.await.unwrap();
        });
        let made = tokio::time::timeout(Duration::from_secs(20), async {
            while !matches!(events.recv().await.unwrap(), Event::Done(..)) {}
        });
        made.await.expect("the job behind those that panic is done");
        assert!(shutdown.finish(Duration::from_secs(20)).await);
    }
}
