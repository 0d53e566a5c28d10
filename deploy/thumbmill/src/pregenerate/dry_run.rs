//! What there would be to do.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use thumbmill_shared::shutdown::Shutdown;

use super::check::{Checks, Looked};
use super::choice::Ids;
use super::publish::CHECKS;
use crate::report::{self, Form};

/// Of one CPU for each byte of an original and each thumbnail: measured on photographs, of 12
/// megapixels for the most part, made into thumbnails of 64 to 800 pixels. An estimate, no more.
const NANOSECONDS_A_BYTE: [(&str, f64); 3] = [
    ("image/jpeg", 2.5),
    ("image/png", 3.7),
    ("image/webp", 55.0),
];
const MILLISECONDS_A_THUMBNAIL: f64 = 3.0;

/// What was counted.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) originals: u64,
    /// Asked for, and not there.
    pub(crate) missing_originals: u64,
    pub(crate) not_pictures: u64,
    pub(crate) there: u64,
    pub(crate) to_make: u64,
    /// Of originals that would be read.
    pub(crate) bytes: u64,
    pub(crate) cpu_seconds: f64,
}

/// Counts, and says what it found.
pub(super) async fn run(
    checks: &Arc<Checks>,
    ids: Ids,
    form: Form,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let counted = tokio::select! {
        counted = count(checks, ids) => counted?,
        () = shutdown.begun() => anyhow::bail!("interrupted"),
    };
    report::counted(form, &counted)
}

async fn count(checks: &Arc<Checks>, mut ids: Ids) -> anyhow::Result<Counted> {
    let mut counted = Counted::default();
    while let Some(page) = ids.next().await? {
        let mut looked = stream::iter(page)
            .map(|id| checks.look(id))
            .buffer_unordered(CHECKS);
        while let Some(looked) = looked.try_next().await? {
            if let Some(looked) = looked {
                counted.add(&looked);
            }
        }
    }
    Ok(counted)
}

impl Counted {
    fn add(&mut self, looked: &Looked) {
        self.originals += 1;
        self.there += looked.there.len() as u64;
        let Some(original) = &looked.original else {
            self.missing_originals += 1;
            return;
        };
        let cost = NANOSECONDS_A_BYTE
            .iter()
            .find(|(media_type, _)| *media_type == original.media_type);
        let Some((_, nanoseconds)) = cost else {
            self.not_pictures += 1;
            return;
        };
        if looked.missing.is_empty() {
            return;
        }
        self.to_make += looked.missing.len() as u64;
        self.bytes += original.length_bytes;
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let (bytes, thumbnails) = (original.length_bytes as f64, looked.missing.len() as f64);
        self.cpu_seconds += bytes * nanoseconds / 1e9 + thumbnails * MILLISECONDS_A_THUMBNAIL / 1e3;
    }
}
