//! The worker's side: its children, those that are idle kept for later.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Socket;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use thumbmill_shared::queue::Lane;
use thumbmill_shared::shown::shown;
use thumbmill_shared::transform::Transform;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child as Process, Command};

use super::child::ARGUMENT;
use super::cpu::{self, Stopwatch};
use super::message::{Answer, Hello, Made, Needs, Request, frame, text_bytes};
use super::{LATE, NotRendered, Task, Variants};
use crate::lanes::{People, PerLane};
use crate::memory::{Budget, Share};
use crate::render::{Limits, RenderError, Rendered};

/// How long a child may take to begin.
const START: Duration = Duration::from_secs(10);
/// Of a variant so much may be said, and of all together in the beginning.
const MOST_TEXT_BYTES: usize = 64 << 10;
/// And so much of that is shown.
const MOST_CHARACTERS: usize = 400;
/// How long it is waited for one that is ending.
const ENDING: Duration = Duration::from_secs(1);

/// Children that render.
#[derive(Debug)]
pub(crate) struct Pool {
    address_space_bytes: u64,
    /// What the first child could not give up: no other may have kept more.
    not_given_up: Vec<String>,
    idle: PerLane<Mutex<Vec<Child>>>,
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
        let (child, hello) = Child::start(Lane::Interactive, address_space_bytes).await?;
        if !hello.not_given_up.is_empty() {
            let missing = hello.not_given_up.join("; ");
            tracing::warn!(missing, "pictures are rendered apart, but not locked in");
        }
        Ok(Self {
            address_space_bytes,
            not_given_up: hello.not_given_up,
            idle: PerLane {
                interactive: Mutex::new(vec![child]),
                bulk: Mutex::default(),
            },
        })
    }

    /// Renders in a child of its own.
    pub(super) async fn render(
        &self,
        mut task: Task,
        memory: &Budget,
        people: &People,
    ) -> Result<(Variants, Duration), NotRendered> {
        let lane = task.lane;
        let mut child = match self.with_idle(lane, Vec::pop).and_then(Child::rested) {
            Some(child) => child,
            None => self.another(lane).await.map_err(NotRendered::Unavailable)?,
        };
        let process = child.process.id();
        let time = Stopwatch::start(process);
        // Given back when the child is idle, or has ended.
        let mut taken = None;
        let asked = child.ask(&mut task, memory, &mut taken);
        let ended = match lane {
            Lane::Interactive => asked.await,
            Lane::Bulk => cpu::halting(process, people, asked).await,
        };
        let starved = if late(&ended) {
            time.starved(task.timeout)
        } else {
            None
        };
        match (ended, starved) {
            (Ok(rendered), starved) => {
                self.with_idle(lane, |idle| idle.push(child));
                told(rendered, starved)
            }
            (Err(error), starved) => {
                let last_words = child.last_words(&error).await;
                Err(starved.unwrap_or(NotRendered::Crashed(last_words)))
            }
        }
    }

    async fn another(&self, lane: Lane) -> io::Result<Child> {
        let (child, hello) = Child::start(lane, self.address_space_bytes).await?;
        if hello.not_given_up == self.not_given_up {
            Ok(child)
        } else {
            Err(io::Error::other(format!(
                "it is not locked in as the first: {}",
                hello.not_given_up.join("; ")
            )))
        }
    }

    fn with_idle<T>(&self, lane: Lane, act: impl FnOnce(&mut Vec<Child>) -> T) -> T {
        let idle = self.idle.of(lane);
        act(&mut idle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Child {
    async fn start(lane: Lane, address_space_bytes: u64) -> io::Result<(Self, Hello)> {
        let (ours, theirs) = Socket::pair()?;
        ours.set_nonblocking(true)?;
        let process = Command::new(program()?)
            .arg(ARGUMENT)
            .arg(address_space_bytes.to_string())
            .arg(lane.name())
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            // Should the worker be killed while this child is halted, the kernel ends it: the group is
            // an orphan then (setpgid(2), SIGHUP).
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let mut child = Self {
            socket: UnixStream::from_std(ours)?,
            process,
        };
        let hello = tokio::time::timeout(START, child.read(MOST_TEXT_BYTES)).await??;
        Ok((child, hello))
    }

    /// It lives, and has said no more than it was asked for.
    fn rested(mut self) -> Option<Self> {
        let lives = matches!(self.process.try_wait(), Ok(None));
        let silent = self.socket.try_read(&mut [0]);
        let silent = silent.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        (lives && silent).then_some(self)
    }

    /// Has a task done, once as much memory is `taken` as it needs. Errors: the child is of no
    /// more use.
    async fn ask<'m>(
        &mut self,
        task: &mut Task,
        memory: &'m Budget,
        taken: &mut Option<Share<'m>>,
    ) -> io::Result<Result<(Variants, Duration), RenderError>> {
        let request = Request {
            original_bytes: task.original.len(),
            variants: task.transforms.iter().map(Transform::to_request).collect(),
            limits: task.limits,
            encoding: task.encoding,
            timeout_ms: u64::try_from(task.timeout.as_millis()).unwrap_or(u64::MAX),
        };
        // The child has a copy then, and one is enough.
        let original = std::mem::take(&mut task.original);
        let needed = in_time(task, self.begin(&request, original)).await?;
        match needed {
            Ok(bytes) => *taken = Some(memory.take(task.lane, bytes).await),
            Err(refused) => return Ok(Err(shortened(refused))),
        }
        let started = Instant::now();
        let variants = in_time(task, self.finish(task)).await?;
        Ok(variants.map(|variants| (variants, started.elapsed())))
    }

    async fn begin(&mut self, request: &Request, original: Bytes) -> io::Result<Needs> {
        self.socket.write_all(&frame(request)?).await?;
        self.socket.write_all(&original).await?;
        drop(original);
        self.read(MOST_TEXT_BYTES).await
    }

    async fn finish(&mut self, task: &Task) -> io::Result<Result<Variants, RenderError>> {
        self.socket.write_all(&[1]).await?;
        let most_text = MOST_TEXT_BYTES.saturating_mul(task.transforms.len().max(1));
        let made = match self.read::<Answer>(most_text).await? {
            Ok(made) if made.len() == task.transforms.len() => made,
            Ok(_) => return Err(nonsense("the wrong number of variants")),
            Err(refused) => return Ok(Err(shortened(refused))),
        };
        let most_bytes = most_bytes(&task.limits);
        let mut variants = Vec::with_capacity(made.len());
        for made in made {
            variants.push(match made {
                Ok(made) => Ok(self.take(&made, most_bytes).await?),
                Err(refused) => Err(shortened(refused)),
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

    async fn read<M: DeserializeOwned>(&mut self, most_text: usize) -> io::Result<M> {
        let mut first = [0; 4];
        self.socket.read_exact(&mut first).await?;
        let mut text = vec![0; text_bytes(first, most_text)?];
        self.socket.read_exact(&mut text).await?;
        // The error would repeat what was said.
        serde_json::from_slice(&text).map_err(|_| nonsense("text that means nothing"))
    }

    /// Why it is of no more use. It has ended then, and what it had is free.
    async fn last_words(mut self, error: &io::Error) -> String {
        let late = error.kind() == io::ErrorKind::TimedOut;
        if late {
            // It may just have ended.
            let _ = self.process.start_kill();
        }
        match tokio::time::timeout(ENDING, self.process.wait()).await {
            Ok(Ok(status)) if !late => format!("ended with {status}"),
            Ok(_) | Err(_) => format!("was killed: {error}"),
        }
    }
}

/// What a child said counts, unless it was starved: then it knows nothing of the original.
fn told<T>(
    rendered: Result<T, RenderError>,
    starved: Option<NotRendered>,
) -> Result<T, NotRendered> {
    match starved {
        Some(starved) => Err(starved),
        None => Ok(rendered?),
    }
}

/// It took longer than it may, by its own account or ours.
fn late(ended: &io::Result<Result<(Variants, Duration), RenderError>>) -> bool {
    match ended {
        Ok(Ok((variants, _))) => variants.contains(&Err(RenderError::TooSlow)),
        Ok(Err(refused)) => *refused == RenderError::TooSlow,
        Err(error) => error.kind() == io::ErrorKind::TimedOut,
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

/// What a client is told is not for a renderer to fill at will.
fn shortened(refused: RenderError) -> RenderError {
    refused.with_text(|text| shown(text, MOST_CHARACTERS))
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

#[cfg(test)]
mod tests {
    use super::*;

    type Ended = io::Result<Result<(Variants, Duration), RenderError>>;

    #[test]
    fn late_is_who_says_so_or_says_nothing() {
        let variants = |variants| -> Ended { Ok(Ok((variants, Duration::ZERO))) };
        let picture = || {
            Ok(Rendered {
                bytes: Vec::new(),
                width_px: 1,
                height_px: 1,
            })
        };
        for (ended, expected) in [
            (variants(vec![picture()]), false),
            (variants(vec![picture(), Err(RenderError::TooSlow)]), true),
            (Ok(Err(RenderError::TooSlow)), true),
            (Ok(Err(RenderError::Truncated)), false),
            (Err(io::ErrorKind::TimedOut.into()), true),
            (Err(io::ErrorKind::UnexpectedEof.into()), false),
        ] {
            assert_eq!(late(&ended), expected, "{ended:?}");
        }
    }

    /// Whoever came too late while it decoded was believed, although it had had no CPU.
    #[test]
    fn who_was_starved_is_not_believed() {
        let starved = || NotRendered::Starved {
            waited: Duration::from_secs(20),
            wall: Duration::from_secs(30),
        };
        let slow = || Err::<(), _>(RenderError::TooSlow);
        assert!(matches!(
            told(slow(), Some(starved())),
            Err(NotRendered::Starved { .. })
        ));
        assert!(matches!(
            told(slow(), None),
            Err(NotRendered::Refused(RenderError::TooSlow))
        ));
        assert!(told(Ok(()), None).is_ok());
    }
}
