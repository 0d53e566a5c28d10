//! What is made of every new or replaced original before anybody asks for it.

use thumbmill_shared::asset::AssetId;
use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::job::RenderJob;
use thumbmill_shared::preset::{PresetError, Presets};
use thumbmill_shared::queue::{Lane, Message, Queue, Seen};
use thumbmill_shared::settings::Settings;
use thumbmill_shared::trace::TraceContext;
use thumbmill_shared::transform::VariantRequest;

/// The presets that are made of uploads.
pub(crate) struct Pregenerate {
    variants: Vec<VariantRequest>,
    encoding: Encoding,
    /// Most of them in one job.
    max_variants: usize,
    queue: Queue,
}

/// The setting cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("THUMBMILL_PREGENERATE: {0}")]
pub(crate) struct UnknownPreset(#[from] PresetError);

impl Pregenerate {
    /// Those that `settings` name. Errors: there is no such preset.
    pub(crate) fn new(
        settings: &Settings,
        presets: &Presets,
        queue: Queue,
    ) -> Result<Self, UnknownPreset> {
        let variants = settings.pregenerate.as_slice().iter().map(|name| {
            let request = VariantRequest {
                preset: Some(name.clone()),
                ..VariantRequest::default()
            };
            presets.expand(request.clone())?;
            Ok(request)
        });
        Ok(Self {
            variants: variants.collect::<Result<_, PresetError>>()?,
            encoding: settings.encoding(),
            max_variants: settings.max_variants.max(1) as usize,
            queue,
        })
    }

    /// Publishes a bulk job for an upload, or several if one may not have all variants. The upload is there
    /// in any case, so what goes wrong here is only logged; its thumbnails are then made when they are asked for.
    pub(crate) async fn publish(&self, asset: AssetId) {
        for variants in self.variants.chunks(self.max_variants) {
            self.publish_job(asset, variants.to_vec()).await;
        }
    }

    async fn publish_job(&self, asset: AssetId, variants: Vec<VariantRequest>) {
        let job = RenderJob {
            encoding: Some(self.encoding),
            ..RenderJob::new(asset, variants)
        };
        match Message::new(&job, Seen::Nothing, TraceContext::random()) {
            Ok(message) => {
                if let Err(error) = self.queue.publish(Lane::Bulk, message).await {
                    tracing::warn!(%error, %asset, "nothing is made of an upload before it is asked for");
                }
            }
            Err(error) => tracing::error!(%error, %asset, "a job that cannot be written"),
        }
    }
}
