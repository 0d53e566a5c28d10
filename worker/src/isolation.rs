//! Renders in child processes that may open no file and no connection and have a limit on their
//! memory and time: whatever a picture does to its renderer, the worker lives on.
//!
//! A child is this program again, asked by its first argument ([`child::serve_if_asked`]). It knows
//! none of the worker's secrets: its environment is empty. It gets originals and gives variants
//! through a socket that is its standard input, and ends when that is closed, or after the render
//! that it is at then. Children are used again for later renders, and not after anything went wrong.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::queue::Lane;
use thumbmill_shared::transform::Transform;
use tokio::runtime::Handle;

use crate::lanes::People;
use crate::memory::Budget;
use crate::render::{Deadline, Limits, RenderError, Rendered, Rendering};

mod child;
mod cpu;
mod message;
mod pool;
mod sandbox;

pub use child::serve_if_asked;
pub(crate) use pool::Pool;

/// How much longer than it may take a render is waited for: its steps look at the deadline, and the
/// longest of them cannot be interrupted.
const LATE: Duration = Duration::from_secs(5);

/// One original and what is to be made of it.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// Renders of bulk get the CPU that others leave.
    pub(crate) lane: Lane,
    pub(crate) original: Bytes,
    pub(crate) transforms: Vec<Transform>,
    pub(crate) limits: Limits,
    pub(crate) encoding: Encoding,
    pub(crate) timeout: Duration,
}

/// Each variant, or why there is not that one.
pub(crate) type Variants = Vec<Result<Rendered, RenderError>>;

/// Why there are no variants.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotRendered {
    /// The original is why.
    #[error(transparent)]
    Refused(#[from] RenderError),
    /// The renderer ended, or had to be ended, while it worked.
    #[error("the renderer {0}")]
    Crashed(String),
    /// The machine had no time for it.
    #[error("the machine is too busy: its renderer waited for a CPU for {waited:?} of {wall:?}")]
    Starved {
        /// How long it was ready to work.
        waited: Duration,
        /// How long it was waited for.
        wall: Duration,
    },
    /// There is no renderer, which may pass.
    #[error("no renderer could be started: {0}")]
    Unavailable(#[source] std::io::Error),
}

/// Where pictures are rendered.
#[derive(Debug)]
pub(crate) enum Renderer {
    /// On a thread of this process.
    Here,
    /// In child processes.
    Apart(Pool),
    /// Nowhere: each takes so long, and gives what is no picture.
    Pretended(Duration),
}

impl Renderer {
    /// Renders all variants of one original, once there is `memory` for it, and says how long
    /// that took without the wait. Bulk is halted while there are `people`. The caller limits how many do so at a time.
    pub(crate) async fn render(
        &self,
        task: Task,
        memory: &Arc<Budget>,
        people: &People,
    ) -> Result<(Variants, Duration), NotRendered> {
        match self {
            Self::Here => here(task, Arc::clone(memory)).await,
            Self::Apart(pool) => pool.render(task, memory, people).await,
            Self::Pretended(takes) => Ok((pretended(&task, *takes).await, *takes)),
        }
    }
}

async fn pretended(task: &Task, takes: Duration) -> Variants {
    tokio::time::sleep(takes).await;
    let none = || {
        Ok(Rendered {
            bytes: vec![0; 8000],
            width_px: 1,
            height_px: 1,
        })
    };
    task.transforms.iter().map(|_| none()).collect()
}

async fn here(task: Task, memory: Arc<Budget>) -> Result<(Variants, Duration), NotRendered> {
    let runtime = Handle::current();
    let rendering = tokio::task::spawn_blocking(move || {
        let (original, transforms) = (&task.original, &task.transforms);
        let rendering = Rendering::begin(original, transforms, &task.limits, task.encoding)?;
        let _taken = runtime.block_on(memory.take(task.lane, rendering.needed_bytes()));
        let started = Instant::now();
        let variants = rendering.finish(Deadline::after(task.timeout))?;
        Ok::<_, RenderError>((variants, started.elapsed()))
    });
    match rendering.await {
        Ok(rendered) => Ok(rendered?),
        Err(panic) => Err(NotRendered::Crashed(format!("panicked: {panic}"))),
    }
}
