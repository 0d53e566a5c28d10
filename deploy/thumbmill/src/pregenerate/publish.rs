//! Publishes a campaign's jobs: several checks and many confirmations at a time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{TryStreamExt, stream};
use thumbmill_shared::asset::AssetId;
use thumbmill_shared::backends::Backends;
use thumbmill_shared::campaigns::{CampaignName, Published};
use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::job::RenderJob;
use thumbmill_shared::queue::{Lane, Message, Seen};
use thumbmill_shared::trace::TraceContext;
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::check::{Checks, Looked};
use super::choice::Ids;

/// Originals that are looked at at a time.
pub(super) const CHECKS: usize = 32;
/// Jobs whose confirmation is waited for at a time.
const PUBLISHES: usize = 512;
/// Numbers that are taken at a time.
const NUMBERS: u32 = 1000;
/// Originals after which the ledger hears of what was published.
const TELL_EVERY: u64 = 500;
/// Thumbnails that may wait in a queue that is in this process' memory.
pub(super) const MOST_HERE: u64 = 2000;
const LOOK_EVERY: Duration = Duration::from_millis(20);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Publishes one campaign.
#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) backends: Backends,
    pub(super) name: CampaignName,
    pub(super) lane: Lane,
    /// Jobs a second at most.
    pub(super) rate: Option<f64>,
    /// It waits while more thumbnails have no end yet.
    pub(super) most_outstanding: Option<u64>,
    pub(super) encoding: Encoding,
}

/// What this command has done.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) originals: AtomicU64,
    pub(crate) published: AtomicU64,
    pub(crate) skipped: AtomicU64,
}

impl Totals {
    fn add(&self, more: Published) {
        self.originals.fetch_add(more.originals, Ordering::Relaxed);
        self.published.fetch_add(more.published, Ordering::Relaxed);
        self.skipped.fetch_add(more.skipped, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Published {
        Published {
            originals: self.originals.load(Ordering::Relaxed),
            published: self.published.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Display for Totals {
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

/// `100/s`, `100` or `0.5/s`.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    match number.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= 0.001 => Ok(rate),
        _ => Err("jobs a second, such as 100/s".to_owned()),
    }
}

/// Numbers that were taken and not used yet.
#[derive(Debug, Default)]
struct Numbers {
    next: u32,
    end: u32,
}

impl Publisher {
    /// Publishes what all these originals lack; the ledger has heard of all of it afterwards.
    pub(super) async fn publish_all(
        &self,
        checks: Arc<Checks>,
        ids: Ids,
        totals: &Totals,
    ) -> anyhow::Result<()> {
        let numbers = Mutex::new(Numbers::default());
        let pace = self.rate.map(|rate| {
            let mut pace = interval(Duration::from_secs_f64(1.0 / rate));
            // Several at once, where a tick is shorter than the timer's.
            pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
            Mutex::new(pace)
        });
        // So that the campaign is there, even if nothing is to be done.
        numbers.lock().await.take(self).await?;
        let pages = stream::try_unfold(ids, |mut ids| async {
            Ok::<_, anyhow::Error>(ids.next().await?.map(|page| (page, ids)))
        });
        let ids = pages
            .map_ok(|page| stream::iter(page.into_iter().map(anyhow::Ok)))
            .try_flatten();
        let looked = ids
            .map_ok(|id: AssetId| {
                let checks = Arc::clone(&checks);
                async move { checks.look(id).await }
            })
            .try_buffer_unordered(CHECKS);
        let published = looked
            .map_ok(|looked| self.publish(looked, &numbers, pace.as_ref()))
            .try_buffer_unordered(PUBLISHES);
        let mut published = std::pin::pin!(published);
        let mut untold = Published::default();
        while let Some(one) = published.try_next().await? {
            totals.add(one);
            untold.originals += one.originals;
            untold.published += one.published;
            untold.skipped += one.skipped;
            if untold.originals >= TELL_EVERY || self.most_outstanding.is_some() {
                self.tell(std::mem::take(&mut untold)).await?;
                self.wait_for_room().await?;
            }
        }
        self.tell(untold).await
    }

    async fn tell(&self, more: Published) -> anyhow::Result<()> {
        let told = self.backends.campaigns.published(&self.name, more);
        told.await.context("write the ledger")
    }

    async fn wait_for_room(&self) -> anyhow::Result<()> {
        let Some(most) = self.most_outstanding else {
            return Ok(());
        };
        loop {
            let campaign = self.backends.campaigns.show(&self.name).await?;
            if campaign.is_none_or(|campaign| campaign.outstanding() <= most) {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn publish(
        &self,
        looked: Option<Looked>,
        numbers: &Mutex<Numbers>,
        pace: Option<&Mutex<Interval>>,
    ) -> anyhow::Result<Published> {
        let Some(looked) = looked else {
            return Ok(Published::default());
        };
        let published = Published {
            originals: 1,
            published: looked.missing.len() as u64,
            skipped: looked.ready,
        };
        if looked.missing.is_empty() {
            return Ok(published);
        }
        let number = numbers.lock().await.take(self).await?;
        let job = RenderJob {
            encoding: Some(self.encoding),
            campaign: Some(self.name.clone()),
            number: Some(number),
            priority: (self.lane != Lane::Bulk).then_some(self.lane),
            ..RenderJob::new(looked.asset, looked.missing)
        };
        if let Some(pace) = pace {
            pace.lock().await.tick().await;
        }
        self.send(&job).await?;
        Ok(published)
    }

    /// Until the queue has taken it.
    async fn send(&self, job: &RenderJob) -> anyhow::Result<()> {
        let message = Message::new(job, Seen::Nothing, TraceContext::random())?;
        let mut pause = FIRST_PAUSE;
        while let Err(error) = self
            .backends
            .queue
            .publish(self.lane, message.clone())
            .await
        {
            tracing::debug!(%error, "a job is published again");
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
        Ok(())
    }
}

impl Numbers {
    /// The next number, first of all from the ledger.
    async fn take(&mut self, publisher: &Publisher) -> anyhow::Result<u32> {
        if self.next == self.end {
            let taken = publisher
                .backends
                .campaigns
                .number(&publisher.name, NUMBERS);
            self.next = taken.await.context("take numbers from the ledger")?;
            self.end = self.next + NUMBERS;
        }
        if self.end > thumbmill_shared::campaigns::MOST_JOBS {
            bail!("the campaign has too many jobs: give it another name");
        }
        self.next += 1;
        Ok(self.next - 1)
    }
}
