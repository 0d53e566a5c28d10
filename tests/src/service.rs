//! The real binaries as processes.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::servers::free_ports;

const START_WITHIN: Duration = Duration::from_secs(20);

/// A binary of this workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// Everything in one process.
    Thumbmill,
    /// The api.
    Api,
    /// A worker.
    Worker,
}

impl Binary {
    fn name(self) -> &'static str {
        match self {
            Self::Thumbmill => "thumbmill",
            Self::Api => "thumbmill-api",
            Self::Worker => "thumbmill-worker",
        }
    }

    fn listen_variable(self) -> &'static str {
        match self {
            Self::Thumbmill | Self::Api => "THUMBMILL_LISTEN",
            Self::Worker => "THUMBMILL_METRICS_LISTEN",
        }
    }

    /// Where it was built: beside the test that runs now.
    pub fn path(self) -> PathBuf {
        let this = std::env::current_exe().unwrap();
        let near = this
            .ancestors()
            .skip(1)
            .map(|folder| folder.join(self.name()));
        near.take(2)
            .find(|path| path.exists())
            .unwrap_or_else(|| panic!("{} is not built: run ./tests/run", self.name()))
    }
}

/// A running process of the service; killed when dropped.
#[derive(Debug)]
pub struct Service {
    binary: Binary,
    child: Child,
    address: SocketAddr,
    log: PathBuf,
    _folder: TempDir,
}

impl Service {
    /// Starts a binary with these variables and waits until it is ready.
    pub async fn start(binary: Binary, variables: &[(&str, String)]) -> Self {
        Self::start_under(&[], binary, variables).await
    }

    /// The same by a command that becomes the binary whose path is its last argument.
    pub async fn start_under(
        command: &[String],
        binary: Binary,
        variables: &[(&str, String)],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let [port] = free_ports().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let output = fs::File::create(&log).unwrap();
        let path = binary.path().display().to_string();
        let words: Vec<_> = command.iter().chain([&path]).collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("THUMBMILL_")) {
            command.env_remove(name);
        }
        command.env(binary.listen_variable(), address.to_string());
        // Tests end many processes; those about the delay set it.
        command.env("THUMBMILL_DRAIN_DELAY", "0s");
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output);
        let child = command.spawn().unwrap();
        let mut this = Self {
            binary,
            child,
            address,
            log,
            _folder: folder,
        };
        this.wait_until_ready().await;
        this
    }

    async fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + START_WITHIN;
        loop {
            let ready = reqwest::get(format!("{}/readyz", self.url())).await;
            if ready.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "{} ended with {ended:?}:\n{}",
                self.binary.name(),
                self.log()
            );
            assert!(
                Instant::now() < deadline,
                "{} is not ready:\n{}",
                self.binary.name(),
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it serves HTTP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The most memory that it ever had, in KiB.
    pub fn peak_memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Its log as a file, which can still be read when it has ended.
    pub fn open_log(&self) -> fs::File {
        fs::File::open(&self.log).unwrap()
    }

    /// The sum of all counters and gauges of this name, whatever their labels, where the line
    /// contains `label`.
    pub async fn metric(&self, name: &str, label: &str) -> u64 {
        let text = reqwest::get(format!("{}/metrics", self.url()))
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let lines = text.lines().filter(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['{', ' ']))
                && line.contains(label)
        });
        lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum::<f64>()
            .round() as u64
    }

    /// The process's id.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The processes that it has started and that have not ended: its renderers.
    pub fn children(&self) -> Vec<Pid> {
        let parent = self.child.id().to_string();
        let processes = fs::read_dir("/proc").unwrap();
        let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let running = ids.filter(|id: &i32| {
            // After the name in brackets: state, parent (proc(5)).
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            let mut fields = stat.rsplit(')').next().unwrap_or_default().split(' ');
            fields.nth(1) != Some("Z") && fields.next() == Some(&parent)
        });
        running.filter_map(Pid::from_raw).collect()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Asks it to end and waits for that.
    pub async fn terminate(mut self, within: Duration) -> ExitStatus {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "{} does not end:\n{}",
                self.binary.name(),
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a binary that is expected to end by itself; gives its exit code and all it prints.
pub fn run_to_end(
    binary: Binary,
    arguments: &[&str],
    variables: &[(&str, &str)],
    folder: &Path,
) -> (i32, String) {
    let output = Command::new(binary.path())
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(folder)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8(text).unwrap(),
    )
}
