//! What the operator's commands have in common: they print, and they end when they are told to.

use std::fmt::Display;
use std::io::Write;

use anyhow::Context;
use thumbmill_shared::shutdown::Shutdown;

/// Prints a line.
pub(crate) fn say(text: impl Display) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("print")
}

/// Says on standard error why a command could not be done.
pub(crate) fn complain(error: &anyhow::Error) {
    // If nobody can read it, the exit code still says it.
    let _ = writeln!(std::io::stderr(), "thumbmill: {error:#}");
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
    if let Err(error) = &done {
        complain(error);
    }
    done
}
