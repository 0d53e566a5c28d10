//! What is known of originals, kept for seconds: a page asks for one picture in several sizes.
//! What is kept may be out of date. It is used only for a job that names the same version, whose
//! bytes are looked for before the render; and after it the store is asked anew.

use std::time::Duration;

use moka::future::Cache;
use thumbmill_shared::asset::{AssetId, Original, OriginalVersion};
use thumbmill_shared::originals::{Originals, OriginalsError};

const KEPT: u64 = 1000;
const KEPT_FOR: Duration = Duration::from_secs(5);

/// Descriptions of originals.
#[derive(Debug)]
pub(crate) struct Descriptions {
    originals: Originals,
    kept: Cache<AssetId, Original>,
}

impl Descriptions {
    /// Nothing is known yet.
    pub(crate) fn new(originals: Originals) -> Self {
        let kept = Cache::builder()
            .max_capacity(KEPT)
            .time_to_live(KEPT_FOR)
            .build();
        Self { originals, kept }
    }

    /// What is, or was seconds ago, known of an original in this state; or what it is now.
    pub(super) async fn of(
        &self,
        asset: AssetId,
        version: Option<&OriginalVersion>,
    ) -> Result<Option<Original>, OriginalsError> {
        if let Some(version) = version
            && let Some(kept) = self.kept.get(&asset).await
            && kept.version == *version
        {
            return Ok(Some(kept));
        }
        self.now(asset).await
    }

    /// What is known of an original now.
    pub(super) async fn now(&self, asset: AssetId) -> Result<Option<Original>, OriginalsError> {
        let original = self.originals.describe(asset).await?;
        match &original {
            Some(original) => self.kept.insert(asset, original.clone()).await,
            None => self.kept.invalidate(&asset).await,
        }
        Ok(original)
    }
}
