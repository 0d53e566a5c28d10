//! Campaigns: many bulk jobs under one name, counted and steered together.
//!
//! What is kept here is a ledger, not the truth: whether a thumbnail is there, the store says.
//! Workers write into it how jobs ended, before they settle them. A job with a number counts once,
//! however often it is delivered. Should the ledger vanish, pregenerating again costs only checks.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::asset::AssetId;
use crate::outcome::{Failure, Reason};
use crate::readiness::{Readiness, ReadinessError};
use crate::transform::VariantRequest;

mod embedded;
mod name;
pub(crate) mod redis;

pub(crate) use embedded::Embedded;
pub use name::{CampaignName, NotACampaignName};

/// How long a campaign is remembered after its last change.
const KEPT_FOR: Duration = Duration::from_hours(24 * 90);
/// Originals whose failures are told one by one; further ones are only counted.
const LISTED_FAILURES: u32 = 100_000;
/// The rate is that of so many of the latest intervals.
const INTERVALS: u64 = 6;
/// The length of one interval.
const INTERVAL: Duration = Duration::from_secs(10);
/// The largest number of a job: each takes a bit of memory.
pub const MOST_JOBS: u32 = 100_000_000;
/// Numbers are taken so many at a time.
pub const NUMBERS: u32 = 1000;

/// What workers do with a campaign's jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignState {
    /// They do them.
    #[default]
    Running,
    /// They put them aside until it goes on.
    Paused,
    /// They throw them away.
    Cancelled,
}

impl CampaignState {
    /// Its name in the ledger and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
        }
    }

    fn from_name(name: &str) -> Self {
        match name {
            "paused" => Self::Paused,
            "cancelled" => Self::Cancelled,
            _ => Self::Running,
        }
    }
}

/// A campaign as the ledger knows it. Thumbnails are counted as they were asked for: `auto` is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Campaign {
    /// Its name.
    pub name: CampaignName,
    /// What workers do with its jobs.
    pub state: CampaignState,
    /// When it was begun, in seconds since 1970.
    pub begun_unix: u64,
    /// When it last changed.
    pub changed_unix: u64,
    /// Originals that were gone through.
    pub originals: u64,
    /// Thumbnails whose jobs were published.
    pub published: u64,
    /// Thumbnails that were there already: no job was published.
    pub skipped: u64,
    /// Thumbnails that are there, thanks to a job or in spite of it.
    pub done: u64,
    /// Thumbnails that could not be made, by reason.
    pub failed: BTreeMap<Reason, u64>,
    /// Thumbnails whose jobs were thrown away.
    pub cancelled: u64,
    /// Thumbnails a second, of the last minute.
    pub per_second: f64,
}

impl Campaign {
    /// Thumbnails that could not be made.
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Thumbnails whose jobs have an end.
    pub fn settled(&self) -> u64 {
        self.done + self.failures() + self.cancelled
    }

    /// Thumbnails whose jobs have no end yet, as far as it is known of them.
    pub fn outstanding(&self) -> u64 {
        self.published.saturating_sub(self.settled())
    }

    /// All of it, and what follows from it, for programs.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name,
            "state": self.state,
            "begun_unix": self.begun_unix,
            "changed_unix": self.changed_unix,
            "originals": self.originals,
            "published": self.published,
            "skipped": self.skipped,
            "done": self.done,
            "failed": self.failures(),
            "failed_by_reason": self.failed,
            "cancelled": self.cancelled,
            "outstanding": self.outstanding(),
            "per_second": self.per_second,
            "seconds_left": self.left().map(|left| left.as_secs()),
        })
    }

    /// How long the rest takes at the present rate; `None` while there is none.
    pub fn left(&self) -> Option<Duration> {
        let outstanding = self.outstanding();
        if outstanding == 0 {
            return Some(Duration::ZERO);
        }
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let seconds = outstanding as f64 / self.per_second;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// How a campaign's job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Its number, if it has one: then it counts once.
    pub number: Option<u32>,
    /// When the campaign was begun that it belongs to, if that is known: it counts in no other.
    pub begun_unix: Option<u64>,
    /// Its original.
    pub asset: AssetId,
    /// What it was for, each with its failure, if it failed.
    pub ends: Vec<(VariantRequest, Option<Failure>)>,
    /// It was thrown away: none of it was done.
    pub cancelled: bool,
}

/// What failed of an original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The original.
    pub asset: AssetId,
    /// What could not be made of it, and why.
    pub variants: Vec<(VariantRequest, Failure)>,
}

/// What failed of one original, by the JSON of what was asked for.
type Failures = BTreeMap<String, Failure>;

/// A request as the ledger writes it.
fn written(request: &VariantRequest) -> String {
    serde_json::to_string(request).unwrap_or_default()
}

impl Failed {
    /// For programs: the original, and each request with its reason and message.
    pub fn to_json(&self) -> serde_json::Value {
        let variants = self.variants.iter().map(|(request, failure)| {
            serde_json::json!({
                "variant": request,
                "reason": failure.reason,
                "message": failure.message,
            })
        });
        serde_json::json!({"asset": self.asset, "variants": variants.collect::<Vec<_>>()})
    }

    fn read(asset: AssetId, failures: Failures) -> Self {
        let variants = failures.into_iter().filter_map(|(request, failure)| {
            let request = serde_json::from_str(&request).ok()?;
            Some((request, failure))
        });
        Self {
            asset,
            variants: variants.collect(),
        }
    }
}

/// A part of the failures, and where the next part begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedPage {
    /// Originals, in no order.
    pub failed: Vec<Failed>,
    /// What to ask for next; `None` at the end.
    pub next: Option<u64>,
}

/// What becomes of a campaign that was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// It goes on, and what was thrown away does not count any more.
    Again,
    /// It stays so.
    AsItIs,
}

/// What a publisher adds to a campaign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Originals that were gone through.
    pub originals: u64,
    /// Thumbnails whose jobs were published.
    pub published: u64,
    /// Thumbnails that were there already.
    pub skipped: u64,
}

/// The ledger of all campaigns, where readiness is kept; clones are the same ledger.
#[derive(Clone, Debug)]
pub struct Campaigns(Readiness);

impl Campaigns {
    /// The ledger beside this readiness.
    pub fn new(readiness: Readiness) -> Self {
        Self(readiness)
    }

    /// The campaign is there from now on, if it was not before; when it was begun, in seconds since
    /// 1970.
    pub async fn begin(&self, name: &CampaignName, begin: Begin) -> Result<u64, ReadinessError> {
        match &self.0 {
            Readiness::Embedded(embedded) => Ok(embedded.campaigns().begin(name, begin)),
            Readiness::Redis(redis) => redis.campaign_begin(name, begin).await,
        }
    }

    /// Takes [`NUMBERS`] numbers for further jobs; the first of them.
    pub async fn numbers(&self, name: &CampaignName) -> Result<u32, ReadinessError> {
        match &self.0 {
            Readiness::Embedded(embedded) => Ok(embedded.campaigns().numbers(name)),
            Readiness::Redis(redis) => redis.campaign_numbers(name).await,
        }
    }

    /// How many of these numbers' jobs have an end. Both ends of the range were given by
    /// [`Campaigns::numbers`], or are [`NUMBERS`] above that.
    pub async fn counted(
        &self,
        name: &CampaignName,
        numbers: Range<u32>,
    ) -> Result<u64, ReadinessError> {
        match &self.0 {
            Readiness::Embedded(embedded) => Ok(embedded.campaigns().counted(name, &numbers)),
            Readiness::Redis(redis) => redis.campaign_counted(name, numbers).await,
        }
    }

    /// Adds what was published for the campaign that was begun then, if it is still that one.
    pub async fn published(
        &self,
        name: &CampaignName,
        begun_unix: u64,
        more: Published,
    ) -> Result<(), ReadinessError> {
        match &self.0 {
            Readiness::Embedded(embedded) => {
                embedded.campaigns().published(name, begun_unix, more);
                Ok(())
            }
            Readiness::Redis(redis) => redis.campaign_published(name, begun_unix, more).await,
        }
    }

    /// Counts how a job ended. What had failed of its variants before does not count any more.
    pub async fn settled(
        &self,
        name: &CampaignName,
        settled: &Settled,
    ) -> Result<(), ReadinessError> {
        match &self.0 {
            Readiness::Embedded(embedded) => {
                embedded.campaigns().settled(name, settled);
                Ok(())
            }
            Readiness::Redis(redis) => redis.campaign_settled(name, settled).await,
        }
    }

    /// What workers shall do with a campaign's jobs; those of an unknown one they do.
    pub async fn state(&self, name: &CampaignName) -> Result<CampaignState, ReadinessError> {
        match &self.0 {
            Readiness::Embedded(embedded) => Ok(embedded.campaigns().state(name)),
            Readiness::Redis(redis) => redis.campaign_state(name).await,
        }
    }

    /// Changes that; says whether there is such a campaign.
    pub async fn steer(
        &self,
        name: &CampaignName,
        state: CampaignState,
    ) -> Result<bool, ReadinessError> {
        match &self.0 {
            Readiness::Embedded(embedded) => Ok(embedded.campaigns().steer(name, state)),
            Readiness::Redis(redis) => redis.campaign_steer(name, state).await,
        }
    }

    /// One of them.
    pub async fn show(&self, name: &CampaignName) -> Result<Option<Campaign>, ReadinessError> {
        match &self.0 {
            Readiness::Embedded(embedded) => Ok(embedded.campaigns().show(name)),
            Readiness::Redis(redis) => redis.campaign(name).await,
        }
    }

    /// All of them, the latest first.
    pub async fn list(&self) -> Result<Vec<Campaign>, ReadinessError> {
        let names = match &self.0 {
            Readiness::Embedded(embedded) => embedded.campaigns().names(),
            Readiness::Redis(redis) => redis.campaigns().await?,
        };
        let mut campaigns = Vec::with_capacity(names.len());
        for name in names {
            match (self.show(&name).await?, &self.0) {
                (Some(campaign), _) => campaigns.push(campaign),
                (None, Readiness::Redis(redis)) => redis.campaign_forget(&name).await?,
                (None, Readiness::Embedded(_)) => {}
            }
        }
        campaigns.sort_by_key(|campaign| std::cmp::Reverse(campaign.begun_unix));
        Ok(campaigns)
    }

    /// A part of what failed, from `0`, then from what the part before says.
    pub async fn failed(
        &self,
        name: &CampaignName,
        from: u64,
    ) -> Result<FailedPage, ReadinessError> {
        match &self.0 {
            Readiness::Embedded(embedded) => Ok(embedded.campaigns().failed(name)),
            Readiness::Redis(redis) => redis.campaign_failed(name, from).await,
        }
    }
}

/// Now, in seconds since 1970.
fn now_unix() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// The number of the interval that this second is in.
fn interval(unix: u64) -> u64 {
    unix / INTERVAL.as_secs()
}

/// Thumbnails a second of all counted intervals; the present one has only just begun.
fn per_second(counts: impl Iterator<Item = u64>, now_unix: u64, begun_unix: u64) -> f64 {
    let first = (interval(now_unix) + 1).saturating_sub(INTERVALS) * INTERVAL.as_secs();
    let seconds = now_unix.saturating_sub(first.max(begun_unix)).max(1);
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let rate = counts.sum::<u64>() as f64 / seconds as f64;
    rate
}

#[cfg(test)]
mod tests;
