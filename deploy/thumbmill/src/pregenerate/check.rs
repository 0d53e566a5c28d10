//! What there is to do of an original: which of the thumbnails that are wanted the store lacks.

use std::collections::HashSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use thumbmill_shared::asset::{AssetId, Original};
use thumbmill_shared::backends::Backends;
use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::format::SourceFormat;
use thumbmill_shared::settings::Settings;
use thumbmill_shared::transform::VariantRequest;
use thumbmill_shared::variant::{Variant, variants_of_version};

use super::choice::Choice;
use super::wanted::Wanted;

/// Looks at originals.
#[derive(Debug)]
pub(super) struct Checks {
    backends: Backends,
    wanted: Wanted,
    newer_than: Option<SystemTime>,
    /// Was each asked for by its id? Among all that there are may be some that were deleted.
    named: bool,
    encoding: Encoding,
    avif_pixels: u64,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) asset: AssetId,
    /// What is known of it; nothing if there is no such original.
    pub(super) original: Option<Original>,
    /// Those of the wanted thumbnails that are there.
    pub(super) there: Vec<VariantRequest>,
    /// The others.
    pub(super) missing: Vec<VariantRequest>,
}

impl Checks {
    pub(super) fn new(
        settings: &Settings,
        backends: Backends,
        wanted: Wanted,
        choice: &Choice,
    ) -> Self {
        Self {
            backends,
            wanted,
            newer_than: choice.newer_than,
            named: choice.is_list(),
            encoding: settings.encoding(),
            avif_pixels: settings.max_avif_pixels,
        }
    }

    /// Looks at one; nothing if it is not meant. One that is not there, or is no picture, lacks
    /// everything: whoever does the job says why.
    pub(super) async fn look(&self, asset: AssetId) -> anyhow::Result<Option<Looked>> {
        let originals = &self.backends.originals;
        let described = originals.describe(asset).await;
        let original = described.with_context(|| format!("describe {asset}"))?;
        let Some(original) = original else {
            let meant = self.named && self.newer_than.is_none();
            return Ok(meant.then(|| Looked {
                asset,
                original: None,
                there: Vec::new(),
                missing: self.everything(),
            }));
        };
        let changed = UNIX_EPOCH + Duration::from_secs(original.modified_unix);
        if self.newer_than.is_some_and(|than| changed < than) {
            return Ok(None);
        }
        let (there, missing) = match SourceFormat::of_media_type(&original.media_type) {
            None => (Vec::new(), self.everything()),
            Some(source) => self.sorted(&original, source).await?,
        };
        Ok(Some(Looked {
            asset,
            there,
            missing,
            original: Some(original),
        }))
    }

    fn everything(&self) -> Vec<VariantRequest> {
        let requests = self.wanted.requests.iter();
        requests.map(|(request, _)| request.clone()).collect()
    }

    /// What is there, and what is not.
    async fn sorted(
        &self,
        original: &Original,
        source: SourceFormat,
    ) -> anyhow::Result<(Vec<VariantRequest>, Vec<VariantRequest>)> {
        let stored = self.stored(original).await?;
        let is_there = |expanded: &VariantRequest| {
            let focused = expanded.clone().focused_as(original);
            let transforms = focused.transforms(source, self.avif_pixels);
            let variants = transforms.into_iter().map(|transform| Variant {
                asset: original.id,
                original_version: original.version.clone(),
                transform,
                encoding: self.encoding,
            });
            let mut objects = variants.map(|variant| variant.object());
            objects.all(|object| stored.contains(&object))
        };
        let (mut there, mut missing) = (Vec::new(), Vec::new());
        for (request, expanded) in &self.wanted.requests {
            if is_there(expanded) {
                there.push(request.clone());
            } else {
                missing.push(request.clone());
            }
        }
        Ok((there, missing))
    }

    /// All variants of this state of the original, by one request.
    async fn stored(&self, original: &Original) -> anyhow::Result<HashSet<String>> {
        let folder = variants_of_version(original.id, &original.version);
        let mut listing = self.backends.storage.list(&folder);
        let mut there = HashSet::new();
        while let Some(page) = listing.next().await.context("list variants")? {
            there.extend(page.into_iter().map(|listed| listed.object));
        }
        Ok(there)
    }
}
