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
use thumbmill_shared::format::Format;
use thumbmill_shared::job::Priority;
use thumbmill_shared::shown::shown;
use thumbmill_shared::transform::Transform;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child as Process, Command};

use super::child::ARGUMENT;
use super::cpu::{self, Stopwatch};
use super::message::{Answer, Ask, Decoded, Hello, Needs, Request, frame, text_bytes};
use super::words::Words;
use super::{LATE, NotRendered, Task, result};
use crate::memory::{Budget, Share};
use crate::priority::{People, PerPriority};
use crate::render::{Limits, RenderError, Rendered};

/// How long a child may take to begin.
const START: Duration = Duration::from_secs(10);
/// So much may be said at a time.
const MOST_TEXT_BYTES: usize = 64 << 10;
/// And so much of that is shown.
const MOST_CHARACTERS: usize = 400;
/// How long it is waited for one that is ending.
const ENDING: Duration = Duration::from_secs(1);

/// Children that render.
#[derive(Debug)]
pub(crate) struct Pool {
    address_space_bytes: u64,
    /// How the first child is locked in: no other may be less so.
    hello: Hello,
    words: Words,
    idle: PerPriority<Mutex<Vec<Child>>>,
}

#[derive(Debug)]
struct Child {
    socket: UnixStream,
    /// Killed when dropped.
    process: Process,
}

/// What an exchange with a child comes to: what it said, or an error after which it is of no more use.
type Exchange<T> = io::Result<Result<T, RenderError>>;

impl Pool {
    /// A pool with its first child, whose address space has this size. Errors: no child can be started.
    pub(crate) async fn start(address_space_bytes: u64) -> io::Result<Self> {
        let words = Words::default();
        let (child, hello) =
            Child::start(Priority::Interactive, address_space_bytes, &words).await?;
        Ok(Self {
            address_space_bytes,
            hello,
            words,
            idle: PerPriority {
                interactive: Mutex::new(vec![child]),
                bulk: Mutex::default(),
            },
        })
    }

    /// How its children are locked in.
    pub(super) fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Has an original decoded in a child of its own, once there is `memory` for it.
    pub(super) async fn begin<'m>(
        &'m self,
        task: Task,
        memory: &'m Budget,
        people: &'m People,
    ) -> Result<Apart<'m>, NotRendered> {
        let priority = task.priority;
        let child = match self.with_idle(priority, Vec::pop).and_then(Child::rested) {
            Some(child) => child,
            None => self
                .another(priority)
                .await
                .map_err(NotRendered::Unavailable)?,
        };
        let request = Request {
            original_bytes: task.original.len(),
            variants: task.transforms.iter().map(Transform::to_request).collect(),
            limits: task.limits,
            encoding: task.encoding,
            timeout_ms: u64::try_from(task.timeout.as_millis()).unwrap_or(u64::MAX),
        };
        let mut apart = Apart {
            pool: self,
            people,
            priority,
            limits: task.limits,
            formats: task.transforms.iter().map(|it| it.format).collect(),
            timeout: task.timeout,
            taken: None,
            decoded_in: Duration::ZERO,
            child: Some(child),
        };
        // The child has a copy then, and one is enough.
        let original = task.original;
        let needed = apart.step(async |child: &mut Child| child.send(&request, original).await);
        let needed = match needed.await {
            Ok(needed) => needed,
            Err(refused) => return Err(apart.refused(refused)),
        };
        apart.taken = Some(memory.take(priority, needed).await);
        let begun = Instant::now();
        if let Err(refused) = apart.step(Child::decode).await {
            return Err(apart.refused(refused));
        }
        apart.decoded_in = begun.elapsed();
        Ok(apart)
    }

    async fn another(&self, priority: Priority) -> io::Result<Child> {
        let (child, hello) = Child::start(priority, self.address_space_bytes, &self.words).await?;
        if hello == self.hello {
            Ok(child)
        } else {
            Err(io::Error::other(format!(
                "it is not locked in as the first: {hello}"
            )))
        }
    }

    fn with_idle<T>(&self, priority: Priority, act: impl FnOnce(&mut Vec<Child>) -> T) -> T {
        let idle = self.idle.of(priority);
        act(&mut idle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An original that a child has decoded. Dropped before its [`end`](Self::end), the child is killed.
#[derive(Debug)]
pub(crate) struct Apart<'m> {
    pool: &'m Pool,
    people: &'m People,
    priority: Priority,
    limits: Limits,
    /// Of the variants.
    formats: Vec<Format>,
    timeout: Duration,
    /// Given back when the child is idle, or has ended.
    taken: Option<Share<'m>>,
    /// How long the decode took.
    pub(super) decoded_in: Duration,
    /// None if it is of no more use.
    child: Option<Child>,
}

impl Apart<'_> {
    /// Has one of the variants made.
    pub(super) async fn variant(&mut self, index: usize) -> Result<Rendered, NotRendered> {
        let Some(format) = self.formats.get(index).copied() else {
            return Err(NotRendered::Crashed(
                "was asked for a variant too many".to_owned(),
            ));
        };
        let limits = self.limits;
        self.step(async |child: &mut Child| child.variant(index, format, &limits).await)
            .await
    }

    /// No more variants are wanted.
    pub(super) async fn end(mut self) {
        if let Some(mut child) = self.child.take()
            && let Ok(end) = frame(&Ask::End)
            && child.socket.write_all(&end).await.is_ok()
        {
            self.rest(child);
        }
    }

    fn rest(&self, child: Child) {
        self.pool.with_idle(self.priority, |idle| idle.push(child));
    }

    /// The child has done with an original that cannot be rendered.
    fn refused(mut self, refused: NotRendered) -> NotRendered {
        if let Some(child) = self.child.take() {
            self.rest(child);
        }
        refused
    }

    /// A part of the work: on time, and halted while there are people if it is bulk.
    async fn step<T>(
        &mut self,
        part: impl AsyncFnOnce(&mut Child) -> Exchange<T>,
    ) -> Result<T, NotRendered> {
        let Some(mut child) = self.child.take() else {
            return Err(NotRendered::Crashed("had ended before".to_owned()));
        };
        let process = child.process.id();
        let time = Stopwatch::start(process);
        let part = in_time(self.timeout, part(&mut child));
        let ended = match self.priority {
            Priority::Interactive => part.await,
            Priority::Bulk => cpu::halting(process, self.people, part).await,
        };
        let starved = if late(&ended) {
            time.starved(self.timeout)
        } else {
            None
        };
        match ended {
            Ok(said) => {
                self.child = Some(child);
                told(said.map_err(shortened), starved)
            }
            Err(error) => {
                let last_words = child.last_words(&error).await;
                Err(starved.unwrap_or(NotRendered::Crashed(last_words)))
            }
        }
    }
}

impl Child {
    async fn start(
        priority: Priority,
        address_space_bytes: u64,
        words: &Words,
    ) -> io::Result<(Self, Hello)> {
        let (ours, theirs) = Socket::pair()?;
        ours.set_nonblocking(true)?;
        let mut process = Command::new(program()?)
            .arg(ARGUMENT)
            .arg(address_space_bytes.to_string())
            .arg(priority.name())
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // Should the worker be killed while this child is halted, the kernel ends it: the group is
            // an orphan then (setpgid(2), SIGHUP).
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        if let Some(stderr) = process.stderr.take() {
            listen(words.clone().listen(process.id(), stderr));
        }
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

    /// Gives it an original; how much memory that takes.
    async fn send(&mut self, request: &Request, original: Bytes) -> Exchange<u64> {
        self.socket.write_all(&frame(request)?).await?;
        self.socket.write_all(&original).await?;
        drop(original);
        self.read::<Needs>(MOST_TEXT_BYTES).await
    }

    async fn decode(&mut self) -> Exchange<()> {
        self.socket.write_all(&[1]).await?;
        self.read::<Decoded>(MOST_TEXT_BYTES).await
    }

    /// Has a variant made. It is not believed: one that is not what was asked for is an error.
    async fn variant(
        &mut self,
        index: usize,
        format: Format,
        limits: &Limits,
    ) -> Exchange<Rendered> {
        self.socket.write_all(&frame(&Ask::Variant(index))?).await?;
        let made = match self.read::<Answer>(MOST_TEXT_BYTES).await? {
            Ok(made) => made,
            Err(refused) => return Ok(Err(refused)),
        };
        let size = (made.width_px, made.height_px);
        if made.bytes > most_bytes(size) || size.0.max(size.1) > limits.dimension_px {
            return Err(nonsense("a variant that is too large"));
        }
        let mut bytes = vec![0; made.bytes];
        self.socket.read_exact(&mut bytes).await?;
        if let Some(why) = result::wrong(format, &bytes, size) {
            return Err(nonsense(why));
        }
        Ok(Ok(Rendered {
            bytes,
            width_px: made.width_px,
            height_px: made.height_px,
        }))
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
        use io::ErrorKind::{InvalidData, TimedOut};
        let killed = matches!(error.kind(), InvalidData | TimedOut);
        if killed {
            // It may just have ended.
            let _ = self.process.start_kill();
        }
        match tokio::time::timeout(ENDING, self.process.wait()).await {
            Ok(Ok(status)) if !killed => format!("ended with {status}"),
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
fn late<T>(ended: &Exchange<T>) -> bool {
    match ended {
        Ok(Ok(_)) => false,
        Ok(Err(refused)) => *refused == RenderError::TooSlow,
        Err(error) => error.kind() == io::ErrorKind::TimedOut,
    }
}

/// Waits for a part of a task.
async fn in_time<T>(timeout: Duration, part: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let most = timeout + LATE;
    let late = |_| {
        io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer within {most:?}"),
        )
    };
    tokio::time::timeout(most, part).await.map_err(late)?
}

/// No encoder makes more of a picture than its samples, and what comes with them. A worker holds two of a
/// job's variants at most: one that is stored and the one after it.
fn most_bytes((width_px, height_px): (u32, u32)) -> usize {
    const COMES_WITH_THEM: usize = 1 << 20;
    let (width, height) = (width_px as usize, height_px as usize);
    width
        .saturating_mul(height)
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

/// Runs until the renderer has ended, which is before its worker has.
#[expect(
    clippy::disallowed_methods,
    reason = "it ends with the renderer, and has nothing to finish"
)]
fn listen(words: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(words);
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
    use crate::isolation::message::{Layer, Made};

    #[test]
    fn late_is_who_says_so_or_says_nothing() {
        let ended: [(Exchange<()>, bool); 5] = [
            (Ok(Ok(())), false),
            (Ok(Err(RenderError::TooSlow)), true),
            (Ok(Err(RenderError::Truncated)), false),
            (Err(io::ErrorKind::TimedOut.into()), true),
            (Err(io::ErrorKind::UnexpectedEof.into()), false),
        ];
        for (ended, expected) in ended {
            assert_eq!(late(&ended), expected, "{ended:?}");
        }
    }

    fn pool() -> Pool {
        Pool {
            address_space_bytes: 0,
            hello: Hello {
                limits: Layer::Whole,
                seccomp: Layer::Whole,
                landlock: Layer::Whole,
            },
            words: Words::default(),
            idle: PerPriority::default(),
        }
    }

    /// What a worker makes of a child that was asked for a PNG and says this; and whether the child lives.
    async fn heard(says: &[u8]) -> (Result<Rendered, NotRendered>, bool) {
        let (pool, people) = (pool(), People::new(1));
        let (ours, theirs) = Socket::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let process = Command::new("sleep").arg("60").kill_on_drop(true).spawn();
        let process = process.unwrap();
        let id = process.id().unwrap();
        let mut apart = Apart {
            pool: &pool,
            people: &people,
            priority: Priority::Interactive,
            limits: Limits {
                original_pixels: 1,
                dimension_px: 100,
                variant_pixels: 10_000,
                avif_pixels: 1,
                memory_bytes: 1,
                missing_end: crate::render::MissingEnd::Refuse,
            },
            formats: vec![Format::Png],
            timeout: Duration::from_mins(1),
            taken: None,
            decoded_in: Duration::ZERO,
            child: Some(Child {
                socket: UnixStream::from_std(ours).unwrap(),
                process,
            }),
        };
        std::io::Write::write_all(&mut &theirs, says).unwrap();
        let variant = apart.variant(0).await;
        let lives = std::path::Path::new(&format!("/proc/{id}/exe")).exists();
        (variant, lives)
    }

    fn said(width_px: u32, height_px: u32, bytes: usize, file: &[u8]) -> Vec<u8> {
        let made = Made {
            width_px,
            height_px,
            bytes,
        };
        [&frame(&Answer::Ok(made)).unwrap(), file].concat()
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn a_child_that_lies_has_crashed() {
        let png = |width, height| {
            let picture = image::DynamicImage::new_rgb8(width, height);
            thumbmill_tests::pictures::png(&picture)
        };
        let file = png(3, 2);
        let (honest, lives) = heard(&said(3, 2, file.len(), &file)).await;
        assert!(lives && honest.is_ok_and(|it| it.bytes == file));
        let page = b"<script>alert(1)</script>";
        let wide = png(101, 2);
        for (says, why) in [
            (said(2, 2, file.len(), &file), "another size"),
            (said(3, 2, page.len(), page), "not in the format"),
            (said(101, 2, wide.len(), &wide), "too large"),
            (said(3, 2, 2 << 20, &[]), "too large"),
            (said(u32::MAX, u32::MAX, usize::MAX, &[]), "too large"),
            (b"\xff\xff\xff\xff".to_vec(), "too long"),
            (b"\x02\0\0\0{}".to_vec(), "means nothing"),
        ] {
            let (variant, lives) = heard(&says).await;
            let Err(NotRendered::Crashed(text)) = variant else {
                panic!("{why}: {variant:?}")
            };
            assert!(
                text.contains(why) && text.starts_with("was killed"),
                "{text}"
            );
            assert!(!lives, "{why}");
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
