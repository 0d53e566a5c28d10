//! Logs: one line an event, for people (`text`) or for machines (`json`), on standard error.

use std::any::Any;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::metrics::{LOG_LINES_LOST, PANICS};
use crate::shown::{json, one_line};

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("text or json"),
        }
    }
}

/// Logs and counts every panic, wherever it is caught.
fn watch_panics() {
    std::panic::set_hook(Box::new(|panic| {
        metrics::counter!(PANICS).increment(1);
        let at = panic.location().map(ToString::to_string);
        let (at, what) = (at.unwrap_or_default(), panic_text(panic.payload()));
        tracing::error!("panicked at {at}: {what}");
    }));
}

/// What a panic says.
pub fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("it does not say why")
}

/// Starts to log. Errors: something else in this process logs already.
///
/// The reader of the lines may be slow, or gone, or its disk full: then lines are lost, and nothing else.
pub fn install(format: LogFormat, filter: &LogFilter) -> Result<(), TryInitError> {
    watch_panics();
    let builder = fmt()
        .with_env_filter(EnvFilter::new(&filter.0))
        .with_writer(move || Lines(format));
    match format {
        LogFormat::Text => builder.with_ansi(false).finish().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
    }
}

/// Writes events to standard error, each as one line whatever is in it: the subscriber hands over one
/// event at a time. A line that cannot be written is lost.
struct Lines(LogFormat);

impl Write for Lines {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let line = match self.0 {
            LogFormat::Text => one_line(text),
            LogFormat::Json => json(text),
        };
        if !write_line(&line) {
            metrics::counter!(LOG_LINES_LOST).increment(1);
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a pipe takes without waiting when it says that it takes something (pipe(7), `PIPE_BUF`).
const AT_ONCE_BYTES: usize = 4096;

/// Whether the last line was broken off: the next one must not look like its end.
static BROKEN_OFF: AtomicBool = AtomicBool::new(false);

/// Writes a line before whatever it tells of is done, so that a killed process leaves none out. False: it is lost,
/// because nobody takes it at once.
fn write_line(line: &str) -> bool {
    let mut stderr = io::stderr().lock();
    let begin = if BROKEN_OFF.load(Ordering::Relaxed) {
        "\n"
    } else {
        ""
    };
    let text = format!("{begin}{line}\n");
    let mut parts = text.as_bytes().chunks(AT_ONCE_BYTES);
    let mut any = false;
    let whole = parts.all(|part| {
        let written = has_room(&stderr) && stderr.write_all(part).is_ok();
        any |= written;
        written
    });
    if any {
        BROKEN_OFF.store(!whole, Ordering::Relaxed);
    }
    whole
}

/// Whether a write does not wait. A reader that is gone counts: the write says so.
fn has_room(stderr: &io::StderrLock<'_>) -> bool {
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let ready = poll(&mut [PollFd::new(stderr, PollFlags::OUT)], Some(&now));
    ready.is_ok_and(|ready| ready > 0)
}

/// Which events are logged: a level, or directives such as `info,thumbmill_worker=debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

impl FromStr for LogFilter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        EnvFilter::try_new(text)
            .map(|_| Self(text.to_owned()))
            .map_err(|_| "a level, or directives such as info,thumbmill_worker=debug")
    }
}
