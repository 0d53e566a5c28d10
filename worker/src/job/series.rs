//! The variants of one job, made one after the other from one decode: whose turn it is, what others make
//! meanwhile, and when the rest is left for another turn.
//!
//! A job of many variants must not keep one of them from somebody who asks for it now. So it holds the leases
//! of those that it has not begun for a moment only; then it takes each lease anew when it gets there, and
//! leaves out what others have made. The same way a variant that was not begun in time is nobody's fault.

use std::time::{Duration, Instant};

use bytes::Bytes;
use thumbmill_shared::metrics::RENDER_SECONDS;
use thumbmill_shared::variant::Variant;
use tokio::sync::SemaphorePermit;

use super::Stop;
use super::claims::{Claimed, Leases};
use super::work::Work;
use crate::isolation::{NotRendered, Session, Task};
use crate::render::Rendered;

/// How long a job holds the leases of variants that it has not begun. Most jobs are done by then.
const HELD_UNBEGUN: Duration = Duration::from_secs(1);

/// Variants that are made one after the other.
pub(super) struct Series<'a> {
    variants: &'a [Variant],
    leases: Leases,
    claimed: Instant,
    /// When its turn began.
    begun: Instant,
    /// From this one on the leases were given back.
    given_back: Option<usize>,
    /// Another worker makes some.
    others_make_some: bool,
    /// Those that are in the store now.
    pub(super) made: Vec<Variant>,
}

/// What is left of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Every variant has its outcome.
    Nothing,
    /// Some are another worker's.
    Others,
    /// Some were not begun.
    Later,
}

/// What to do about a variant when its turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Make it.
    Begin,
    /// It has its outcome, or is another worker's.
    Skip,
    /// Leave it, and all that follow, for later.
    Later,
}

/// A variant that was rendered and is not stored yet.
struct Unstored<'a> {
    index: usize,
    variant: &'a Variant,
    rendered: Rendered,
    /// The decode included.
    took: Duration,
}

impl<'a> Series<'a> {
    /// These of the variants that were claimed.
    pub(super) fn new(variants: &'a [Variant], claimed: &Claimed) -> Self {
        Self {
            variants,
            leases: claimed.leases,
            claimed: claimed.at,
            begun: Instant::now(),
            given_back: None,
            others_make_some: false,
            made: Vec::new(),
        }
    }

    fn from(&self, index: usize) -> &'a [Variant] {
        self.variants.get(index..).unwrap_or_default()
    }

    /// From `first` on, all whose leases are held while that with this index is made.
    fn held(&self, first: usize, index: usize) -> &'a [Variant] {
        let end = self.given_back.unwrap_or(self.variants.len());
        self.variants
            .get(first..end.max(index + 1))
            .unwrap_or_default()
    }
}

impl Work<'_> {
    /// Makes each that is not made by others, until the job's turn is over. Each is stored while the next is
    /// rendered, and the last when the slot is free, unless its lease is not sure.
    pub(super) async fn make_each(
        &self,
        series: &mut Series<'_>,
        original: Bytes,
        slot: Option<SemaphorePermit<'_>>,
    ) -> Result<Rest, Stop> {
        let mut session = self.decode(series, original).await?;
        let (mut unstored, mut rest) = (None, Rest::Nothing);
        let mut took = session.decoded_in();
        for (index, variant) in series.variants.iter().enumerate() {
            match self.next(series, index).await? {
                Next::Begin => {}
                Next::Skip => continue,
                Next::Later => {
                    rest = Rest::Later;
                    break;
                }
            }
            let begun = Instant::now();
            let previous: Option<Unstored<'_>> = unstored.take();
            let held = series.held(previous.as_ref().map_or(index, |it| it.index), index);
            let both = async { tokio::join!(session.variant(index), self.put(previous)) };
            let (rendered, stored) = self.keep_leases(held, Box::pin(both)).await;
            series.made.extend(stored?);
            took += begun.elapsed();
            match rendered {
                Ok(rendered) => {
                    let took = session.decoded_in() + begun.elapsed();
                    unstored = Some(Unstored {
                        index,
                        variant,
                        rendered,
                        took,
                    });
                }
                Err(NotRendered::Refused(error)) => {
                    let failure = error.into();
                    self.fail(std::slice::from_ref(variant), &failure).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        metrics::histogram!(RENDER_SECONDS).record(took.as_secs_f64());
        session.end().await;
        if series.leases == Leases::All {
            drop(slot);
        }
        series.made.extend(self.put(unstored).await?);
        self.rest(series, rest)
    }

    /// What is left. A turn in which nothing was made counts as an attempt: there must not be many.
    fn rest(&self, series: &Series<'_>, rest: Rest) -> Result<Rest, Stop> {
        match rest {
            Rest::Later if series.made.is_empty() && !self.worker.shutdown.has_begun() => {
                let took = series.begun.elapsed();
                Err(Stop::Transient(format!(
                    "nothing could be made in {took:?}, and some variants were not begun"
                )))
            }
            Rest::Nothing if series.others_make_some => Ok(Rest::Others),
            rest => Ok(rest),
        }
    }

    async fn decode(&self, series: &Series<'_>, original: Bytes) -> Result<Session<'_>, Stop> {
        let variants = series.variants;
        let transforms = variants.iter().map(|variant| variant.transform.clone());
        // One job has one, so all its variants have the same.
        let encoding = variants.first().map(|variant| variant.encoding);
        let worker = self.worker;
        let task = Task {
            priority: self.arrival.priority,
            original,
            transforms: transforms.collect(),
            limits: worker.limits,
            encoding: encoding.unwrap_or(worker.encoding),
            timeout: worker.render_timeout,
        };
        let begun = worker.renderer.begin(task, &worker.pixels, &worker.people);
        Ok(self.keep_leases(variants, Box::pin(begun)).await?)
    }

    /// Looks at the time, and takes the lease if it was given back.
    async fn next(&self, series: &mut Series<'_>, index: usize) -> Result<Next, Stop> {
        let over = series.begun.elapsed() >= self.worker.render_timeout;
        // The first is begun in any case: so every turn brings the job further.
        if index > 0 && (over || self.worker.shutdown.has_begun()) {
            self.release(series.from(index)).await;
            return Ok(Next::Later);
        }
        if series.given_back.is_some_and(|from| from <= index) {
            return self.claim_again(series, index).await;
        }
        let unbegun = series.from(index + 1);
        if series.given_back.is_none()
            && !unbegun.is_empty()
            && series.claimed.elapsed() >= HELD_UNBEGUN
        {
            self.release(unbegun).await;
            series.given_back = Some(index + 1);
        }
        Ok(Next::Begin)
    }

    /// Meanwhile it may have been made.
    async fn claim_again(&self, series: &mut Series<'_>, index: usize) -> Result<Next, Stop> {
        let Some(variant) = series.variants.get(index) else {
            return Ok(Next::Skip);
        };
        let claimed = self.claim(vec![variant.clone()]).await;
        series.others_make_some |= claimed.others_make_some;
        if claimed.leases == Leases::NotAll {
            series.leases = Leases::NotAll;
        }
        // Also with a lease: who made it may have told nobody.
        let missing = self.missing(&claimed.mine, Leases::NotAll).await?;
        Ok(if missing.is_empty() {
            Next::Skip
        } else {
            Next::Begin
        })
    }

    /// Stores what was rendered, if anything was; gives what is in the store then.
    async fn put(&self, unstored: Option<Unstored<'_>>) -> Result<Option<Variant>, Stop> {
        let Some(unstored) = unstored else {
            return Ok(None);
        };
        let Unstored {
            variant,
            rendered,
            took,
            ..
        } = unstored;
        self.store(variant, rendered, took).await?;
        Ok(Some(variant.clone()))
    }
}
