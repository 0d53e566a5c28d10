//! What is known of originals, kept for seconds so that a hit costs one look into the store.
//! Dropped at once when an original changes anywhere, and not used while changes go unheard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::future::Cache;
use thumbmill_shared::asset::{AssetId, Original};
use thumbmill_shared::originals::{Originals, OriginalsError};
use thumbmill_shared::readiness::Readiness;

const KEPT: u64 = 10_000;
const KEPT_FOR: Duration = Duration::from_secs(5);

/// Descriptions of originals; clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Descriptions {
    originals: Originals,
    readiness: Readiness,
    cache: Cache<AssetId, Arc<Original>>,
    /// Grows with every change that is heard of.
    changes: Arc<AtomicU64>,
}

impl Descriptions {
    /// Nothing is known yet.
    pub(crate) fn new(originals: Originals, readiness: Readiness) -> Self {
        let cache = Cache::builder()
            .max_capacity(KEPT)
            .time_to_live(KEPT_FOR)
            .build();
        Self {
            originals,
            readiness,
            cache,
            changes: Arc::default(),
        }
    }

    /// What is known of an original.
    pub(crate) async fn describe(
        &self,
        asset: AssetId,
    ) -> Result<Option<Arc<Original>>, OriginalsError> {
        if !self.readiness.is_listening() {
            return Ok(self.originals.describe(asset).await?.map(Arc::new));
        }
        if let Some(original) = self.cache.get(&asset).await {
            return Ok(Some(original));
        }
        let before = self.changes.load(Ordering::SeqCst);
        let Some(original) = self.originals.describe(asset).await?.map(Arc::new) else {
            return Ok(None);
        };
        self.cache.insert(asset, Arc::clone(&original)).await;
        // A change while the store was read may be older or newer than what was read.
        if self.changes.load(Ordering::SeqCst) != before {
            self.cache.invalidate(&asset).await;
        }
        Ok(Some(original))
    }

    /// Forgets an original that has changed.
    pub(crate) async fn forget(&self, asset: AssetId) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.cache.invalidate(&asset).await;
    }

    /// Forgets everything: it is not known what has changed.
    pub(crate) fn forget_all(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.cache.invalidate_all();
    }
}
