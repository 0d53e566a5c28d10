//! The variants of one job, made one after the other from one decode: whose turn it is, what others make
//! meanwhile, and when the rest is left for another turn.
//!
//! A job of many variants must not keep one of them from somebody who asks for it now. So it holds the leases
//! of those that it has not begun for a moment only; then it takes each lease anew when it gets there, and
//! leaves out what others have made. The same way a variant that was not begun in time is nobody's fault.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use thumbmill_shared::metrics::RENDER_SECONDS;
use thumbmill_shared::variant::Variant;
use tokio::sync::SemaphorePermit;

use super::Stop;
use super::claims::{Claimed, Leases};
use super::work::Work;
use crate::isolation::{NotRendered, Session, Task};

/// How long a job holds the leases of variants that it has not begun. Most jobs are done by then.
const HELD_UNBEGUN: Duration = Duration::from_secs(1);

/// Variants of one job that are stored at the same time. A slow store does not hold up the renders then.
const STORES: usize = 4;

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

/// Variants that were rendered and are on their way into the store.
#[derive(Default)]
struct Stores<'a> {
    running: FuturesUnordered<BoxFuture<'a, (usize, Result<(), Stop>)>>,
    indexes: BTreeSet<usize>,
    stored: Vec<usize>,
    failed: Option<Stop>,
}

impl<'a> Stores<'a> {
    fn begin(&mut self, index: usize, store: BoxFuture<'a, Result<(), Stop>>) {
        self.indexes.insert(index);
        self.running
            .push(Box::pin(async move { (index, store.await) }));
    }

    /// Goes on with them until `work` is done.
    async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                Some(stored) = self.running.next() => self.note(stored),
            }
        }
    }

    /// Goes on with them until no more than this are left.
    async fn until(&mut self, left: usize) {
        while self.running.len() > left
            && let Some(stored) = self.running.next().await
        {
            self.note(stored);
        }
    }

    fn note(&mut self, (index, stored): (usize, Result<(), Stop>)) {
        self.indexes.remove(&index);
        match stored {
            Ok(()) => self.stored.push(index),
            Err(stop) => self.failed = Some(stop),
        }
    }

    /// The first that is not stored yet.
    fn first(&self) -> Option<usize> {
        self.indexes.first().copied()
    }
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
    /// Makes each that is not made by others, until the job's turn is over. Each is stored while the next ones are
    /// rendered, and the last when the slot is free, unless its lease is not sure. Leases are kept until all are stored.
    pub(super) async fn make_each(
        &self,
        series: &mut Series<'_>,
        original: Bytes,
        slot: Option<SemaphorePermit<'_>>,
    ) -> Result<Rest, Stop> {
        let mut session = self.decode(series, original).await?;
        let (mut stores, mut rest) = (Stores::default(), Rest::Nothing);
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
            let held = series.held(stores.first().unwrap_or(index), index);
            let rendering = Box::pin(stores.beside(session.variant(index)));
            let rendered = self.keep_leases(held, rendering).await;
            took += begun.elapsed();
            match rendered {
                Ok(rendered) => {
                    let took = session.decoded_in() + begun.elapsed();
                    stores.begin(index, Box::pin(self.store(variant, rendered, took)));
                }
                Err(NotRendered::Refused(error)) => {
                    let failure = error.into();
                    self.fail(std::slice::from_ref(variant), &failure).await;
                }
                Err(error) => {
                    // What is rendered is not lost.
                    self.finish_stores(series, &mut stores, 0, index).await?;
                    return Err(error.into());
                }
            }
            self.finish_stores(series, &mut stores, STORES - 1, index)
                .await?;
        }
        metrics::histogram!(RENDER_SECONDS).record(took.as_secs_f64());
        session.end().await;
        if series.leases == Leases::All {
            drop(slot);
        }
        let last = series.variants.len().saturating_sub(1);
        self.finish_stores(series, &mut stores, 0, last).await?;
        self.rest(series, rest)
    }

    /// Waits until no more than `left` are on their way into the store; the leases of those, and of all up to
    /// `index`, are kept meanwhile.
    async fn finish_stores(
        &self,
        series: &mut Series<'_>,
        stores: &mut Stores<'_>,
        left: usize,
        index: usize,
    ) -> Result<(), Stop> {
        let held = series.held(stores.first().unwrap_or(index), index);
        self.keep_leases(held, Box::pin(stores.until(left))).await;
        let done = stores.stored.drain(..);
        let done = done.filter_map(|index| series.variants.get(index).cloned());
        series.made.extend(done);
        stores.failed.take().map_or(Ok(()), Err)
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
}
