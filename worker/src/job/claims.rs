//! What an attempt and Readiness say to each other: whose the variants are, and how they ended.

use std::time::Instant;

use thumbmill_shared::metrics::VARIANTS;
use thumbmill_shared::outcome::{Failure, Outcome};
use thumbmill_shared::queue::Seen;
use thumbmill_shared::readiness::{Claim, Ending, RENEW_EVERY};
use thumbmill_shared::variant::Variant;

use super::work::Work;

/// Which variants are whose.
pub(super) struct Claimed {
    pub(super) at: Instant,
    /// This worker's to make.
    pub(super) mine: Vec<Variant>,
    pub(super) leases: Leases,
    pub(super) others_make_some: bool,
}

/// Has Redis given a lease for all variants that are this worker's to make?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leases {
    All,
    /// It did not answer: another worker may make them, or may have made them.
    NotAll,
}

impl Work<'_> {
    /// Takes the lease of each variant that is to be made.
    pub(super) async fn claim(&self, wanted: Vec<Variant>) -> Claimed {
        let mut claimed = Claimed {
            at: Instant::now(),
            mine: Vec::new(),
            leases: Leases::All,
            others_make_some: false,
        };
        let readiness = &self.worker.backends.readiness;
        for variant in wanted {
            if self.arrival.seen == Seen::Failed
                && let Err(error) = readiness.forget(&variant.key()).await
            {
                tracing::warn!(%error, "a failure could not be forgotten");
            }
            match readiness.claim(&variant.key(), self.by).await {
                Ok(Claim::Won) => claimed.mine.push(variant),
                Ok(Claim::Known(outcome)) => {
                    count("known");
                    if let Outcome::Failed(failure) = outcome {
                        self.failed.note(variant.key(), &failure);
                    }
                }
                Ok(Claim::Held) => {
                    count("held");
                    claimed.others_make_some = true;
                }
                Err(error) => {
                    tracing::warn!(%error, "going on without a claim");
                    claimed.leases = Leases::NotAll;
                    claimed.mine.push(variant);
                }
            }
        }
        claimed
    }

    /// Renews the leases of `variants` while `work` is done.
    pub(super) async fn keep_leases<T>(
        &self,
        variants: &[Variant],
        work: impl Future<Output = T>,
    ) -> T {
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

    /// Tells everybody why there is no such variant.
    pub(super) async fn fail(&self, variants: &[Variant], failure: &Failure) {
        tracing::info!(reason = %failure.reason, message = failure.message, "no thumbnail");
        for variant in variants {
            count(failure.reason.name());
            self.failed.note(variant.key(), failure);
            self.finish(variant, Outcome::Failed(failure.clone()).into())
                .await;
        }
    }

    /// Records how a variant ended, and tells everybody.
    pub(super) async fn finish(&self, variant: &Variant, ending: Ending) {
        if let Err(error) = self
            .worker
            .backends
            .readiness
            .finish(&variant.key(), self.by, &ending)
            .await
        {
            // Those who wait look into the store themselves when Redis is away.
            tracing::warn!(%error, "an outcome could not be announced");
        }
    }

    /// Gives leases back without an outcome.
    pub(super) async fn release(&self, variants: &[Variant]) {
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

/// Counts a variant by what became of it.
pub(super) fn count(outcome: &'static str) {
    metrics::counter!(VARIANTS, "outcome" => outcome).increment(1);
}
