//! The file of tokens, read again whenever it changes and on SIGHUP.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use thumbmill_shared::access::Tokens;
use thumbmill_shared::shutdown::Shutdown;
use tokio::signal::unix::{SignalKind, signal};

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The longest file.
const MOST_BYTES: u64 = 16 << 20;

/// The tokens of the moment; clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct TokenFile {
    current: Arc<RwLock<Arc<Tokens>>>,
}

/// What tells one state of a file from the next.
type Stamp = (Option<SystemTime>, u64);

impl TokenFile {
    /// Reads `path`, now and whenever it changes. Errors: it cannot be read, or is not a file of
    /// tokens.
    pub(crate) fn open(path: Option<&Path>, shutdown: &Shutdown) -> anyhow::Result<Self> {
        let file = Self::default();
        let Some(path) = path else {
            return Ok(file);
        };
        let stamp = stamp(path);
        file.read(path)?;
        let mut hangup = signal(SignalKind::hangup()).context("listen for SIGHUP")?;
        let (watched, path) = (file.clone(), path.to_owned());
        shutdown.spawn_until_begun(async move {
            let mut seen = stamp;
            loop {
                let asked = tokio::select! {
                    _ = hangup.recv() => true,
                    () = tokio::time::sleep(LOOK_EVERY) => false,
                };
                seen = watched.look(&path, seen, asked).await;
            }
        });
        Ok(file)
    }

    /// The tokens of the moment.
    pub(crate) fn current(&self) -> Arc<Tokens> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    async fn look(&self, path: &Path, seen: Stamp, asked: bool) -> Stamp {
        let (file, path) = (self.clone(), PathBuf::from(path));
        let looked = tokio::task::spawn_blocking(move || {
            let now = stamp(&path);
            if (now != seen || asked)
                && let Err(error) = file.read(&path)
            {
                tracing::error!("{error:#}; the tokens of before stay");
            }
            now
        });
        looked.await.unwrap_or(seen)
    }

    fn read(&self, path: &Path) -> anyhow::Result<()> {
        let shown = path.display();
        let read = || -> anyhow::Result<Tokens> {
            let length = std::fs::metadata(path)?.len();
            anyhow::ensure!(length <= MOST_BYTES, "it has more than {MOST_BYTES} bytes");
            Ok(Tokens::parse(&std::fs::read_to_string(path)?)?)
        };
        let tokens = read().with_context(|| format!("THUMBMILL_TOKENS={shown}"))?;
        tracing::info!(file = %shown, tokens = tokens.count(), "tokens read");
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tokens);
        Ok(())
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok();
    let modified = metadata
        .as_ref()
        .and_then(|metadata| metadata.modified().ok());
    (modified, metadata.map_or(0, |metadata| metadata.len()))
}
