//! Renders in child processes that may open no file and no connection and have a limit on their
//! memory and time: whatever a picture does to its renderer, the worker lives on.
//!
//! A child is this program again, asked by its first argument ([`child::serve_if_asked`]). It knows
//! none of the worker's secrets: its environment is empty. It gets originals and gives variants
//! through a socket that is its standard input, and ends when that is closed, or after the render
//! that it is at then. Children are used again for later renders, and not after anything went wrong.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::job::Priority;
use thumbmill_shared::settings::{Isolation, Settings};
use thumbmill_shared::transform::Transform;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::memory::Budget;
use crate::priority::People;
use crate::render::{Deadline, Limits, RenderError, Rendered, Rendering};

mod child;
mod cpu;
mod descriptors;
mod message;
mod policy;
mod pool;
mod result;
mod sandbox;
mod words;

pub use child::serve_if_asked;
pub use policy::Audience;
use policy::{Decision, System};
use pool::{Apart, Pool};

/// How much longer than it may take a render is waited for: its steps look at the deadline, and the
/// longest of them cannot be interrupted.
const LATE: Duration = Duration::from_secs(5);

/// One original and what is to be made of it.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// Renders of bulk get the CPU that others leave.
    pub(crate) priority: Priority,
    pub(crate) original: Bytes,
    pub(crate) transforms: Vec<Transform>,
    pub(crate) limits: Limits,
    pub(crate) encoding: Encoding,
    /// How long its decode may take, and each of its variants.
    pub(crate) timeout: Duration,
}

/// Why there is no variant, or none of an original.
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
pub struct Renderer(Where);

#[derive(Debug)]
enum Where {
    /// On a thread of this process.
    Here,
    /// In child processes.
    Apart(Pool),
    /// Nowhere: each job takes so long, and gives what is no picture.
    Pretended(Pretend),
}

/// How a renderer that renders nothing behaves, in benchmarks and tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pretend {
    /// Each job takes so long.
    pub takes: Duration,
    /// A variant with this width makes the worker panic.
    pub panics_at_width_px: Option<u32>,
}

/// Starts the first renderer, and says in the log how it is locked in. Errors: none can be started, or the
/// system does not let it be locked in as the settings require.
pub async fn start(settings: &Settings, audience: Audience) -> anyhow::Result<Renderer> {
    if settings.isolation == Isolation::Off {
        tracing::warn!(
            "THUMBMILL_ISOLATION=off: foreign pictures are decoded in the process that has the service's secrets"
        );
        return Ok(Renderer(Where::Here));
    }
    let pool = Pool::start(settings.isolation_memory.bytes()).await;
    let pool = pool.context("start a process that renders")?;
    let hello = pool.hello();
    match policy::decide(hello, System::here(), settings.isolation, audience) {
        Decision::Start => {}
        Decision::Warn(why) => tracing::warn!("{why}"),
        Decision::Refuse(why) => bail!(why),
    }
    let (limits, seccomp, landlock) = (&hello.limits, &hello.seccomp, &hello.landlock);
    tracing::info!(%limits, %seccomp, %landlock, "pictures are rendered in processes of their own");
    Ok(Renderer(Where::Apart(pool)))
}

impl Renderer {
    /// Renders nothing.
    pub(crate) fn pretended(how: Pretend) -> Self {
        Self(Where::Pretended(how))
    }

    /// Has an original decoded, once there is `memory` for it. Bulk is halted while there are `people`.
    /// The caller limits how many do so at a time.
    pub(crate) async fn begin<'m>(
        &'m self,
        task: Task,
        memory: &'m Arc<Budget>,
        people: &'m People,
    ) -> Result<Session<'m>, NotRendered> {
        match &self.0 {
            Where::Here => {
                let here = Here::begin(task, Arc::clone(memory)).await?;
                Ok(Session::Here(here))
            }
            Where::Apart(pool) => {
                let apart = pool.begin(task, memory, people).await?;
                Ok(Session::Apart(Box::new(apart)))
            }
            Where::Pretended(how) => {
                tokio::time::sleep(how.takes).await;
                let mut widths = task.transforms.iter().map(|it| it.to_request().width);
                let panics = how.panics_at_width_px.and_then(NonZeroU32::new);
                assert!(
                    panics.is_none() || widths.all(|width| width != panics),
                    "it was told to"
                );
                Ok(Session::Pretended(how.takes))
            }
        }
    }
}

/// An original that is decoded, of which variants are made one after the other.
#[derive(Debug)]
pub(crate) enum Session<'m> {
    /// On a thread of this process.
    Here(Here),
    /// In a child process.
    Apart(Box<Apart<'m>>),
    /// Nowhere; it took so long.
    Pretended(Duration),
}

impl Session<'_> {
    /// Makes the variant with this index. After any error but [`NotRendered::Refused`] there is no next.
    pub(crate) async fn variant(&mut self, index: usize) -> Result<Rendered, NotRendered> {
        match self {
            Self::Here(here) => here.variant(index).await,
            Self::Apart(apart) => apart.variant(index).await,
            Self::Pretended(_) => Ok(Rendered {
                bytes: vec![0; 8000],
                width_px: 1,
                height_px: 1,
            }),
        }
    }

    /// No more variants are wanted.
    pub(crate) async fn end(self) {
        match self {
            Self::Here(_) | Self::Pretended(_) => {}
            Self::Apart(apart) => apart.end().await,
        }
    }

    /// How long the decode took.
    pub(crate) fn decoded_in(&self) -> Duration {
        match self {
            Self::Here(here) => here.decoded_in,
            Self::Apart(apart) => apart.decoded_in,
            Self::Pretended(took) => *took,
        }
    }
}

/// A thread of this process that has decoded an original. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Here {
    decoded_in: Duration,
    asks: mpsc::Sender<(usize, oneshot::Sender<Result<Rendered, RenderError>>)>,
}

impl Here {
    async fn begin(task: Task, memory: Arc<Budget>) -> Result<Self, NotRendered> {
        let runtime = Handle::current();
        let (asks, asked) = mpsc::channel(1);
        let (begun, has_begun) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let work = Work {
                runtime,
                memory,
                asked,
            };
            work.run(&task, begun);
        });
        let decoded_in = has_begun.await.map_err(panicked)??;
        Ok(Self { decoded_in, asks })
    }

    async fn variant(&mut self, index: usize) -> Result<Rendered, NotRendered> {
        let (answer, answered) = oneshot::channel();
        self.asks
            .send((index, answer))
            .await
            .map_err(|_| NotRendered::Crashed("ended".to_owned()))?;
        Ok(answered.await.map_err(panicked)??)
    }
}

fn panicked(_: oneshot::error::RecvError) -> NotRendered {
    NotRendered::Crashed("panicked".to_owned())
}

/// The thread's side.
struct Work {
    runtime: Handle,
    memory: Arc<Budget>,
    asked: mpsc::Receiver<(usize, oneshot::Sender<Result<Rendered, RenderError>>)>,
}

impl Work {
    fn run(mut self, task: &Task, begun: oneshot::Sender<Result<Duration, RenderError>>) {
        let (original, transforms) = (&task.original, &task.transforms);
        let rendering = Rendering::begin(original, transforms, &task.limits, task.encoding);
        let rendering = match rendering {
            Ok(rendering) => rendering,
            Err(refused) => return tell(begun, Err(refused)),
        };
        let needed = rendering.needed_bytes();
        let _taken = self
            .runtime
            .block_on(self.memory.take(task.priority, needed));
        let started = Instant::now();
        let mut decoded = match rendering.decode(Deadline::after(task.timeout)) {
            Ok(decoded) => decoded,
            Err(refused) => return tell(begun, Err(refused)),
        };
        tell(begun, Ok(started.elapsed()));
        while let Some((index, answer)) = self.asked.blocking_recv() {
            tell(
                answer,
                decoded.variant(index, Deadline::after(task.timeout)),
            );
        }
    }
}

/// Whoever asked may have stopped waiting.
fn tell<T>(asker: oneshot::Sender<T>, answer: T) {
    let _ = asker.send(answer);
}
