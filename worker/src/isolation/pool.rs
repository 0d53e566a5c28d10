//! The worker's side: its children, those that are idle kept for later.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Socket;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::de::DeserializeOwned;
use thumbmill_shared::transform::Transform;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child as Process, Command};

use super::child::ARGUMENT;
use super::message::{Answer, Hello, Made, Needs, Request, frame, text_bytes};
use super::{NotRendered, Task, Variants};
use crate::memory::Budget;
use crate::render::{Limits, RenderError, Rendered};

/// How much longer than a render may take its child is waited for.
const LATE: Duration = Duration::from_secs(2);
/// How long a child may take to begin.
const START: Duration = Duration::from_secs(10);
/// How long it is waited for one whose socket has ended.
const ENDING: Duration = Duration::from_secs(1);

/// Children that render.
#[derive(Debug)]
pub(crate) struct Pool {
    address_space_bytes: u64,
    idle: Mutex<Vec<Child>>,
}

#[derive(Debug)]
struct Child {
    socket: UnixStream,
    /// Killed when dropped.
    process: Process,
}

impl Pool {
    /// A pool with its first child, whose address space has this size. Says in the log what the
    /// system did not let it give up. Errors: no child can be started.
    pub(crate) async fn start(address_space_bytes: u64) -> io::Result<Self> {
        let (child, hello) = Child::start(address_space_bytes).await?;
        if !hello.not_given_up.is_empty() {
            let missing = hello.not_given_up.join("; ");
            tracing::warn!(missing, "pictures are rendered apart, but not locked in");
        }
        Ok(Self {
            address_space_bytes,
            idle: Mutex::new(vec![child]),
        })
    }

    /// Renders in a child of its own.
    pub(super) async fn render(
        &self,
        task: Task,
        memory: &Budget,
    ) -> Result<Variants, NotRendered> {
        let idle = self.with_idle(Vec::pop).and_then(Child::alive);
        let mut child = if let Some(child) = idle {
            child
        } else {
            let started = Child::start(self.address_space_bytes).await;
            started.map_err(NotRendered::Unavailable)?.0
        };
        match child.ask(&task, memory).await {
            Ok(variants) => {
                self.with_idle(|idle| idle.push(child));
                Ok(variants?)
            }
            Err(error) => Err(NotRendered::Crashed(child.last_words(&error).await)),
        }
    }

    fn with_idle<T>(&self, act: impl FnOnce(&mut Vec<Child>) -> T) -> T {
        act(&mut self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Child {
    async fn start(address_space_bytes: u64) -> io::Result<(Self, Hello)> {
        let (ours, theirs) = Socket::pair()?;
        ours.set_nonblocking(true)?;
        let process = Command::new(program()?)
            .arg(ARGUMENT)
            .arg(address_space_bytes.to_string())
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut child = Self {
            socket: UnixStream::from_std(ours)?,
            process,
        };
        let hello = tokio::time::timeout(START, child.read()).await??;
        Ok((child, hello))
    }

    fn alive(mut self) -> Option<Self> {
        matches!(self.process.try_wait(), Ok(None)).then_some(self)
    }

    /// Has a task done, once there is memory for it. Errors: the child is of no more use.
    async fn ask(
        &mut self,
        task: &Task,
        memory: &Budget,
    ) -> io::Result<Result<Variants, RenderError>> {
        let request = Request {
            original_bytes: task.original.len(),
            variants: task.transforms.iter().map(Transform::to_request).collect(),
            limits: task.limits,
            encoding: task.encoding,
            timeout_ms: u64::try_from(task.timeout.as_millis()).unwrap_or(u64::MAX),
        };
        let needed = in_time(task, self.begin(&request, &task.original)).await?;
        let _taken = match needed {
            Ok(bytes) => memory.take(bytes).await,
            Err(refused) => return Ok(Err(refused)),
        };
        in_time(task, self.finish(task)).await
    }

    async fn begin(&mut self, request: &Request, original: &[u8]) -> io::Result<Needs> {
        self.socket.write_all(&frame(request)?).await?;
        self.socket.write_all(original).await?;
        self.read().await
    }

    async fn finish(&mut self, task: &Task) -> io::Result<Result<Variants, RenderError>> {
        self.socket.write_all(&[1]).await?;
        let made = match self.read::<Answer>().await? {
            Ok(made) if made.len() == task.transforms.len() => made,
            Ok(_) => return Err(nonsense("the wrong number of variants")),
            Err(refused) => return Ok(Err(refused)),
        };
        let most_bytes = most_bytes(&task.limits);
        let mut variants = Vec::with_capacity(made.len());
        for made in made {
            variants.push(match made {
                Ok(made) => Ok(self.take(&made, most_bytes).await?),
                Err(refused) => Err(refused),
            });
        }
        Ok(Ok(variants))
    }

    async fn take(&mut self, made: &Made, most_bytes: usize) -> io::Result<Rendered> {
        if made.bytes > most_bytes {
            return Err(nonsense("a variant that is too long"));
        }
        let mut bytes = vec![0; made.bytes];
        self.socket.read_exact(&mut bytes).await?;
        Ok(Rendered {
            bytes,
            width_px: made.width_px,
            height_px: made.height_px,
        })
    }

    async fn read<M: DeserializeOwned>(&mut self) -> io::Result<M> {
        let mut first = [0; 4];
        self.socket.read_exact(&mut first).await?;
        let mut text = vec![0; text_bytes(first)?];
        self.socket.read_exact(&mut text).await?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Why it is of no more use.
    async fn last_words(mut self, error: &io::Error) -> String {
        let ending = match error.kind() {
            io::ErrorKind::TimedOut => Duration::ZERO,
            _ => ENDING,
        };
        match tokio::time::timeout(ending, self.process.wait()).await {
            Ok(Ok(status)) => format!("ended with {status}"),
            Ok(Err(_)) | Err(_) => format!("was killed: {error}"),
        }
    }
}

/// Waits for a part of a task.
async fn in_time<T>(task: &Task, part: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let most = task.timeout + LATE;
    let late = |_| {
        io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {most:?}"),
        )
    };
    tokio::time::timeout(most, part).await.map_err(late)?
}

/// No encoder makes more of a picture than its samples, and what comes with them.
fn most_bytes(limits: &Limits) -> usize {
    const COMES_WITH_THEM: usize = 1 << 20;
    let side = limits.dimension_px as usize;
    side.saturating_mul(side)
        .saturating_mul(5)
        .saturating_add(COMES_WITH_THEM)
}

fn nonsense(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// This program, also if its file has been replaced since it was started.
fn program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        Ok(PathBuf::from("/proc/self/exe"))
    } else {
        std::env::current_exe()
    }
}
