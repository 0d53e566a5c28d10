//! Deliveries in, settled deliveries out. Knows no pixels.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use thumbmill_shared::job::RenderJob;
use thumbmill_shared::metrics::{JOBS, JOBS_RUNNING, QUEUED_SECONDS};
use thumbmill_shared::queue::{Delivery, Lane, Prefetch, Queue, Settle, Source};
use thumbmill_shared::readiness::Claimant;
use thumbmill_shared::shutdown::Shutdown;
use tracing::Instrument;

use crate::job::{Arrival, Worker};
use crate::lanes::PerLane;
use crate::settle::{self, Tried};

/// Interactive jobs that are fetched while others render.
const OVERLAP: u16 = 1;

/// How many jobs are fetched for so many renders at a time.
pub(crate) fn prefetch(slots: &PerLane<usize>) -> anyhow::Result<Prefetch> {
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
        let settle = decide(&worker, &delivery).await;
        let (settled, attempt) = (settle.name(), delivery.message.attempt);
        let (queued_ms, ms) = (queued.as_millis(), started.elapsed().as_millis());
        tracing::info!(settled, attempt, queued_ms, ms, "job");
        metrics::counter!(JOBS, "lane" => lane, "settled" => settle.name()).increment(1);
        delivery.settle(settle).await;
    }
    .instrument(span)
    .await;
    metrics::gauge!(JOBS_RUNNING).decrement(1.0);
}

/// Does the job, if it is one, and says what becomes of the delivery.
async fn decide(worker: &Worker, delivery: &Delivery) -> Settle {
    let message = &delivery.message;
    let job = match RenderJob::parse(&message.body) {
        Ok(job) => job,
        Err(error) => return Settle::Dead(error.to_string()),
    };
    let claimant = Claimant {
        job: message.id.clone(),
        attempt: message.attempt,
        worker: worker.name.clone(),
        delivery: delivery.kind,
    };
    let arrival = Arrival {
        lane: match delivery.source {
            Source::Lane(lane) => lane,
            Source::Expired => Lane::Bulk,
        },
        queued: delivery.age(),
        seen: message.seen,
    };
    let tried = Tried {
        counted: message.counted_attempt(),
        outages: message.outages,
    };
    if let Some(reason) = settle::too_often(delivery.source, tried.counted, worker.attempts) {
        tracing::error!(reason, "the job is put aside");
        worker
            .bury(&job, &claimant, arrival, &settle::failure(None))
            .await;
        return Settle::Dead(reason);
    }
    let end = worker.run(&job, &claimant, arrival).await;
    let settle = settle::settle(&end, tried, worker.attempts);
    if let Settle::Dead(reason) = &settle {
        tracing::error!(reason, "the job is put aside");
        let failure = settle::failure(Some(&end));
        worker.bury(&job, &claimant, arrival, &failure).await;
    }
    settle
}
