//! Removes thumbnails that nobody has asked for, for long or longest, so that the store stays below
//! a bound. Whatever is removed is made again when it is asked for.
//!
//! A sweep reads the list of all thumbnails and so counts what lies there, whoever made it. Where
//! that is too much it reads the list a second time and removes the oldest: dates say when a
//! thumbnail was last asked for, as far as the api renews them (`THUMBMILL_RENEW_AFTER`). Its memory
//! does not grow with the store. It may be ended at any moment, and two may run at the same time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt;

use crate::storage::{Listed, Storage, StorageError};
use crate::variant::{VARIANTS, VariantName};

mod ages;
mod turns;

use ages::Ages;
pub(crate) use turns::Embedded;
pub use turns::{KEEP_EVERY, Standing, Turn, Turns};

/// Thumbnails that are so young stay: somebody may be waiting for them. Longer than the api waits
/// between the announcement of a thumbnail and its read, and than clocks differ.
const YOUNG: Duration = Duration::from_secs(10);
/// How many are removed at the same time.
const DELETES_AT_ONCE: usize = 32;
/// A sweep goes on after so many deletes that failed, and gives up at the next.
const MOST_FAILURES: u64 = 100;

/// What may stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// All thumbnails together.
    pub bound: Option<Bound>,
    /// Each of them.
    pub oldest: Option<Duration>,
}

/// How many bytes may lie in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// More than this begins the removal.
    pub most_bytes: u64,
    /// It ends here.
    pub down_to_bytes: u64,
}

impl Bound {
    /// Nine tenths stay of what is too much, so that a tenth can be written until the next time.
    pub fn of(most_bytes: u64) -> Self {
        Self {
            most_bytes,
            down_to_bytes: most_bytes - most_bytes / 10,
        }
    }
}

/// So many thumbnails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub objects: u64,
    /// All their bytes.
    pub bytes: u64,
}

impl Sum {
    fn add(&mut self, length_bytes: u64) {
        self.objects += 1;
        self.bytes = self.bytes.saturating_add(length_bytes);
    }

    fn without(self, other: Self) -> Self {
        Self {
            objects: self.objects.saturating_sub(other.objects),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

/// What a sweep has found and done.
#[derive(Debug, Default)]
pub struct Swept {
    /// What was in the list and has stayed.
    pub kept: Sum,
    /// What was removed since all together were too much.
    pub evicted: Sum,
    /// What was removed since it was too old.
    pub expired: Sum,
    /// Thumbnails older than this have been evicted.
    pub evicted_before: Option<SystemTime>,
    /// Deletes that failed.
    pub failures: u64,
    /// Why the first of them did.
    pub first_failure: Option<StorageError>,
}

/// Sweeps once, at the moment `now`. `swept` tells what was done, also after an error: the list
/// could not be read to its end, or too many deletes failed.
pub async fn sweep(
    storage: &Storage,
    rules: &Rules,
    now: SystemTime,
    swept: &mut Swept,
) -> Result<(), StorageError> {
    let young_from = now.checked_sub(YOUNG).unwrap_or(UNIX_EPOCH);
    let oldest = rules.oldest.and_then(|oldest| now.checked_sub(oldest));
    let mut ages = Ages::new(unix(young_from));
    let mut pages = storage.list(VARIANTS);
    while let Some(page) = pages.next().await? {
        let mut expired = Vec::new();
        for listed in page.into_iter().filter(is_variant) {
            if oldest.is_some_and(|oldest| listed.head.modified < oldest) {
                expired.push(listed);
            } else {
                let bytes = listed.head.length_bytes;
                swept.kept.add(bytes);
                ages.add(unix(listed.head.modified), bytes);
            }
        }
        let removed = remove(storage, expired, swept).await?;
        swept.expired.objects += removed.objects;
        swept.expired.bytes += removed.bytes;
    }
    match rules.bound {
        Some(bound) if swept.kept.bytes > bound.most_bytes => {
            evict(storage, &ages, bound, swept).await
        }
        Some(_) | None => Ok(()),
    }
}

async fn evict(
    storage: &Storage,
    ages: &Ages,
    bound: Bound,
    swept: &mut Swept,
) -> Result<(), StorageError> {
    let too_much = swept.kept.bytes.saturating_sub(bound.down_to_bytes);
    let mut cut = ages.cut(bound.down_to_bytes);
    swept.evicted_before = UNIX_EPOCH.checked_add(Duration::from_secs(cut.from_unix));
    let mut pages = storage.list(VARIANTS);
    while let Some(page) = pages.next().await? {
        // What was renewed meanwhile has another date by now, and stays.
        let old = page.into_iter().filter(is_variant).filter(|listed| {
            let modified = unix(listed.head.modified);
            cut.takes(modified, listed.head.length_bytes)
        });
        let removed = remove(storage, old.collect(), swept).await?;
        swept.evicted.objects += removed.objects;
        swept.evicted.bytes += removed.bytes;
        swept.kept = swept.kept.without(removed);
        if swept.evicted.bytes >= too_much {
            break;
        }
    }
    Ok(())
}

/// Removes these; what is gone already counts as well.
async fn remove(
    storage: &Storage,
    listed: Vec<Listed>,
    swept: &mut Swept,
) -> Result<Sum, StorageError> {
    let mut deletes = futures_util::stream::iter(listed)
        .map(|listed| async move {
            let deleted = storage.delete(&listed.object).await;
            (listed.head.length_bytes, deleted)
        })
        .buffer_unordered(DELETES_AT_ONCE);
    let mut removed = Sum::default();
    while let Some((bytes, deleted)) = deletes.next().await {
        let Err(error) = deleted else {
            removed.add(bytes);
            continue;
        };
        swept.failures += 1;
        if swept.failures > MOST_FAILURES {
            return Err(error);
        }
        swept.first_failure.get_or_insert(error);
    }
    Ok(removed)
}

/// What other tools have put among the thumbnails is neither counted nor removed.
fn is_variant(listed: &Listed) -> bool {
    VariantName::of_object(&listed.object).is_some()
}

fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
