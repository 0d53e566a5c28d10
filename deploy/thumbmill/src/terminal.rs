//! What the operator's commands have in common: they print, and they end when they are told to.

use std::io::Write;

use anyhow::Context;
use thumbmill_shared::shutdown::Shutdown;

/// Prints a line.
pub(crate) fn say(text: std::fmt::Arguments<'_>) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("print")
}

/// Does the command, and says on standard error why it could not.
pub(crate) async fn obey(
    command: impl Future<Output = anyhow::Result<()>>,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let done = tokio::select! {
        done = command => done,
        () = shutdown.begun() => Err(anyhow::anyhow!("interrupted")),
    };
    if let Err(error) = &done {
        writeln!(std::io::stderr(), "thumbmill: {error:#}")?;
    }
    done
}
