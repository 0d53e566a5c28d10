//! The ledger of campaigns in this process.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::{
    Begin, Campaign, CampaignName, CampaignState, Failed, FailedPage, Failures, INTERVALS,
    LISTED_FAILURES, NUMBERS, Published, Settled, interval, now_unix, per_second, written,
};
use crate::asset::AssetId;
use crate::outcome::Reason;

/// All campaigns of a process.
#[derive(Debug, Default)]
pub(crate) struct Embedded {
    entries: Mutex<BTreeMap<CampaignName, Entry>>,
}

#[derive(Debug, Default)]
struct Entry {
    state: CampaignState,
    begun_unix: u64,
    changed_unix: u64,
    numbers: u32,
    counted: HashSet<u32>,
    totals: Published,
    done: u64,
    cancelled: u64,
    failed: BTreeMap<Reason, u64>,
    failures: HashMap<AssetId, Failures>,
    /// Thumbnails by interval.
    rate: BTreeMap<u64, u64>,
}

impl Embedded {
    fn with<T>(&self, name: &CampaignName, act: impl FnOnce(&mut Entry) -> T) -> T {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now_unix();
        let entry = entries.entry(name.clone()).or_insert_with(|| Entry {
            begun_unix: now,
            ..Entry::default()
        });
        entry.changed_unix = now;
        act(entry)
    }

    fn look<T>(&self, name: &CampaignName, at: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get_mut(name).map(at)
    }

    pub(super) fn begin(&self, name: &CampaignName, begin: Begin) -> u64 {
        self.with(name, |entry| {
            if begin == Begin::Again && entry.state == CampaignState::Cancelled {
                entry.state = CampaignState::Running;
                let cancelled = std::mem::take(&mut entry.cancelled);
                let published = &mut entry.totals.published;
                *published = published.saturating_sub(cancelled);
            }
            entry.begun_unix
        })
    }

    pub(super) fn numbers(&self, name: &CampaignName) -> u32 {
        self.with(name, |entry| {
            let first = entry.numbers;
            entry.numbers = first.saturating_add(NUMBERS);
            first
        })
    }

    pub(super) fn counted(&self, name: &CampaignName, numbers: &Range<u32>) -> u64 {
        let counted = self.look(name, |entry| {
            let counted = entry.counted.iter();
            counted.filter(|number| numbers.contains(number)).count()
        });
        counted.unwrap_or(0) as u64
    }

    pub(super) fn published(&self, name: &CampaignName, begun_unix: u64, more: Published) {
        self.with(name, |entry| {
            if entry.begun_unix == begun_unix {
                let totals = &mut entry.totals;
                totals.originals += more.originals;
                totals.published += more.published;
                totals.skipped += more.skipped;
            }
        });
    }

    pub(super) fn settled(&self, name: &CampaignName, settled: &Settled) {
        self.with(name, |entry| {
            let begun = settled.begun_unix;
            let number = settled.number;
            if begun.is_none_or(|begun| begun == entry.begun_unix)
                && number.is_none_or(|number| entry.counted.insert(number))
            {
                entry.settle(settled);
            }
        });
    }

    pub(super) fn state(&self, name: &CampaignName) -> CampaignState {
        self.look(name, |entry| entry.state).unwrap_or_default()
    }

    pub(super) fn steer(&self, name: &CampaignName, state: CampaignState) -> bool {
        self.look(name, |entry| entry.state = state).is_some()
    }

    pub(super) fn names(&self) -> Vec<CampaignName> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.keys().cloned().collect()
    }

    pub(super) fn show(&self, name: &CampaignName) -> Option<Campaign> {
        self.look(name, |entry| {
            let counts = entry.rate.values().copied();
            Campaign {
                name: name.clone(),
                state: entry.state,
                begun_unix: entry.begun_unix,
                changed_unix: entry.changed_unix,
                originals: entry.totals.originals,
                published: entry.totals.published,
                skipped: entry.totals.skipped,
                done: entry.done,
                failed: entry.failed.clone(),
                cancelled: entry.cancelled,
                per_second: per_second(counts, now_unix(), entry.begun_unix),
            }
        })
    }

    pub(super) fn failed(&self, name: &CampaignName) -> FailedPage {
        let failed = self.look(name, |entry| {
            let failures = entry.failures.iter();
            failures
                .map(|(asset, failures)| Failed::read(*asset, failures.clone()))
                .collect()
        });
        FailedPage {
            failed: failed.unwrap_or_default(),
            next: None,
        }
    }
}

impl Entry {
    fn settle(&mut self, settled: &Settled) {
        let now = interval(now_unix());
        self.rate.retain(|then, _| then + INTERVALS > now);
        let count = settled.ends.len() as u64;
        *self.rate.entry(now).or_default() += count;
        let mut failures = self.failures.remove(&settled.asset).unwrap_or_default();
        for (request, _) in &settled.ends {
            // It was counted and is counted anew.
            if let Some(before) = failures.remove(&written(request)) {
                let failed = self.failed.entry(before.reason).or_default();
                *failed = failed.saturating_sub(1);
                self.totals.published = self.totals.published.saturating_sub(1);
            }
        }
        for (request, failure) in &settled.ends {
            match failure {
                _ if settled.cancelled => self.cancelled += 1,
                None => self.done += 1,
                Some(failure) => {
                    *self.failed.entry(failure.reason).or_default() += 1;
                    if self.failures.len() < LISTED_FAILURES as usize {
                        failures.insert(written(request), failure.clone());
                    }
                }
            }
        }
        self.failed.retain(|_, count| *count > 0);
        if !failures.is_empty() {
            self.failures.insert(settled.asset, failures);
        }
    }
}
