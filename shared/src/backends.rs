//! The three backends of a process, opened together.

use crate::campaigns::Campaigns;
use crate::originals::Originals;
use crate::queue::{Queue, QueueLocation};
use crate::readiness::{Hears, Readiness, ReadinessLocation};
use crate::settings::Settings;
use crate::shutdown::Shutdown;
use crate::storage::{S3Options, Storage};

/// Where a process reads and writes; clones are the same backends.
#[derive(Clone, Debug)]
pub struct Backends {
    /// Originals and variants.
    pub storage: Storage,
    /// Originals, as records on top of the storage.
    pub originals: Originals,
    /// Jobs.
    pub queue: Queue,
    /// Claims and announcements.
    pub readiness: Readiness,
    /// The ledger of campaigns.
    pub campaigns: Campaigns,
}

/// A backend cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum BackendsError {
    /// The storage.
    #[error("THUMBMILL_STORAGE: {0}")]
    Storage(#[from] crate::storage::StorageError),
    /// The queue.
    #[error("THUMBMILL_QUEUE: {0}")]
    Queue(#[from] crate::queue::QueueError),
    /// The readiness store.
    #[error("THUMBMILL_READINESS: {0}")]
    Readiness(#[from] crate::readiness::ReadinessError),
}

impl Backends {
    /// Opens all three, for a process that wants to hear this.
    pub async fn open(
        settings: &Settings,
        hears: Hears,
        shutdown: &Shutdown,
    ) -> Result<Self, BackendsError> {
        let storage = open_storage(settings).await?;
        let originals = Originals::new(storage.clone());
        let readiness = Readiness::open(&settings.readiness, &settings.namespace, hears, shutdown)?;
        let queue = Queue::open(settings, shutdown)?;
        Ok(Self {
            storage,
            originals,
            queue,
            campaigns: Campaigns::new(readiness.clone()),
            readiness,
        })
    }
}

/// The storage alone, for what needs no jobs.
pub async fn open_storage(settings: &Settings) -> Result<Storage, BackendsError> {
    let options = S3Options {
        endpoint: settings
            .s3_endpoint
            .as_ref()
            .map(|endpoint| endpoint.as_str().to_owned()),
        connect_timeout: settings.s3_connect_timeout,
        attempt_timeout: settings.s3_attempt_timeout,
        operation_timeout: settings.s3_operation_timeout,
    };
    Ok(Storage::open(&settings.storage, &options, settings.files_mode).await?)
}

/// Why settings do not do for a process that is only the api or only a worker: its other half
/// would never see what is embedded in this one.
pub fn problems_apart(settings: &Settings) -> Vec<String> {
    let mut problems = Vec::new();
    if settings.queue == QueueLocation::Embedded {
        problems.push(
            "THUMBMILL_QUEUE=embedded lives inside one process, so workers in other processes would never see a \
             job: set it to amqp://USER:PASSWORD@HOST:PORT/VHOST, or run `thumbmill`, which is everything in one \
             process"
                .to_owned(),
        );
    }
    if settings.readiness == ReadinessLocation::Embedded {
        problems.push(
            "THUMBMILL_READINESS=embedded lives inside one process, so other processes would never hear that a \
             thumbnail is ready: set it to redis://HOST:PORT/DB, or run `thumbmill`, which is everything in one \
             process"
                .to_owned(),
        );
    }
    problems
}
