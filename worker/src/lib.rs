//! Thumbmill's worker: jobs in, variants out. Knows no HTTP.

use std::sync::Arc;

use thumbmill_shared::backends::Backends;
use thumbmill_shared::preset::Presets;
use thumbmill_shared::settings::{self as setting, Settings};
use thumbmill_shared::shutdown::Shutdown;
use tokio::sync::Semaphore;

use isolation::{Pretend, Renderer};
use memory::Budget;
use priority::{People, PerPriority};
use sweeper::{Sweeper, Written};

mod campaigns;
mod consumer;
pub mod isolation;
mod job;
mod memory;
mod priority;
pub mod render;
mod settle;
mod sweeper;

/// The same as [`run`], but instead of a render each job waits so long, and its pictures are none:
/// for benchmarks of everything else.
#[doc(hidden)]
pub async fn run_pretending(
    how: Pretend,
    settings: &Settings,
    backends: Backends,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    run(Renderer::pretended(how), settings, backends, shutdown).await
}

/// Takes jobs until `shutdown` begins and those in hand are done.
pub async fn run(
    renderer: Renderer,
    settings: &Settings,
    backends: Backends,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let presets = settings
        .presets
        .as_deref()
        .map_or_else(|| Ok(Presets::default()), Presets::read)?;
    let queue = backends.queue.clone();
    let slots = PerPriority {
        interactive: settings.slots.count(),
        bulk: settings.bulk_slots.count(),
    };
    let memory = memory::bytes(settings.memory);
    let (name, written) = (
        uuid::Uuid::new_v4().simple().to_string(),
        Written::default(),
    );
    let (storage, readiness) = (&backends.storage, &backends.readiness);
    if let Some(sweeper) = Sweeper::new(settings, storage, readiness, &name, &written) {
        shutdown.spawn_until_begun(sweeper.run());
    }
    let worker = job::Worker {
        name,
        written,
        descriptions: job::Descriptions::new(backends.originals.clone()),
        ledger: campaigns::Ledger::new(backends.campaigns.clone()),
        backends,
        presets,
        limits: limits(settings),
        encoding: settings.encoding(),
        max_original_bytes: settings.max_original_bytes.bytes(),
        render_timeout: settings.render_timeout,
        attempts: settings.attempts,
        max_variants: settings.max_variants,
        shutdown: shutdown.clone(),
        renderer,
        people: People::new(slots.interactive),
        originals: Budget::new(memory / 2),
        pixels: Arc::new(Budget::new(memory / 2)),
        slots: PerPriority {
            interactive: Semaphore::new(slots.interactive),
            bulk: Semaphore::new(slots.bulk),
        },
    };
    let (interactive, bulk) = (slots.interactive, slots.bulk);
    tracing::info!(
        worker = worker.name,
        slots = interactive,
        bulk,
        memory,
        "taking jobs"
    );
    let prefetch = consumer::prefetch(&slots)?;
    consumer::run(queue, Arc::new(worker), prefetch, shutdown).await;
    Ok(())
}

fn limits(settings: &Settings) -> render::Limits {
    render::Limits {
        original_pixels: settings.max_original_pixels,
        dimension_px: settings.max_dimension,
        variant_pixels: settings.max_variant_pixels,
        avif_pixels: settings.max_avif_pixels,
        memory_bytes: settings.max_original_memory.bytes(),
        missing_end: match settings.jpeg_missing_end {
            setting::MissingEnd::Refuse => render::MissingEnd::Refuse,
            setting::MissingEnd::Tolerate => render::MissingEnd::Tolerate,
        },
    }
}
