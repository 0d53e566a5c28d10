//! `with-servers COMMAND…`: runs a command with private servers around it, and ends as it ends.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use thumbmill_tests::servers::Servers;

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments
        .next()
        .context("usage: with-servers COMMAND ARGUMENTS…")?;
    let folder = tempfile::Builder::new()
        .prefix("thumbmill-test-servers-")
        .tempdir()?;
    let servers = Servers::start(folder.path())?;
    let status = Command::new(&program)
        .args(arguments)
        .envs(servers.variables())
        .status()
        .with_context(|| format!("run {}", program.display()))?;
    drop(servers);
    folder.close()?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}
