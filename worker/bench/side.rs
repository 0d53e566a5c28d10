//! A process that renders: starts it, asks it, ends it. Knows nothing of what is asked.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

/// One of the two sides, alive.
pub(crate) struct Side {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Side {
    /// Node with the sharp that is in `folder`; one thread of libuv's pool does its work.
    pub(crate) fn sharp(folder: &Path) -> anyhow::Result<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/sharp.mjs");
        let mut command = Command::new("node");
        command
            .env("UV_THREADPOOL_SIZE", "1")
            .arg(script)
            .arg(folder);
        Self::start(command)
    }

    /// This program as our side.
    pub(crate) fn ours() -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve");
        Self::start(command)
    }

    fn start(mut command: Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("start {command:?}"))?;
        Ok(Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().context("no pipe")?),
            child,
        })
    }

    /// Waits for the answer; one with an `error` is an error.
    pub(crate) fn ask(&mut self, command: &Value) -> anyhow::Result<Value> {
        let input = self.input.as_mut().context("no pipe")?;
        writeln!(input, "{command}")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line).context("a side has ended")?;
        match answer["error"].as_str() {
            Some(error) => bail!("{error}"),
            None => Ok(answer),
        }
    }
}

impl Drop for Side {
    /// The end of its input ends it; it is waited for, so that none is left behind.
    fn drop(&mut self) {
        drop(self.input.take());
        if let Err(error) = self.child.wait() {
            eprintln!("a side did not end: {error}");
        }
    }
}
