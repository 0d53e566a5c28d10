//! One job: claim, fetch, render, store, mark ready, announce. Knows no AMQP.

use std::sync::Arc;
use std::time::Duration;

use thumbmill_shared::asset::OriginalVersion;
use thumbmill_shared::backends::Backends;
use thumbmill_shared::chain::chain;
use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::format::FormatChoice;
use thumbmill_shared::job::{Priority, RenderJob};
use thumbmill_shared::originals::OriginalsError;
use thumbmill_shared::outcome::{Failure, Reason};
use thumbmill_shared::preset::{PresetError, Presets};
use thumbmill_shared::queue::Seen;
use thumbmill_shared::readiness::{Claimant, DeliveryKind};
use thumbmill_shared::shutdown::Shutdown;
use thumbmill_shared::storage::StorageError;
use thumbmill_shared::transform::Transform;
use thumbmill_shared::variant::Variant;
use tokio::sync::Semaphore;

use crate::campaigns::Ledger;
use crate::isolation::{NotRendered, Renderer};
use crate::memory::Budget;
use crate::priority::{People, PerPriority};
use crate::render::Limits;
use crate::settle::JobEnd;
use crate::sweeper::Written;

mod claims;
mod descriptions;
mod series;
mod work;

pub(crate) use descriptions::Descriptions;
use work::Work;

/// How long nobody looks into the store again after a job's publisher. Well below the time for
/// which an outcome is remembered: another worker's would be known from there.
const LOOK_HOLDS_FOR: Duration = Duration::from_secs(10);

/// Everything that jobs need.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) name: String,
    /// What it has put into the store.
    pub(crate) written: Written,
    pub(crate) backends: Backends,
    pub(crate) descriptions: Descriptions,
    pub(crate) presets: Presets,
    pub(crate) limits: Limits,
    /// For jobs that do not bring their own.
    pub(crate) encoding: Encoding,
    pub(crate) max_original_bytes: u64,
    pub(crate) render_timeout: Duration,
    pub(crate) attempts: u32,
    /// Most variants of one job.
    pub(crate) max_variants: u32,
    /// A job that is not done by then is done later.
    pub(crate) shutdown: Shutdown,
    pub(crate) renderer: Renderer,
    /// Renders at a time: bulk ones run beside those of people, who have the CPU first.
    pub(crate) slots: PerPriority<Semaphore>,
    pub(crate) people: People,
    pub(crate) ledger: Ledger,
    /// For originals, from their fetch to their end.
    pub(crate) originals: Budget,
    /// For what is made of them, while it is.
    pub(crate) pixels: Arc<Budget>,
}

/// How a job came to this worker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// Who waits for it.
    pub(crate) priority: Priority,
    /// How long it waited.
    pub(crate) queued: Duration,
    /// What its publisher saw in the store.
    pub(crate) seen: Seen,
}

impl Arrival {
    /// May the store have what the job is for? Hardly when its publisher has just looked and
    /// this is the first worker that has the job: then it is made again at worst, after a put whose
    /// answer was lost.
    fn may_be_stored(&self, by: &Claimant) -> bool {
        let first = by.attempt == 1 && by.delivery == DeliveryKind::First;
        !(first && self.seen == Seen::Absent && self.queued < LOOK_HOLDS_FOR)
    }
}

/// Why a job stops before its end.
enum Stop {
    /// All its variants fail for this reason.
    Failed(Failure),
    /// Another worker makes some of its variants.
    Held,
    /// It has had its turn: the rest is done in another.
    Unfinished,
    /// Something is away, whatever the job.
    Outage(String),
    /// It may go better later.
    Transient(String),
    /// The renderer died of it.
    Crashed(String),
    /// The store refuses something: this object, or everything.
    Refused(String),
    /// It never will.
    Invalid(String),
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::TooLarge { .. } => {
                Self::Failed(failure(Reason::TooManyBytes, error.to_string()))
            }
            StorageError::Unavailable { .. } | StorageError::Full { .. } => {
                Self::Outage(chain(&error))
            }
            StorageError::Misconfigured { .. } => Self::Refused(chain(&error)),
            StorageError::Conflict { .. } | StorageError::BadName { .. } => {
                Self::Transient(chain(&error))
            }
        }
    }
}

impl From<OriginalsError> for Stop {
    fn from(error: OriginalsError) -> Self {
        match error {
            OriginalsError::Storage(error) => error.into(),
            error => Self::Transient(chain(&error)),
        }
    }
}

impl From<NotRendered> for Stop {
    fn from(error: NotRendered) -> Self {
        match error {
            NotRendered::Refused(error) => Self::Failed(error.into()),
            NotRendered::Crashed(_) => Self::Crashed(error.to_string()),
            // The machine was busy, but perhaps the original is slow, too.
            NotRendered::Starved { .. } => Self::Transient(error.to_string()),
            NotRendered::Unavailable(_) => Self::Outage(chain(&error)),
        }
    }
}

impl From<PresetError> for Stop {
    fn from(error: PresetError) -> Self {
        Self::Invalid(error.to_string())
    }
}

fn failure(reason: Reason, message: impl Into<String>) -> Failure {
    Failure {
        reason,
        message: message.into(),
    }
}

impl Worker {
    /// Does a job. Every variant has its outcome recorded and announced before this returns,
    /// except after [`JobEnd::Held`], [`JobEnd::Unfinished`], [`JobEnd::Outage`], [`JobEnd::Transient`] and [`JobEnd::Crashed`].
    pub(crate) async fn run(&self, job: &RenderJob, by: &Claimant, arrival: Arrival) -> JobEnd {
        let work = self.work(by, arrival);
        let ended = match work.run(job).await {
            Err(Stop::Refused(why)) => Err(self.refused(why).await),
            ended => ended,
        };
        match ended {
            Ok(failures) => JobEnd::Done(failures),
            Err(Stop::Held) => JobEnd::Held,
            Err(Stop::Unfinished) => JobEnd::Unfinished,
            Err(Stop::Outage(why)) => {
                tracing::warn!(
                    why,
                    attempt = by.attempt,
                    "the job waits for the end of an outage"
                );
                work.release(&self.variants_blind(job)).await;
                JobEnd::Outage(why)
            }
            Err(Stop::Transient(why) | Stop::Refused(why)) => {
                tracing::warn!(why, attempt = by.attempt, "the job will be tried again");
                work.release(&self.variants_blind(job)).await;
                JobEnd::Transient(why)
            }
            Err(Stop::Crashed(why)) => {
                tracing::error!(why, attempt = by.attempt, "a renderer was lost");
                work.release(&self.variants_blind(job)).await;
                JobEnd::Crashed(why)
            }
            Err(Stop::Invalid(why)) => JobEnd::Invalid(why),
            Err(Stop::Failed(failure)) => {
                work.fail(&self.variants_blind(job), &failure).await;
                JobEnd::Done(vec![Some(failure); job.variants.len()])
            }
        }
    }

    /// Finds out what the store refuses. Credentials that have expired are an outage: it refuses everything, and no job
    /// is to blame. If it refuses this object only, it may do so for good.
    async fn refused(&self, why: String) -> Stop {
        match self.backends.storage.check().await {
            Ok(()) => Stop::Transient(why),
            Err(error) => Stop::Outage(chain(&error)),
        }
    }

    /// Tells everybody who waits for a job's variants that there will be none.
    pub(crate) async fn bury(
        &self,
        job: &RenderJob,
        by: &Claimant,
        arrival: Arrival,
        failure: &Failure,
    ) {
        let work = self.work(by, arrival);
        work.fail(&self.variants_blind(job), failure).await;
    }

    fn work<'a>(&'a self, by: &'a Claimant, arrival: Arrival) -> Work<'a> {
        Work {
            worker: self,
            by,
            arrival,
            failed: work::Failed::default(),
        }
    }

    /// A job's variants as far as they are known without the original: those that leave neither
    /// its version nor its format open, as the api's jobs do.
    fn variants_blind(&self, job: &RenderJob) -> Vec<Variant> {
        let Some(version) = &job.original_version else {
            return Vec::new();
        };
        let requests = job
            .variants
            .iter()
            .filter_map(|request| self.presets.expand(request.clone()).ok());
        let fixed = requests.filter_map(|request| match request.format {
            Some(FormatChoice::Is(format)) => Some(request.literal(format, format)),
            Some(FormatChoice::Auto) | None => None,
        });
        fixed
            .map(|transform| self.variant(job, version, transform))
            .collect()
    }

    fn variant(&self, job: &RenderJob, version: &OriginalVersion, transform: Transform) -> Variant {
        Variant {
            asset: job.asset,
            original_version: version.clone(),
            transform,
            encoding: job.encoding.unwrap_or(self.encoding),
        }
    }
}
