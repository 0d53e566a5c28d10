//! The ledger of campaigns in Redis. All keys of one campaign share a hash tag.

use std::collections::{BTreeMap, HashMap};

use redis::Script;

use super::{
    Campaign, CampaignName, CampaignState, Failed, FailedPage, Failures, INTERVAL, INTERVALS,
    KEPT_FOR, LISTED_FAILURES, Published, Settled, interval, now_unix, per_second, written,
};
use crate::outcome::Reason;
use crate::readiness::{ReadinessError, Redis};

/// How many failures are read at once, more or less.
const PAGE: u32 = 500;

/// KEYS record; ARGV jobs, now, seconds → the first number.
const NUMBER: &str = r"
redis.call('HSETNX', KEYS[1], 'begun', ARGV[2])
redis.call('HSET', KEYS[1], 'changed', ARGV[2])
if redis.call('HGET', KEYS[1], 'state') == 'cancelled' then redis.call('HDEL', KEYS[1], 'state') end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return redis.call('HINCRBY', KEYS[1], 'numbers', ARGV[1]) - ARGV[1]
";

/// KEYS record; ARGV now, seconds, then fields and what is added to them.
const ADD: &str = r"
redis.call('HSETNX', KEYS[1], 'begun', ARGV[1])
redis.call('HSET', KEYS[1], 'changed', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
for i = 3, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
";

/// KEYS record, counted, failures, rate; ARGV now, seconds, number or nothing, asset, failures that
/// are listed at most, done, cancelled, what was asked for (JSON list), what failed (JSON list of
/// pairs).
const SETTLE: &str = r"
if ARGV[3] ~= '' and redis.call('SETBIT', KEYS[2], ARGV[3], 1) == 1 then return end
redis.call('HSETNX', KEYS[1], 'begun', ARGV[1])
redis.call('HSET', KEYS[1], 'changed', ARGV[1])
local asked, failed = cjson.decode(ARGV[8]), cjson.decode(ARGV[9])
local before = redis.call('HGET', KEYS[3], ARGV[4])
local listed = before and cjson.decode(before) or {}
for _, request in ipairs(asked) do
    if listed[request] then
        redis.call('HINCRBY', KEYS[1], 'failed:' .. listed[request].reason, -1)
        redis.call('HINCRBY', KEYS[1], 'published', -1)
        listed[request] = nil
    end
end
local room = redis.call('HLEN', KEYS[3]) < tonumber(ARGV[5])
for _, pair in ipairs(failed) do
    redis.call('HINCRBY', KEYS[1], 'failed:' .. pair[2].reason, 1)
    if room then listed[pair[1]] = pair[2] end
end
if next(listed) then redis.call('HSET', KEYS[3], ARGV[4], cjson.encode(listed))
elseif before then redis.call('HDEL', KEYS[3], ARGV[4]) end
redis.call('HINCRBY', KEYS[1], 'done', ARGV[6])
redis.call('HINCRBY', KEYS[1], 'cancelled', ARGV[7])
redis.call('INCRBY', KEYS[4], #asked)
redis.call('EXPIRE', KEYS[4], ARGV[10])
for i = 1, 3 do redis.call('EXPIRE', KEYS[i], ARGV[2]) end
";

/// KEYS record; ARGV state → was there one?
const STEER: &str = r"
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[1])
return 1
";

/// The ledger's scripts; Redis keeps them by their hash.
pub(crate) struct Scripts {
    number: Script,
    add: Script,
    settle: Script,
    steer: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            number: Script::new(NUMBER),
            add: Script::new(ADD),
            settle: Script::new(SETTLE),
            steer: Script::new(STEER),
        }
    }
}

/// The parts of what is kept of a campaign.
#[derive(Clone, Copy)]
enum Part {
    Record,
    Counted,
    Failures,
}

impl Redis {
    fn campaign_key(&self, name: &CampaignName, part: Part) -> String {
        let part = match part {
            Part::Record => "record",
            Part::Counted => "counted",
            Part::Failures => "failures",
        };
        format!("{}:{{campaign:{name}}}:{part}", self.namespace())
    }

    fn campaign_rate(&self, name: &CampaignName, interval: u64) -> String {
        format!("{}:{{campaign:{name}}}:rate:{interval}", self.namespace())
    }

    fn campaigns_key(&self) -> String {
        format!("{}:campaigns", self.namespace())
    }

    pub(super) async fn number(
        &self,
        name: &CampaignName,
        jobs: u32,
    ) -> Result<u32, ReadinessError> {
        let mut call = redis::cmd("SADD");
        call.arg(self.campaigns_key()).arg(name.as_str());
        self.ask::<()>(&call).await?;
        let scripts = self.campaign_scripts();
        let mut call = scripts.number.key(self.campaign_key(name, Part::Record));
        call.arg(jobs).arg(now_unix()).arg(KEPT_FOR.as_secs());
        self.run(&call).await
    }

    pub(super) async fn campaign_published(
        &self,
        name: &CampaignName,
        more: Published,
    ) -> Result<(), ReadinessError> {
        let scripts = self.campaign_scripts();
        let mut call = scripts.add.key(self.campaign_key(name, Part::Record));
        call.arg(now_unix()).arg(KEPT_FOR.as_secs());
        for (field, count) in [
            ("originals", more.originals),
            ("published", more.published),
            ("skipped", more.skipped),
        ] {
            call.arg(field).arg(count);
        }
        self.run(&call).await
    }

    pub(super) async fn campaign_settled(
        &self,
        name: &CampaignName,
        settled: &Settled,
    ) -> Result<(), ReadinessError> {
        let now = now_unix();
        let asked: Vec<String> = settled
            .ends
            .iter()
            .map(|(asked, _)| written(asked))
            .collect();
        let failures = settled.ends.iter().filter_map(|(asked, failure)| {
            let failure = failure.as_ref().filter(|_| !settled.cancelled)?;
            Some((written(asked), failure))
        });
        let failures: Vec<_> = failures.collect();
        let (all, failed) = (asked.len(), failures.len());
        let (done, cancelled) = if settled.cancelled {
            (0, all)
        } else {
            (all - failed, 0)
        };
        let number = settled.number.map(|number| number.to_string());
        let scripts = self.campaign_scripts();
        let mut call = scripts.settle.key(self.campaign_key(name, Part::Record));
        call.key(self.campaign_key(name, Part::Counted))
            .key(self.campaign_key(name, Part::Failures))
            .key(self.campaign_rate(name, interval(now)));
        call.arg(now)
            .arg(KEPT_FOR.as_secs())
            .arg(number.unwrap_or_default());
        call.arg(settled.asset.to_string())
            .arg(LISTED_FAILURES)
            .arg(done)
            .arg(cancelled);
        call.arg(serde_json::to_string(&asked)?)
            .arg(serde_json::to_string(&failures)?)
            .arg((INTERVAL * 2).as_secs() * INTERVALS);
        self.run(&call).await
    }

    pub(super) async fn campaign_state(
        &self,
        name: &CampaignName,
    ) -> Result<CampaignState, ReadinessError> {
        let mut call = redis::cmd("HGET");
        call.arg(self.campaign_key(name, Part::Record)).arg("state");
        let state: Option<String> = self.ask(&call).await?;
        Ok(state.map_or_else(CampaignState::default, |name| {
            CampaignState::from_name(&name)
        }))
    }

    pub(super) async fn campaign_steer(
        &self,
        name: &CampaignName,
        state: CampaignState,
    ) -> Result<bool, ReadinessError> {
        let scripts = self.campaign_scripts();
        let mut call = scripts.steer.key(self.campaign_key(name, Part::Record));
        call.arg(state.name());
        self.run(&call).await
    }

    pub(super) async fn campaigns(&self) -> Result<Vec<CampaignName>, ReadinessError> {
        let mut call = redis::cmd("SMEMBERS");
        call.arg(self.campaigns_key());
        let names: Vec<String> = self.ask(&call).await?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    pub(super) async fn campaign(
        &self,
        name: &CampaignName,
    ) -> Result<Option<Campaign>, ReadinessError> {
        let mut call = redis::cmd("HGETALL");
        call.arg(self.campaign_key(name, Part::Record));
        let record: HashMap<String, String> = self.ask(&call).await?;
        if record.is_empty() {
            return Ok(None);
        }
        let now = now_unix();
        let mut call = redis::cmd("MGET");
        for back in 0..INTERVALS {
            call.arg(self.campaign_rate(name, interval(now).saturating_sub(back)));
        }
        let rate: Vec<Option<u64>> = self.ask(&call).await?;
        Ok(Some(read(name, &record, rate.into_iter().flatten(), now)))
    }

    pub(super) async fn campaign_failed(
        &self,
        name: &CampaignName,
        from: u64,
    ) -> Result<FailedPage, ReadinessError> {
        let mut call = redis::cmd("HSCAN");
        call.arg(self.campaign_key(name, Part::Failures))
            .arg(from)
            .arg("COUNT")
            .arg(PAGE);
        let (next, entries): (u64, Vec<(String, String)>) = self.ask(&call).await?;
        let mut failed = Vec::with_capacity(entries.len());
        for (asset, failures) in entries {
            let failures: Failures = serde_json::from_str(&failures)?;
            failed.extend(asset.parse().map(|asset| Failed::read(asset, failures)));
        }
        Ok(FailedPage {
            failed,
            next: Some(next).filter(|next| *next != 0),
        })
    }
}

fn read(
    name: &CampaignName,
    record: &HashMap<String, String>,
    rate: impl Iterator<Item = u64>,
    now_unix: u64,
) -> Campaign {
    let count = |field: &str| record.get(field).and_then(|text| text.parse().ok());
    let number = |field: &str| count(field).unwrap_or(0);
    let failed = Reason::ALL.into_iter().filter_map(|reason| {
        let count = number(&format!("failed:{reason}"));
        (count > 0).then_some((reason, count))
    });
    let failed: BTreeMap<Reason, u64> = failed.collect();
    let begun_unix = number("begun");
    let state = record.get("state").map(String::as_str).unwrap_or_default();
    Campaign {
        name: name.clone(),
        state: CampaignState::from_name(state),
        begun_unix,
        changed_unix: number("changed"),
        originals: number("originals"),
        published: number("published"),
        skipped: number("skipped"),
        done: number("done"),
        failed,
        cancelled: number("cancelled"),
        per_second: per_second(rate, now_unix, begun_unix),
    }
}
