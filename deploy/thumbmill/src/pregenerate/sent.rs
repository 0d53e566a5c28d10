//! What this command has sent, under which numbers, and how fast.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Mutex as SyncMutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use thumbmill_shared::asset::AssetId;
use thumbmill_shared::campaigns::{CampaignName, Campaigns, MOST_JOBS, NUMBERS, Published};
use thumbmill_shared::transform::VariantRequest;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// So late is still in time: the timer's ticks are not finer.
const LATE: Duration = Duration::from_millis(100);

/// How the campaign was when this command began.
#[derive(Debug, Default)]
pub(super) struct Begun {
    /// When the ledger says that it was begun: another time later means that it forgot.
    pub(super) at_unix: u64,
    /// Thumbnails whose jobs had an end.
    pub(super) settled: u64,
    /// What had failed.
    pub(super) failed: HashMap<AssetId, Vec<VariantRequest>>,
}

/// What this command has sent.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(super) begun: Begun,
    all: SyncMutex<Published>,
    /// What the ledger has not heard of yet.
    untold: SyncMutex<Published>,
    numbers: Mutex<Numbers>,
}

/// The numbers of its jobs.
#[derive(Debug, Default)]
struct Numbers {
    /// All that were taken; those of the last from `next` on are not used.
    taken: Vec<Range<u32>>,
    next: u32,
    used: u64,
}

impl Sent {
    pub(super) fn new(begun: Begun) -> Self {
        Self {
            begun,
            all: SyncMutex::default(),
            untold: SyncMutex::default(),
            numbers: Mutex::default(),
        }
    }

    pub(super) fn add(&self, more: Published) {
        for counts in [&self.all, &self.untold] {
            add(&mut lock(counts), more);
        }
    }

    pub(crate) fn now(&self) -> Published {
        *lock(&self.all)
    }

    /// Tells the ledger what it has not heard of.
    pub(super) async fn tell(
        &self,
        campaigns: &Campaigns,
        name: &CampaignName,
    ) -> anyhow::Result<()> {
        let more = std::mem::take(&mut *lock(&self.untold));
        let told = campaigns.published(name, self.begun.at_unix, more).await;
        if told.is_err() {
            add(&mut lock(&self.untold), more);
        }
        told.context("write the ledger")
    }

    /// The next number, from the ledger.
    pub(super) async fn number(
        &self,
        campaigns: &Campaigns,
        name: &CampaignName,
    ) -> anyhow::Result<u32> {
        let mut numbers = self.numbers.lock().await;
        if numbers
            .taken
            .last()
            .is_none_or(|last| last.end == numbers.next)
        {
            let taken = campaigns.numbers(name).await;
            let first = taken.context("take numbers from the ledger")?;
            if first > MOST_JOBS - NUMBERS {
                bail!("the campaign has too many jobs: give it another name");
            }
            match numbers.taken.last_mut() {
                // Nobody else took any meanwhile.
                Some(last) if last.end == first => last.end = first + NUMBERS,
                _ => numbers.taken.push(first..first + NUMBERS),
            }
            numbers.next = first;
        }
        numbers.used += 1;
        numbers.next += 1;
        Ok(numbers.next - 1)
    }

    /// How many of its jobs have no end yet.
    pub(super) async fn unsettled(
        &self,
        campaigns: &Campaigns,
        name: &CampaignName,
    ) -> anyhow::Result<u64> {
        let numbers = self.numbers.lock().await;
        let mut counted = 0;
        for range in &numbers.taken {
            counted += campaigns.counted(name, range.clone()).await?;
        }
        Ok(numbers.used.saturating_sub(counted))
    }
}

fn add(counts: &mut Published, more: Published) {
    counts.originals += more.originals;
    counts.published += more.published;
    counts.skipped += more.skipped;
}

fn lock(counts: &SyncMutex<Published>) -> MutexGuard<'_, Published> {
    // Nothing panics while it is held.
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Published {
            originals,
            published,
            skipped,
        } = self.now();
        write!(
            f,
            "{originals} originals: {published} thumbnails published, {skipped} there already"
        )
    }
}

/// Lets so many through a second, and does not make up for what was missed.
#[derive(Debug)]
pub(super) struct Pace {
    every: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(a_second: f64) -> Self {
        Self {
            every: Duration::from_secs_f64(1.0 / a_second),
            next: Mutex::new(Instant::now()),
        }
    }

    pub(super) async fn tick(&self) {
        let turn = {
            let mut next = self.next.lock().await;
            let now = Instant::now();
            if *next + LATE < now {
                *next = now;
            }
            let turn = *next;
            *next += self.every;
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pace_does_not_make_up_for_a_pause() {
        let pace = Pace::new(100.0);
        pace.tick().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let begin = Instant::now();
        for _ in 0..11 {
            pace.tick().await;
        }
        assert!(begin.elapsed() >= Duration::from_millis(90));
    }
}
