//! Publishes a campaign's jobs: several checks and many confirmations at a time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{TryStreamExt, stream};
use thumbmill_shared::asset::AssetId;
use thumbmill_shared::backends::Backends;
use thumbmill_shared::campaigns::{Begin, CampaignName, Published, Settled};
use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::job::{Priority, RenderJob};
use thumbmill_shared::queue::{Lane, Message, Seen};
use thumbmill_shared::trace::TraceContext;
use thumbmill_shared::transform::VariantRequest;

use super::check::{Checks, Looked};
use super::choice::Ids;
use super::sent::{Begun, Pace, Sent};

/// Originals that are looked at at a time.
pub(super) const CHECKS: usize = 32;
/// Jobs whose confirmation is waited for at a time.
const PUBLISHES: usize = 512;
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
    /// Most variants of one job.
    pub(super) max_variants: usize,
}

/// `100/s`, `100` or `0.5/s`.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    match number.parse::<f64>() {
        Ok(rate) if (0.001..=1e6).contains(&rate) => Ok(rate),
        _ => Err("jobs a second, from 0.001/s to 1000000/s, such as 100/s".to_owned()),
    }
}

impl Publisher {
    /// Begins the campaign, or goes on with it.
    pub(super) async fn begin(&self) -> anyhow::Result<Sent> {
        let campaigns = &self.backends.campaigns;
        let mut begun = Begun {
            at_unix: campaigns.begin(&self.name, Begin::Again).await?,
            ..Begun::default()
        };
        if let Some(campaign) = campaigns.show(&self.name).await? {
            begun.settled = campaign.settled();
        }
        let mut from = Some(0);
        while let Some(part) = from {
            let page = campaigns.failed(&self.name, part).await?;
            begun.failed.extend(page.failed.into_iter().map(|failed| {
                let variants = failed.variants.into_iter();
                (failed.asset, variants.map(|(request, _)| request).collect())
            }));
            from = page.next;
        }
        Ok(Sent::new(begun))
    }

    /// Publishes what all these originals lack.
    pub(super) async fn publish_all(
        &self,
        checks: Arc<Checks>,
        ids: Ids,
        sent: &Sent,
    ) -> anyhow::Result<()> {
        let pace = self.rate.map(Pace::new);
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
            .map_ok(|looked| self.publish(looked, sent, pace.as_ref()))
            .try_buffer_unordered(PUBLISHES);
        let mut published = std::pin::pin!(published);
        while let Some(()) = published.try_next().await? {
            self.wait_for_room(sent).await?;
        }
        Ok(())
    }

    async fn wait_for_room(&self, sent: &Sent) -> anyhow::Result<()> {
        let Some(most) = self.most_outstanding else {
            return Ok(());
        };
        while let Some(campaign) = self.backends.campaigns.show(&self.name).await? {
            let settled = campaign.settled().saturating_sub(sent.begun.settled);
            if sent.now().published.saturating_sub(settled) <= most {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    async fn publish(
        &self,
        looked: Option<Looked>,
        sent: &Sent,
        pace: Option<&Pace>,
    ) -> anyhow::Result<()> {
        let Some(looked) = looked else {
            return Ok(());
        };
        let published = Published {
            originals: 1,
            published: looked.missing.len() as u64,
            skipped: looked.there.len() as u64,
        };
        self.forgive(&looked, sent).await?;
        for variants in looked.missing.chunks(self.max_variants) {
            let number = sent.number(&self.backends.campaigns, &self.name).await?;
            let job = RenderJob {
                encoding: Some(self.encoding),
                campaign: Some(self.name.clone()),
                number: Some(number),
                begun_unix: Some(sent.begun.at_unix),
                priority: Some(self.lane.priority()).filter(|it| *it != Priority::Bulk),
                ..RenderJob::new(looked.asset, variants.to_vec())
            };
            if let Some(pace) = pace {
                pace.tick().await;
            }
            self.send(&job).await?;
        }
        sent.add(published);
        Ok(())
    }

    /// What failed before and is there all the same has not failed.
    async fn forgive(&self, looked: &Looked, sent: &Sent) -> anyhow::Result<()> {
        let Some(failed) = sent.begun.failed.get(&looked.asset) else {
            return Ok(());
        };
        let there = looked.there.iter();
        let there = there.filter(|request| failed.contains(request));
        let ends: Vec<(VariantRequest, _)> = there.map(|request| (request.clone(), None)).collect();
        if ends.is_empty() {
            return Ok(());
        }
        let again = Published {
            published: ends.len() as u64,
            ..Published::default()
        };
        let settled = Settled {
            number: None,
            begun_unix: Some(sent.begun.at_unix),
            asset: looked.asset,
            ends,
            cancelled: false,
        };
        let campaigns = &self.backends.campaigns;
        let begun = sent.begun.at_unix;
        campaigns.published(&self.name, begun, again).await?;
        Ok(campaigns.settled(&self.name, &settled).await?)
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
