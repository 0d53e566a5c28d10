//! What jobs have to do with campaigns: whether they are to be done now, and the ledger of how they
//! ended. Knows no pixels and no AMQP.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thumbmill_shared::campaigns::{Begin, CampaignName, CampaignState, Campaigns, Settled};
use thumbmill_shared::job::RenderJob;
use thumbmill_shared::outcome::Failure;
use thumbmill_shared::queue::Settle;

/// How long a campaign that runs is believed to run on.
const RUNS_ON: Duration = Duration::from_secs(1);
/// Ends that are kept while the ledger cannot be reached.
const KEPT: usize = 100_000;
const CATCH_UP_EVERY: Duration = Duration::from_secs(1);

/// The ledger, as a worker writes it.
#[derive(Debug)]
pub(crate) struct Ledger {
    campaigns: Campaigns,
    /// Campaigns that ran when they were last looked at.
    running: Mutex<HashMap<CampaignName, Instant>>,
    /// What could not be written yet.
    unwritten: Mutex<VecDeque<(CampaignName, Settled)>>,
    catching_up: tokio::sync::Mutex<()>,
}

impl Ledger {
    pub(crate) fn new(campaigns: Campaigns) -> Self {
        Self {
            campaigns,
            running: Mutex::default(),
            unwritten: Mutex::default(),
            catching_up: tokio::sync::Mutex::default(),
        }
    }

    /// What becomes of a job that is not to be done now; nothing if it is. Where the ledger cannot
    /// be reached jobs are done.
    pub(crate) async fn steered(&self, job: &RenderJob) -> Option<Settle> {
        let name = job.campaign.as_ref()?;
        if lock(&self.running)
            .get(name)
            .is_some_and(|seen| seen.elapsed() < RUNS_ON)
        {
            return None;
        }
        match self.campaigns.state(name).await {
            Ok(CampaignState::Running) => {
                // Whoever published its jobs need not have done so. Without it it is not listed.
                if let Err(error) = self.campaigns.begin(name, Begin::AsItIs).await {
                    tracing::warn!(%error, "a campaign is not listed yet");
                }
                let mut running = lock(&self.running);
                running.retain(|_, seen| seen.elapsed() < RUNS_ON);
                running.insert(name.clone(), Instant::now());
                None
            }
            Ok(CampaignState::Paused) => Some(Settle::Pause(name.clone())),
            Ok(CampaignState::Cancelled) => {
                let none = vec![None; job.variants.len()];
                self.write(name, settled(job, &none, Fate::ThrownAway))
                    .await;
                Some(Settle::Done)
            }
            Err(error) => {
                tracing::warn!(%error, "going on without the ledger of campaigns");
                None
            }
        }
    }

    /// The job is done; of each of its requests, why it failed, if it did.
    pub(crate) async fn done(&self, job: &RenderJob, failures: &[Option<Failure>]) {
        if let Some(name) = &job.campaign {
            self.write(name, settled(job, failures, Fate::Tried)).await;
        }
    }

    /// All of the job failed.
    pub(crate) async fn failed(&self, job: &RenderJob, failure: &Failure) {
        let failures = vec![Some(failure.clone()); job.variants.len()];
        self.done(job, &failures).await;
    }

    /// Tries again and again to write what could not be written, for as long as the worker lives.
    pub(crate) async fn catch_up_for_ever(&self) {
        loop {
            tokio::time::sleep(CATCH_UP_EVERY).await;
            self.catch_up().await;
        }
    }

    /// Writes one end, now or later. Should the worker die before, the campaign's counts stay
    /// behind; its thumbnails are there all the same.
    async fn write(&self, name: &CampaignName, settled: Settled) {
        if let Err(error) = self.campaigns.settled(name, &settled).await {
            tracing::warn!(%error, "the end of a campaign's job is written down later");
            let mut unwritten = lock(&self.unwritten);
            if unwritten.len() < KEPT {
                unwritten.push_back((name.clone(), settled));
            }
        }
    }

    /// Writes what could not be written before, and stops where that fails again.
    pub(crate) async fn catch_up(&self) {
        let _turn = self.catching_up.lock().await;
        loop {
            // It stays until it is written: this may end in the middle.
            let first = lock(&self.unwritten).front().cloned();
            let Some((name, settled)) = first else { return };
            if self.campaigns.settled(&name, &settled).await.is_err() {
                return;
            }
            lock(&self.unwritten).pop_front();
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Tried,
    ThrownAway,
}

fn settled(job: &RenderJob, failures: &[Option<Failure>], fate: Fate) -> Settled {
    let failures = failures.iter().cloned();
    Settled {
        number: job.number,
        asset: job.asset,
        ends: job.variants.iter().cloned().zip(failures).collect(),
        cancelled: fate == Fate::ThrownAway,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while a lock is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
