//! What jobs have to do with campaigns: whether they are to be done now, and the ledger of how they
//! ended. Knows no pixels and no AMQP.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thumbmill_shared::campaigns::{Begin, CampaignName, CampaignState, Campaigns, Settled};
use thumbmill_shared::job::{Priority, RenderJob};
use thumbmill_shared::outcome::Failure;
use thumbmill_shared::queue::{Delay, Settle};

/// How long a campaign that runs is believed to run on.
const RUNS_ON: Duration = Duration::from_secs(1);
/// How long a job of bulk waits for a ledger that cannot be reached. So few jobs come back to the
/// queue meanwhile, however long that is.
const PATIENCE: Duration = Duration::from_secs(5);
const TRY_EVERY: Duration = Duration::from_millis(500);

/// The ledger, as a worker writes it.
#[derive(Debug)]
pub(crate) struct Ledger {
    campaigns: Campaigns,
    /// Campaigns that ran when they were last looked at.
    running: Mutex<HashMap<CampaignName, Instant>>,
}

impl Ledger {
    pub(crate) fn new(campaigns: Campaigns) -> Self {
        Self {
            campaigns,
            running: Mutex::default(),
        }
    }

    /// What becomes of a job that is not to be done now; nothing if it is. Where the ledger cannot
    /// be reached jobs are done.
    pub(crate) async fn steered(&self, job: &RenderJob, priority: Priority) -> Option<Settle> {
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
                let settled = settled(job, &none, Fate::ThrownAway);
                let later = self.write(name, &settled, priority).await;
                Some(later.unwrap_or(Settle::Done))
            }
            Err(error) => {
                tracing::warn!(%error, "going on without the ledger of campaigns");
                None
            }
        }
    }

    /// Writes how a job ended before the queue forgets the job: of each of its requests, why it
    /// failed, if it did. Says what becomes of the job if that could not be written.
    pub(crate) async fn ended(
        &self,
        job: &RenderJob,
        priority: Priority,
        failures: &[Option<Failure>],
    ) -> Option<Settle> {
        let name = job.campaign.as_ref()?;
        let settled = settled(job, failures, Fate::Tried);
        self.write(name, &settled, priority).await
    }

    /// Writes one end; else the job shall come again, and finds its thumbnails made.
    async fn write(
        &self,
        name: &CampaignName,
        settled: &Settled,
        priority: Priority,
    ) -> Option<Settle> {
        let begun = Instant::now();
        loop {
            let Err(error) = self.campaigns.settled(name, settled).await else {
                return None;
            };
            // Interactive jobs would wait behind it.
            if priority == Priority::Interactive || begun.elapsed() > PATIENCE {
                tracing::warn!(%error, "a campaign's job comes again once its end can be written");
                return Some(Settle::Postpone(Delay::Middle));
            }
            tokio::time::sleep(TRY_EVERY).await;
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
        begun_unix: job.begun_unix,
        asset: job.asset,
        ends: job.variants.iter().cloned().zip(failures).collect(),
        cancelled: fate == Fate::ThrownAway,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while a lock is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
