//! One attempt at one job, step by step.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use thumbmill_shared::asset::Original;
use thumbmill_shared::format::SourceFormat;
use thumbmill_shared::job::Priority;
use thumbmill_shared::job::RenderJob;
use thumbmill_shared::metrics::{RENDERS, STORAGE_SECONDS};
use thumbmill_shared::outcome::{Failure, Outcome, Ready, Reason};
use thumbmill_shared::readiness::{Claimant, Ending};
use thumbmill_shared::storage::{Condition, Head, Source};
use thumbmill_shared::variant::{Variant, VariantKey, variants_of_version};
use tokio::sync::SemaphorePermit;

use super::claims::{Claimed, Leases, count};
use super::series::{Rest, Series};
use super::{Arrival, Stop, Worker, failure};
use crate::memory::Share;
use crate::render::{RenderError, Rendered};

/// One attempt at one job.
pub(super) struct Work<'a> {
    pub(super) worker: &'a Worker,
    pub(super) by: &'a Claimant,
    pub(super) arrival: Arrival,
    /// Variants that cannot be made.
    pub(super) failed: Failed,
}

/// Why variants cannot be made, as it turns out.
#[derive(Debug, Default)]
pub(super) struct Failed(Mutex<HashMap<VariantKey, Failure>>);

impl Failed {
    pub(super) fn note(&self, key: VariantKey, failure: &Failure) {
        let mut failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failed.insert(key, failure.clone());
    }

    /// Why one of these could not be made, if so.
    fn first_of(&self, keys: &[VariantKey]) -> Option<Failure> {
        let failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter().find_map(|key| failed.get(key).cloned())
    }
}

impl Work<'_> {
    /// Gives every variant its outcome, or says why it has none yet. Of each request it says why
    /// it failed, if it did.
    pub(super) async fn run(&self, job: &RenderJob) -> Result<Vec<Option<Failure>>, Stop> {
        let (people, priority) = (&self.worker.people, self.arrival.priority);
        let _in_hand = people.enter(priority);
        people.give_way(priority).await;
        let original = self.original(job).await?;
        let source = SourceFormat::of_media_type(&original.media_type).ok_or_else(|| {
            let message = format!(
                "The original is {}, not a picture that can be rendered.",
                original.media_type
            );
            Stop::Failed(failure(Reason::Unsupported, message))
        })?;
        let (mut wanted, mut keys) = (Vec::new(), Vec::new());
        for request in &job.variants {
            let request = self.worker.presets.expand(request.clone())?;
            let request = request.focused_as(&original);
            let variants: Vec<Variant> = request
                .transforms(source, self.worker.limits.avif_pixels)
                .into_iter()
                .map(|t| self.worker.variant(job, &original.version, t))
                .collect();
            keys.push(variants.iter().map(Variant::key).collect::<Vec<_>>());
            wanted.extend(variants);
        }
        wanted.sort_by_key(|variant| variant.key().as_str().to_owned());
        wanted.dedup();
        // No lease while it waits: another worker may have room.
        let _taken = self.make_room(&original).await;
        let claimed = self.claim(wanted).await;
        let ended = self.make(&original, &claimed).await;
        if ended.is_err() {
            self.release(&claimed.mine).await;
        }
        let rest = match ended {
            Err(Stop::Failed(failure)) => {
                self.fail(&claimed.mine, &failure).await;
                Rest::Nothing
            }
            ended => ended?,
        };
        match rest {
            Rest::Later => return Err(Stop::Unfinished),
            // Whoever makes the rest may die of it, or give it up.
            Rest::Others => return Err(Stop::Held),
            Rest::Nothing if claimed.others_make_some => return Err(Stop::Held),
            Rest::Nothing => {}
        }
        Ok(keys.iter().map(|keys| self.failed.first_of(keys)).collect())
    }

    /// The original, in the state that the job is about.
    async fn original(&self, job: &RenderJob) -> Result<Original, Stop> {
        let original = self
            .worker
            .descriptions
            .of(job.asset, job.original_version.as_ref())
            .await?;
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

    /// Makes the variants that are not in the store yet. The original is fetched while the store
    /// is asked for them: that they are there already is the exception.
    async fn make(&self, original: &Original, claimed: &Claimed) -> Result<Rest, Stop> {
        let Claimed { mine, leases, .. } = claimed;
        if mine.is_empty() {
            return Ok(Rest::Nothing);
        }
        let fetch = async {
            self.check_length(original)?;
            self.fetch(original).await
        };
        let both = Box::pin(async { tokio::join!(self.missing(mine, *leases), fetch) });
        let (missing, fetched) = self.keep_leases(mine, both).await;
        let missing = missing?;
        if missing.is_empty() {
            return Ok(Rest::Nothing);
        }
        let turn = Box::pin(self.turn(&missing, *leases));
        let (slot, missing) = self.keep_leases(&missing, turn).await?;
        if missing.is_empty() {
            return Ok(Rest::Nothing);
        }
        let mut series = Series::new(&missing, claimed);
        let made = Box::pin(self.make_each(&mut series, fetched?, slot)).await;
        if !series.made.is_empty() {
            self.remove_if_replaced(original, &series.made).await?;
        }
        made
    }

    /// Those variants that the store does not have; of the others it is said that they are ready.
    pub(super) async fn missing(
        &self,
        mine: &[Variant],
        leases: Leases,
    ) -> Result<Vec<Variant>, Stop> {
        if leases == Leases::All && !self.arrival.may_be_stored(self.by) {
            return Ok(mine.to_vec());
        }
        let stored = self.stored(mine).await?;
        let mut missing = Vec::new();
        for variant in mine {
            match stored.get(&variant.object()) {
                Some(head) => {
                    count("found");
                    let ready = Ready {
                        length_bytes: head.length_bytes,
                        render_ms: None,
                        queued_ms: None,
                    };
                    self.finish(variant, Outcome::Ready(ready).into()).await;
                }
                None => missing.push(variant.clone()),
            }
        }
        Ok(missing)
    }

    /// What the store has of a job's variants, which are all of one original. One is asked for by
    /// its name; for several one list of their folder is less.
    async fn stored(&self, mine: &[Variant]) -> Result<HashMap<String, Head>, Stop> {
        let storage = &self.worker.backends.storage;
        match mine {
            [] => Ok(HashMap::new()),
            [only] => {
                let object = only.object();
                let head = timed("head", storage.head(&object)).await?;
                Ok(head.map(|head| (object, head)).into_iter().collect())
            }
            [first, ..] => {
                let folder = variants_of_version(first.asset, &first.original_version);
                timed("list", async {
                    let (mut stored, mut listing) = (HashMap::new(), storage.list(&folder));
                    while let Some(page) = listing.next().await? {
                        stored.extend(page.into_iter().map(|listed| (listed.object, listed.head)));
                    }
                    Ok(stored)
                })
                .await
            }
        }
    }

    /// Variants of replaced bytes are never served: their version is in their names. But whoever
    /// replaced the bytes may have cleared them away before these were put.
    async fn remove_if_replaced(&self, original: &Original, made: &[Variant]) -> Result<(), Stop> {
        let storage = &self.worker.backends.storage;
        let current = self.worker.descriptions.now(original.id).await?;
        if current.is_none_or(|current| current.version != original.version) {
            tracing::info!("the original was replaced during the render");
            for variant in made {
                storage.delete(&variant.object()).await?;
            }
        }
        Ok(())
    }

    /// Waits for memory for an original.
    async fn make_room(&self, original: &Original) -> Share<'_> {
        // What is too long is not even waited for.
        let kept = self.check_length(original).is_ok();
        // The renderer gets a copy.
        let copies = if kept {
            original.length_bytes.saturating_mul(2)
        } else {
            0
        };
        self.worker
            .originals
            .take(self.arrival.priority, copies)
            .await
    }

    fn check_length(&self, original: &Original) -> Result<(), Stop> {
        let (length, limit) = (original.length_bytes, self.worker.max_original_bytes);
        if length > limit {
            let message = format!("The original has {length} bytes, the limit is {limit}.");
            return Err(Stop::Failed(failure(Reason::TooManyBytes, message)));
        }
        Ok(())
    }

    async fn fetch(&self, original: &Original) -> Result<Bytes, Stop> {
        let limit = self.worker.max_original_bytes;
        timed("get", async {
            let originals = &self.worker.backends.originals;
            if let Some(object) = originals.open(original, None).await? {
                return Ok(object.bytes(limit).await?);
            }
            // It has been replaced. Perhaps twice, and by now it has these bytes again.
            let now = self.worker.descriptions.now(original.id).await?;
            let same = now.filter(|now| now.version == original.version);
            let same = same.ok_or_else(|| Stop::Failed(replaced()))?;
            let object = originals.open(&same, None).await?;
            let object = object.ok_or_else(|| Stop::Failed(replaced()))?;
            Ok(object.bytes(limit).await?)
        })
        .await
    }

    /// Waits for a slot, and says what is still missing then: without leases, as while Redis is
    /// away, another job may have made it meanwhile; so the slot is then kept until all is stored.
    async fn turn(
        &self,
        missing: &[Variant],
        leases: Leases,
    ) -> Result<(Option<SemaphorePermit<'_>>, Vec<Variant>), Stop> {
        let priority = self.arrival.priority;
        self.worker.people.give_way(priority).await;
        // It is never closed.
        let slot = self.worker.slots.of(priority).acquire().await.ok();
        let missing = match leases {
            Leases::All => missing.to_vec(),
            Leases::NotAll => self.missing(missing, leases).await?,
        };
        Ok((slot, missing))
    }

    /// Puts a variant into the store, and says so once it is there.
    pub(super) async fn store(
        &self,
        variant: &Variant,
        rendered: Rendered,
        took: Duration,
    ) -> Result<(), Stop> {
        let format = variant.transform.format;
        let length_bytes = rendered.bytes.len() as u64;
        let picture = Bytes::from(rendered.bytes);
        let source = Source::Bytes(picture.clone());
        let object = variant.object();
        let put = self.worker.backends.storage.put(
            &object,
            source,
            format.media_type(),
            Condition::Always,
        );
        timed("put", put).await?;
        self.worker.written.add(length_bytes);
        metrics::counter!(RENDERS, "format" => format.extension()).increment(1);
        count("rendered");
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).ok();
        let ready = Ready {
            length_bytes,
            render_ms: millis(took),
            queued_ms: millis(self.arrival.queued),
        };
        let ending = match self.arrival.priority {
            Priority::Interactive => Ending::stored(ready, picture),
            Priority::Bulk => Outcome::Ready(ready).into(),
        };
        self.finish(variant, ending).await;
        Ok(())
    }
}

fn replaced() -> Failure {
    failure(
        Reason::OriginalReplaced,
        "The original was replaced; ask again.",
    )
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
            RenderError::Unsupported(_) => Reason::Unsupported,
            RenderError::Corrupt(_) | RenderError::Encode(_) => Reason::Corrupt,
            RenderError::Truncated => Reason::Truncated,
            RenderError::TooManyPixels(_) => Reason::TooManyPixels,
            RenderError::TooManyBytes(_) => Reason::TooManyBytes,
            RenderError::TooSlow => Reason::TooSlow,
        };
        failure(reason, error.to_string())
    }
}
