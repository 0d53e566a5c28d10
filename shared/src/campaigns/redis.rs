//! The ledger of campaigns in Redis. All keys of one campaign share a hash tag.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use redis::{Script, ScriptInvocation};

use super::{
    Begin, Campaign, CampaignName, CampaignState, Failed, FailedPage, Failures, INTERVAL,
    INTERVALS, KEPT_FOR, LISTED_FAILURES, NUMBERS, Published, Settled, interval, now_unix,
    per_second, written,
};
use crate::outcome::Reason;
use crate::readiness::{ReadinessError, Redis};

/// How many failures are read at once, more or less.
const PAGE: u32 = 500;

/// How each script begins: KEYS record, counted, failures; ARGV now, seconds. What may be left of
/// a record that vanished goes with it.
const BEGIN: &str = r"
if redis.call('HSETNX', KEYS[1], 'begun', ARGV[1]) == 1 then redis.call('DEL', KEYS[2], KEYS[3]) end
redis.call('HSET', KEYS[1], 'changed', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
";

/// ARGV further: does one that was cancelled go on (0 or 1) → when it was begun.
const OPEN: &str = r"
if ARGV[3] == '1' and redis.call('HGET', KEYS[1], 'state') == 'cancelled' then
    redis.call('HINCRBY', KEYS[1], 'published', -(redis.call('HGET', KEYS[1], 'cancelled') or 0))
    redis.call('HDEL', KEYS[1], 'state', 'cancelled')
end
return tonumber(redis.call('HGET', KEYS[1], 'begun'))
";

/// ARGV further: how many → the first.
const NUMBER: &str = r"
return redis.call('HINCRBY', KEYS[1], 'numbers', ARGV[3]) - ARGV[3]
";

/// ARGV further: when it was begun; fields and what is added to them.
const ADD: &str = r"
if ARGV[3] ~= redis.call('HGET', KEYS[1], 'begun') then return end
for i = 4, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
";

/// KEYS further: rate; ARGV further: number or nothing, asset, failures that are listed at most,
/// done, cancelled, what was asked for (JSON list), what failed (JSON list of pairs), seconds that
/// the rate is kept for, when it was begun or nothing.
const SETTLE: &str = r"
if ARGV[11] ~= '' and ARGV[11] ~= redis.call('HGET', KEYS[1], 'begun') then return end
if ARGV[3] ~= '' and redis.call('SETBIT', KEYS[2], ARGV[3], 1) == 1 then return end
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
for i = 2, 3 do redis.call('EXPIRE', KEYS[i], ARGV[2]) end
";

/// KEYS record; ARGV state → was there one?
const STEER: &str = r"
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[1])
return 1
";

/// The ledger's scripts; Redis keeps them by their hash.
pub(crate) struct Scripts {
    open: Script,
    number: Script,
    add: Script,
    settle: Script,
    steer: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            open: begun(OPEN),
            number: begun(NUMBER),
            add: begun(ADD),
            settle: begun(SETTLE),
            steer: Script::new(STEER),
        }
    }
}

fn begun(script: &str) -> Script {
    Script::new(&format!("{BEGIN}{script}"))
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

    /// One of the scripts that begin with [`BEGIN`].
    fn campaign_call<'s>(&self, script: &'s Script, name: &CampaignName) -> ScriptInvocation<'s> {
        let mut call = script.key(self.campaign_key(name, Part::Record));
        call.key(self.campaign_key(name, Part::Counted))
            .key(self.campaign_key(name, Part::Failures))
            .arg(now_unix())
            .arg(KEPT_FOR.as_secs());
        call
    }

    pub(super) async fn campaign_begin(
        &self,
        name: &CampaignName,
        begin: Begin,
    ) -> Result<u64, ReadinessError> {
        let mut call = redis::cmd("SADD");
        call.arg(self.campaigns_key()).arg(name.as_str());
        self.ask::<()>(&call).await?;
        let mut call = self.campaign_call(&self.campaign_scripts().open, name);
        call.arg(match begin {
            Begin::Again => "1",
            Begin::AsItIs => "0",
        });
        self.run(&call).await
    }

    pub(super) async fn campaign_forget(&self, name: &CampaignName) -> Result<(), ReadinessError> {
        let mut call = redis::cmd("SREM");
        call.arg(self.campaigns_key()).arg(name.as_str());
        self.ask(&call).await
    }

    pub(super) async fn campaign_numbers(
        &self,
        name: &CampaignName,
    ) -> Result<u32, ReadinessError> {
        let mut call = self.campaign_call(&self.campaign_scripts().number, name);
        call.arg(NUMBERS);
        self.run(&call).await
    }

    pub(super) async fn campaign_counted(
        &self,
        name: &CampaignName,
        numbers: Range<u32>,
    ) -> Result<u64, ReadinessError> {
        let (Some(last), first) = ((numbers.end / 8).checked_sub(1), numbers.start / 8) else {
            return Ok(0);
        };
        let mut call = redis::cmd("BITCOUNT");
        call.arg(self.campaign_key(name, Part::Counted))
            .arg(first)
            .arg(last);
        self.ask(&call).await
    }

    pub(super) async fn campaign_published(
        &self,
        name: &CampaignName,
        begun_unix: u64,
        more: Published,
    ) -> Result<(), ReadinessError> {
        let mut call = self.campaign_call(&self.campaign_scripts().add, name);
        call.arg(begun_unix);
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
        let mut call = self.campaign_call(&self.campaign_scripts().settle, name);
        call.key(self.campaign_rate(name, interval(now)))
            .arg(number.unwrap_or_default());
        call.arg(settled.asset.to_string())
            .arg(LISTED_FAILURES)
            .arg(done)
            .arg(cancelled);
        call.arg(serde_json::to_string(&asked)?)
            .arg(serde_json::to_string(&failures)?)
            .arg((INTERVAL * 2).as_secs() * INTERVALS)
            .arg(
                settled
                    .begun_unix
                    .map(|begun| begun.to_string())
                    .unwrap_or_default(),
            );
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
