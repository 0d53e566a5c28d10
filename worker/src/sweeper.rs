//! Keeps the store within its bound, and clears away what nobody asks for: a task that asks whose
//! turn it is, and sweeps when it is this worker's. Whatever goes wrong is tried again later.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use thumbmill_shared::chain::chain;
use thumbmill_shared::metrics::{EVICTED, EVICTED_BYTES, STORED_BYTES, STORED_VARIANTS, SWEEPS};
use thumbmill_shared::readiness::Readiness;
use thumbmill_shared::settings::Settings;
use thumbmill_shared::storage::Storage;
use thumbmill_shared::sweep::{Bound, KEEP_EVERY, Rules, Sum, Swept, Turn, Turns, sweep};

/// How often a worker asks whether it is its turn, and says what it has written.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// Bytes that this worker has put into the store, and that no other has heard of yet; clones are
/// the same count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written(Arc<AtomicU64>);

impl Written {
    /// A thumbnail was put into the store.
    pub(crate) fn add(&self, length_bytes: u64) {
        self.0.fetch_add(length_bytes, Ordering::Relaxed);
    }

    fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

/// Sweeps when it is this worker's turn.
#[derive(Debug)]
pub(crate) struct Sweeper {
    storage: Storage,
    rules: Rules,
    turns: Turns,
    written: Written,
}

impl Sweeper {
    /// `None`: thumbnails may stay, however many and however old.
    pub(crate) fn new(
        settings: &Settings,
        storage: &Storage,
        readiness: &Readiness,
        name: &str,
        written: &Written,
    ) -> Option<Self> {
        let rules = Rules {
            bound: settings
                .variants_max_bytes
                .map(|most| Bound::of(most.bytes())),
            oldest: settings.purge_older_than,
        };
        if rules == Rules::default() {
            return None;
        }
        let every = settings.sweep_every;
        Some(Self {
            storage: storage.clone(),
            turns: Turns::new(readiness.clone(), name, rules.bound, every),
            rules,
            written: written.clone(),
        })
    }

    /// Goes on for ever; it may be dropped at any moment.
    pub(crate) async fn run(self) {
        loop {
            self.ask().await;
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    async fn ask(&self) {
        let written = self.written.take();
        let standing = match self.turns.next(written).await {
            Ok(standing) => standing,
            Err(error) => {
                // Perhaps it was counted, and is so twice: then a sweep comes too soon.
                self.written.add(written);
                tracing::debug!(%error, "whose turn it is to sweep the store is not known");
                return;
            }
        };
        if let Some(last) = standing.last {
            show(last);
        }
        if let Turn::Sweep { written_bytes } = standing.turn {
            let swept = self.while_heard_of(Box::pin(self.sweep())).await;
            if let Some(kept) = swept
                && let Err(error) = self.turns.swept(kept, written_bytes).await
            {
                tracing::debug!(%error, "others have not heard of the sweep, and repeat it");
            }
        }
    }

    /// Sweeps once; what is left then, unless it failed.
    async fn sweep(&self) -> Option<Sum> {
        let mut swept = Swept::default();
        let ended = sweep(&self.storage, &self.rules, SystemTime::now(), &mut swept).await;
        for (reason, sum) in [("bound", swept.evicted), ("age", swept.expired)] {
            metrics::counter!(EVICTED, "reason" => reason).increment(sum.objects);
            metrics::counter!(EVICTED_BYTES, "reason" => reason).increment(sum.bytes);
        }
        let result = if ended.is_ok() { "done" } else { "failed" };
        metrics::counter!(SWEEPS, "result" => result).increment(1);
        if let Some(error) = &swept.first_failure {
            let (failures, error) = (swept.failures, chain(error));
            tracing::warn!(failures, error, "thumbnails could not be removed");
        }
        tell(&swept);
        if let Err(error) = ended {
            let error = chain(&error);
            tracing::warn!(
                error,
                "the store could not be swept; it is tried again in a minute"
            );
            return None;
        }
        show(swept.kept);
        Some(swept.kept)
    }

    /// Meanwhile nobody else begins to sweep.
    async fn while_heard_of<T>(&self, work: impl Future<Output = T>) -> T {
        let keeping = async {
            loop {
                tokio::time::sleep(KEEP_EVERY).await;
                if let Err(error) = self.turns.keep().await {
                    tracing::debug!(%error, "another worker may begin to sweep, too");
                }
            }
        };
        tokio::select! {
            done = work => done,
            never = keeping => never,
        }
    }
}

fn tell(swept: &Swept) {
    let Swept {
        kept,
        evicted,
        expired,
        evicted_before,
        ..
    } = swept;
    if evicted.objects == 0 && expired.objects == 0 {
        tracing::debug!(
            objects = kept.objects,
            bytes = kept.bytes,
            "swept the store"
        );
        return;
    }
    let before = evicted_before.map(|time| humantime::format_rfc3339_seconds(time).to_string());
    tracing::info!(
        evicted = evicted.objects,
        evicted_bytes = evicted.bytes,
        evicted_before = before,
        expired = expired.objects,
        expired_bytes = expired.bytes,
        kept = kept.objects,
        kept_bytes = kept.bytes,
        "removed thumbnails from the store"
    );
}

fn show(kept: Sum) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge need not be exact")]
    let [objects, bytes] = [kept.objects, kept.bytes].map(|count| count as f64);
    metrics::gauge!(STORED_VARIANTS).set(objects);
    metrics::gauge!(STORED_BYTES).set(bytes);
}
