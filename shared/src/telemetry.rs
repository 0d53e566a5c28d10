//! Logs: one line an event, for people (`text`) or for machines (`json`), on standard error.

use std::any::Any;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
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
        let what = panic_text(panic.payload());
        tracing::error!(at, "a bug: panicked: {what}");
    }));
}

/// What a panic says.
pub fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("it does not say why")
}

/// Lines that wait to be written at most; further ones are lost, and counted.
const MOST_LINES: usize = 10_000;

/// Writes lines on a thread of its own, so that nobody waits for whoever reads them.
static WRITER: Mutex<Option<Writer>> = Mutex::new(None);

struct Writer {
    /// Writes what is left when it is dropped.
    _guard: WorkerGuard,
    lost: ErrorCounter,
    counted: usize,
}

/// Counts the lines that were lost since the last time because nobody read them in time.
pub fn count_lost_lines() {
    let mut writer = WRITER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(writer) = writer.as_mut() {
        let lost = writer.lost.dropped_lines();
        metrics::counter!(LOG_LINES_LOST).increment((lost - writer.counted) as u64);
        writer.counted = lost;
    }
}

/// Writes what is left, for a second at most. What is logged after it is lost.
pub fn finish() {
    drop(WRITER.lock().unwrap_or_else(PoisonError::into_inner).take());
}

/// Starts to log. Errors: something else in this process logs already.
///
/// The reader of the lines may be slow, or gone, or its disk full: then lines are lost, and nothing else.
pub fn install(format: LogFormat, filter: &LogFilter) -> Result<(), TryInitError> {
    watch_panics();
    let (lines, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(MOST_LINES)
        .thread_name("log")
        .finish(Lines(format));
    let writer = Writer {
        _guard: guard,
        lost: lines.error_counter(),
        counted: 0,
    };
    *WRITER.lock().unwrap_or_else(PoisonError::into_inner) = Some(writer);
    let builder = fmt()
        .with_env_filter(EnvFilter::new(&filter.0))
        .with_writer(lines);
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
        if io::stderr()
            .write_all(format!("{line}\n").as_bytes())
            .is_err()
        {
            metrics::counter!(LOG_LINES_LOST).increment(1);
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
