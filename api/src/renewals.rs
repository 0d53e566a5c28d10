//! Keeps the dates of thumbnails that are asked for young, so that operators can tell the others.
//! In the background: a client never waits for it, nor hears of its failure.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use moka::future::Cache;
use thumbmill_shared::shutdown::Shutdown;
use thumbmill_shared::storage::{Storage, StorageError};
use thumbmill_shared::variant::Variant;
use tokio::sync::Semaphore;

/// How many are renewed at the same time; who is asked for meanwhile is so at its next hit.
const AT_ONCE: usize = 16;
/// How many of those that were looked at are remembered.
const REMEMBERED: u64 = 100_000;
/// For how long: what is asked for all the time costs the store no more than a look in an hour.
const REMEMBERED_FOR: Duration = Duration::from_hours(1);

/// Renews dates; clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Renewals {
    storage: Storage,
    shutdown: Shutdown,
    /// `None`: dates are left alone.
    after: Option<Duration>,
    looked: Cache<String, ()>,
    places: Arc<Semaphore>,
}

impl Renewals {
    /// Of dates older than `after`.
    pub(crate) fn new(storage: Storage, after: Option<Duration>, shutdown: &Shutdown) -> Self {
        let kept_for = after.unwrap_or_default().min(REMEMBERED_FOR);
        let looked = Cache::builder()
            .max_capacity(REMEMBERED)
            .time_to_live(kept_for)
            .build();
        Self {
            storage,
            shutdown: shutdown.clone(),
            after,
            looked,
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// `variant` was read, and the store dates it `modified`.
    pub(crate) fn served(&self, variant: &Variant, modified: SystemTime) {
        if self.after.is_some_and(|after| is_due(modified, after)) {
            self.look(variant, Some(modified));
        }
    }

    /// A client has `variant`, and was told that it is still good without a look into the store.
    pub(crate) fn confirmed(&self, variant: &Variant) {
        if self.after.is_some() {
            self.look(variant, None);
        }
    }

    /// Renews it if it is due, unless that has just been tried.
    fn look(&self, variant: &Variant, modified: Option<SystemTime>) {
        let Some(after) = self.after else {
            return;
        };
        let object = variant.object();
        if self.looked.contains_key(&object) {
            return;
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return;
        };
        let media_type = variant.transform.format.media_type();
        let (storage, looked) = (self.storage.clone(), self.looked.clone());
        self.shutdown.spawn_until_begun(async move {
            let _place = place;
            // Of several who come here at the same time, one goes on.
            if !looked.entry_by_ref(&object).or_default().await.is_fresh() {
                return;
            }
            if let Err(error) = renew(&storage, &object, media_type, modified, after).await {
                let error: &dyn std::error::Error = &error;
                tracing::debug!(error, "a date could not be renewed");
            }
        });
    }
}

async fn renew(
    storage: &Storage,
    object: &str,
    media_type: &str,
    modified: Option<SystemTime>,
    after: Duration,
) -> Result<(), StorageError> {
    let modified = match modified {
        Some(modified) => Some(modified),
        None => storage.head(object).await?.map(|head| head.modified),
    };
    match modified {
        Some(modified) if is_due(modified, after) => storage.renew(object, media_type).await,
        Some(_) | None => Ok(()),
    }
}

/// Is this date so old that it is to be renewed? One in the future is not.
fn is_due(modified: SystemTime, after: Duration) -> bool {
    modified.elapsed().is_ok_and(|age| age > after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_due_when_it_is_older_than_said() {
        let ago = |seconds| SystemTime::now() - Duration::from_secs(seconds);
        let after = Duration::from_mins(1);
        assert!(is_due(ago(61), after));
        assert!(!is_due(ago(30), after));
        assert!(!is_due(SystemTime::now() + after, after));
        assert!(is_due(SystemTime::UNIX_EPOCH, after));
    }
}
