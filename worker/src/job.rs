//! One job: claim, fetch, render, store, mark ready, announce. Knows no AMQP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use thumbmill_shared::asset::{Original, OriginalVersion};
use thumbmill_shared::backends::Backends;
use thumbmill_shared::format::{Format, FormatChoice};
use thumbmill_shared::job::RenderJob;
use thumbmill_shared::metrics::{RENDER_SECONDS, RENDERS, STORAGE_SECONDS, VARIANTS};
use thumbmill_shared::originals::OriginalsError;
use thumbmill_shared::outcome::{Failure, Outcome, Ready, Reason};
use thumbmill_shared::preset::{PresetError, Presets};
use thumbmill_shared::readiness::{Claim, Claimant, RENEW_EVERY};
use thumbmill_shared::storage::{Condition, Source, StorageError};
use thumbmill_shared::transform::{Transform, VariantRequest};
use thumbmill_shared::variant::Variant;
use tokio::sync::Semaphore;

use crate::render::{Deadline, Limits, RenderError, Rendered, render};
use crate::settle::JobEnd;

/// Everything that jobs need.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) name: String,
    pub(crate) backends: Backends,
    pub(crate) presets: Presets,
    pub(crate) limits: Limits,
    pub(crate) max_original_bytes: u64,
    pub(crate) render_timeout: Duration,
    pub(crate) attempts: u32,
    /// Renders at a time.
    pub(crate) slots: Arc<Semaphore>,
}

/// Why a job stops before its end.
enum Stop {
    /// All its variants fail for this reason.
    Failed(Failure),
    /// It may go better later.
    Transient(String),
    /// It never will.
    Invalid(String),
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::TooLarge { .. } => {
                Self::Failed(failure(Reason::OverLimit, error.to_string()))
            }
            // An outage is nobody's fault here: the job waits for its end.
            error => Self::Transient(error.to_string()),
        }
    }
}

impl From<OriginalsError> for Stop {
    fn from(error: OriginalsError) -> Self {
        match error {
            OriginalsError::Storage(error) => error.into(),
            error => Self::Transient(error.to_string()),
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
    /// Does a job that waited for `queued`. Every variant has its outcome recorded and announced
    /// before this returns, except after [`JobEnd::Transient`].
    pub(crate) async fn run(&self, job: &RenderJob, by: &Claimant, queued: Duration) -> JobEnd {
        let work = Work {
            worker: self,
            by,
            queued,
        };
        match work.run(job).await {
            Ok(()) => JobEnd::Done,
            Err(Stop::Transient(why)) => {
                tracing::warn!(why, attempt = by.attempt, "the job will be tried again");
                work.release(&self.variants_blind(job)).await;
                JobEnd::Transient(why)
            }
            Err(Stop::Invalid(why)) => JobEnd::Invalid(why),
            Err(Stop::Failed(failure)) => {
                work.fail(&self.variants_blind(job), &failure).await;
                JobEnd::Done
            }
        }
    }

    /// Tells everybody who waits for a job's variants that there will be none.
    pub(crate) async fn bury(&self, job: &RenderJob, by: &Claimant, reason: &str) {
        let failure = failure(
            Reason::AttemptsExhausted,
            "The thumbnail could not be made; try again later.",
        );
        tracing::error!(reason, "the job is put aside");
        let work = Work {
            worker: self,
            by,
            queued: Duration::ZERO,
        };
        work.fail(&self.variants_blind(job), &failure).await;
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
            Some(FormatChoice::Is(format)) => Some(request.resolve(format, format)),
            Some(FormatChoice::Auto) | None => None,
        });
        fixed
            .map(|transform| variant(job, version, transform))
            .collect()
    }
}

fn variant(job: &RenderJob, version: &OriginalVersion, transform: Transform) -> Variant {
    Variant {
        asset: job.asset,
        original_version: version.clone(),
        transform,
    }
}

/// What one request means for an original: `auto` stands for every format it may become.
fn transforms(request: &VariantRequest, source: Format) -> Vec<Transform> {
    let autos: &[Format] = match (request.format, source) {
        (Some(FormatChoice::Auto), Format::Jpeg) => &[Format::Webp, Format::Jpeg],
        (Some(FormatChoice::Auto), Format::Png | Format::Webp) => &[Format::Webp, Format::Png],
        (Some(FormatChoice::Is(_)) | None, _) => &[Format::Jpeg],
    };
    autos
        .iter()
        .map(|auto| request.resolve(source, *auto))
        .collect()
}

/// One attempt at one job.
struct Work<'a> {
    worker: &'a Worker,
    by: &'a Claimant,
    queued: Duration,
}

impl Work<'_> {
    async fn run(&self, job: &RenderJob) -> Result<(), Stop> {
        let original = self.original(job).await?;
        let source = Format::of_media_type(&original.media_type).ok_or_else(|| {
            let message = format!(
                "The original is {}, not a picture that can be rendered.",
                original.media_type
            );
            Stop::Failed(failure(Reason::NotAPicture, message))
        })?;
        let mut wanted = Vec::new();
        for request in &job.variants {
            let request = self.worker.presets.expand(request.clone())?;
            wanted.extend(
                transforms(&request, source)
                    .into_iter()
                    .map(|t| variant(job, &original.version, t)),
            );
        }
        wanted.sort_by_key(|variant| variant.key().as_str().to_owned());
        wanted.dedup();
        let mine = self.claim(wanted).await;
        let ended = self.make(&original, &mine).await;
        if ended.is_err() {
            self.release(&mine).await;
        }
        match ended {
            Err(Stop::Failed(failure)) => {
                self.fail(&mine, &failure).await;
                Ok(())
            }
            ended => ended,
        }
    }

    /// The original, in the state that the job is about.
    async fn original(&self, job: &RenderJob) -> Result<Original, Stop> {
        let original = self.worker.backends.originals.describe(job.asset).await?;
        let original = original.ok_or_else(|| {
            Stop::Failed(failure(
                Reason::OriginalMissing,
                "There is no asset with this id.",
            ))
        })?;
        match &job.original_version {
            Some(version) if *version != original.version => Err(Stop::Failed(replaced())),
            _ => Ok(original),
        }
    }

    /// Those variants that are this worker's to make.
    async fn claim(&self, wanted: Vec<Variant>) -> Vec<Variant> {
        let mut mine = Vec::new();
        for variant in wanted {
            match self
                .worker
                .backends
                .readiness
                .claim(&variant.key(), self.by)
                .await
            {
                Ok(Claim::Won) => mine.push(variant),
                Ok(Claim::Known(_)) => count("known"),
                Ok(Claim::Held) => count("held"),
                Err(error) => {
                    tracing::warn!(%error, "going on without a claim");
                    mine.push(variant);
                }
            }
        }
        mine
    }

    /// Makes the variants that are not in the store yet.
    async fn make(&self, original: &Original, mine: &[Variant]) -> Result<(), Stop> {
        let mut missing = Vec::new();
        for variant in mine {
            match timed("head", self.worker.backends.storage.head(&variant.object())).await? {
                Some(head) => {
                    count("found");
                    let ready = Ready {
                        length_bytes: head.length_bytes,
                        render_ms: None,
                        queued_ms: None,
                    };
                    self.finish(variant, &Outcome::Ready(ready)).await;
                }
                None => missing.push(variant.clone()),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let bytes = self.fetch(original).await?;
        let (rendered, took) = self
            .keep_leases(&missing, self.render(bytes, &missing))
            .await?;
        for (variant, rendered) in missing.iter().zip(rendered) {
            match rendered {
                Ok(rendered) => self.store(variant, rendered, took).await?,
                Err(error) => {
                    self.fail(std::slice::from_ref(variant), &error.into())
                        .await;
                }
            }
        }
        Ok(())
    }

    async fn fetch(&self, original: &Original) -> Result<Bytes, Stop> {
        let limit = self.worker.max_original_bytes;
        if original.length_bytes > limit {
            let message = format!(
                "The original has {} bytes, the limit is {limit}.",
                original.length_bytes
            );
            return Err(Stop::Failed(failure(Reason::OverLimit, message)));
        }
        timed("get", async {
            // The bytes of a description that still stands are there: it has been replaced.
            let object = self.worker.backends.originals.open(original, None).await?;
            let object = object.ok_or_else(|| Stop::Failed(replaced()))?;
            Ok(object.bytes(limit).await?)
        })
        .await
    }

    /// Renders on a thread that may block, when a slot is free.
    async fn render(
        &self,
        bytes: Bytes,
        missing: &[Variant],
    ) -> Result<(Vec<Result<Rendered, RenderError>>, Duration), Stop> {
        let slot = Arc::clone(&self.worker.slots).acquire_owned().await;
        let slot = slot.map_err(|_| Stop::Transient("the worker is ending".to_owned()))?;
        let transforms: Vec<Transform> = missing.iter().map(|variant| variant.transform).collect();
        let limits = self.worker.limits;
        let deadline = Deadline::after(self.worker.render_timeout);
        let started = Instant::now();
        let rendering = tokio::task::spawn_blocking(move || {
            let rendered = render(&bytes, &transforms, &limits, deadline);
            drop(slot);
            rendered
        });
        let rendered = rendering
            .await
            .map_err(|panic| Stop::Transient(format!("the renderer failed: {panic}")))?;
        let took = started.elapsed();
        metrics::histogram!(RENDER_SECONDS).record(took.as_secs_f64());
        Ok((rendered.map_err(|error| Stop::Failed(error.into()))?, took))
    }

    /// Renews the leases of `variants` while `work` is done.
    async fn keep_leases<T>(&self, variants: &[Variant], work: impl Future<Output = T>) -> T {
        let renewing = async {
            loop {
                tokio::time::sleep(RENEW_EVERY).await;
                self.renew(variants).await;
            }
        };
        tokio::select! {
            done = work => done,
            never = renewing => never,
        }
    }

    async fn renew(&self, variants: &[Variant]) {
        for variant in variants {
            if let Err(error) = self
                .worker
                .backends
                .readiness
                .renew(&variant.key(), self.by)
                .await
            {
                tracing::warn!(%error, "a lease could not be renewed");
            }
        }
    }

    /// Puts a variant into the store and says so, unless its original has other bytes by now.
    async fn store(
        &self,
        variant: &Variant,
        rendered: Rendered,
        took: Duration,
    ) -> Result<(), Stop> {
        let Backends {
            storage, originals, ..
        } = &self.worker.backends;
        let (object, format) = (variant.object(), variant.transform.format);
        let length_bytes = rendered.bytes.len() as u64;
        let source = Source::Bytes(Bytes::from(rendered.bytes));
        timed(
            "put",
            storage.put(&object, source, format.media_type(), Condition::Always),
        )
        .await?;
        metrics::counter!(RENDERS, "format" => format.extension()).increment(1);
        let current = originals.describe(variant.asset).await?;
        if current.is_none_or(|original| original.version != variant.original_version) {
            storage.delete(&object).await?;
            self.fail(std::slice::from_ref(variant), &replaced()).await;
            return Ok(());
        }
        count("rendered");
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).ok();
        let ready = Ready {
            length_bytes,
            render_ms: millis(took),
            queued_ms: millis(self.queued),
        };
        self.finish(variant, &Outcome::Ready(ready)).await;
        Ok(())
    }

    async fn fail(&self, variants: &[Variant], failure: &Failure) {
        tracing::info!(reason = %failure.reason, message = failure.message, "no thumbnail");
        for variant in variants {
            count(failure.reason.name());
            self.finish(variant, &Outcome::Failed(failure.clone()))
                .await;
        }
    }

    async fn finish(&self, variant: &Variant, outcome: &Outcome) {
        if let Err(error) = self
            .worker
            .backends
            .readiness
            .finish(&variant.key(), self.by, outcome)
            .await
        {
            // Those who wait look into the store themselves when Redis is away.
            tracing::warn!(%error, "an outcome could not be announced");
        }
    }

    async fn release(&self, variants: &[Variant]) {
        for variant in variants {
            if let Err(error) = self
                .worker
                .backends
                .readiness
                .release(&variant.key(), self.by)
                .await
            {
                tracing::warn!(%error, "a lease could not be given back; it ends by itself");
            }
        }
    }
}

fn replaced() -> Failure {
    failure(
        Reason::OriginalReplaced,
        "The original was replaced; ask again.",
    )
}

fn count(outcome: &'static str) {
    metrics::counter!(VARIANTS, "outcome" => outcome).increment(1);
}

async fn timed<T>(operation: &'static str, work: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let done = work.await;
    metrics::histogram!(STORAGE_SECONDS, "operation" => operation)
        .record(started.elapsed().as_secs_f64());
    done
}

impl From<RenderError> for Failure {
    fn from(error: RenderError) -> Self {
        let reason = match error {
            RenderError::NotAPicture => Reason::NotAPicture,
            RenderError::Corrupt(_) | RenderError::Encode(_) => Reason::OriginalCorrupt,
            RenderError::OverLimit(_) => Reason::OverLimit,
            RenderError::DeadlinePassed => Reason::RenderTimeout,
        };
        failure(reason, error.to_string())
    }
}
