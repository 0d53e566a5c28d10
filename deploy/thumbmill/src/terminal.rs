//! What the operator's commands have in common: they print, and they end when they are told to.
//!
//! Much of what they print was written by strangers: jobs, reasons, campaigns. It goes through
//! [`thumbmill_shared::shown`], all of it here, so that it does nothing to the terminal.

use std::fmt::Display;
use std::io::Write;

use anyhow::Context;
use thumbmill_shared::settings::indented;
use thumbmill_shared::shown;
use thumbmill_shared::shutdown::Shutdown;

/// Prints one line for people.
pub(crate) fn say(line: impl Display) -> anyhow::Result<()> {
    print(&shown::one_line(&line.to_string()))
}

/// Prints one line for programs.
pub(crate) fn say_json(value: impl Into<serde_json::Value>) -> anyhow::Result<()> {
    print(&shown::json(&value.into().to_string()))
}

fn print(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("print")
}

/// Says one line on standard error, beside what is printed.
pub(crate) fn tell(line: &str) {
    // If nobody can read it, nobody misses it.
    let _ = writeln!(std::io::stderr(), "{}", shown::one_line(line));
}

/// Says on standard error why a command could not be done.
pub(crate) fn complain(error: &anyhow::Error) {
    // If nobody can read it, the exit code still says it.
    let _ = writeln!(
        std::io::stderr(),
        "thumbmill: {}",
        indented(&format!("{error:#}"))
    );
}

/// Does the command until it is told to end.
pub(crate) async fn obey(
    command: impl Future<Output = anyhow::Result<()>>,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let done = tokio::select! {
        done = command => done,
        () = shutdown.begun() => Err(anyhow::anyhow!("interrupted")),
    };
    told(done)
}

/// What a command did, after saying on standard error why it could not.
pub(crate) fn told(done: anyhow::Result<()>) -> anyhow::Result<()> {
    if let Err(error) = &done {
        complain(error);
    }
    done
}
