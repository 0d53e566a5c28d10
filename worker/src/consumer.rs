//! Deliveries in, settled deliveries out. Knows no pixels.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use thumbmill_shared::job::{Priority, RenderJob, most_body_bytes};
use thumbmill_shared::metrics::{JOBS, JOBS_RUNNING, QUEUED_SECONDS};
use thumbmill_shared::outcome::Failure;
use thumbmill_shared::queue::{Delivery, Prefetch, Queue, Settle, Source};
use thumbmill_shared::readiness::Claimant;
use thumbmill_shared::shutdown::Shutdown;
use tracing::Instrument;

use crate::job::{Arrival, Worker};
use crate::priority::PerPriority;
use crate::settle::{self, Tried};

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
        let (settle, burial) = decide(&worker, &delivery).await;
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
        let end = worker.run(&job, &by, arrival).await;
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
