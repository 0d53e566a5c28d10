//! The ids of all originals, page by page, in no particular order.

use futures_util::{StreamExt, TryStreamExt};

use super::Originals;
use super::description::description_object;
use crate::asset::AssetId;
use crate::storage::{Folders, Listing, StorageError};

/// Where uploads lie, each in a folder of its own.
const UPLOADS: &str = "uploads/";
/// Where other tools put originals.
const FOREIGN: &str = "originals/";
/// How many descriptions are looked for at the same time.
const LOOKS_AT_ONCE: usize = 16;

/// Ids of originals that are still being read.
///
/// Each comes once, but for one that changes meanwhile. What has been deleted may be among them,
/// and so may what is half uploaded: whoever needs to know describes it.
#[derive(Debug)]
pub struct Every {
    originals: Originals,
    begins: String,
    uploads: Folders,
    foreign: Listing,
}

impl Originals {
    /// Every original whose id begins with `begins`, which may be empty.
    pub fn every(&self, begins: &str) -> Every {
        let begins = begins.to_ascii_lowercase();
        Every {
            originals: self.clone(),
            uploads: self.storage.folders(UPLOADS, &begins),
            foreign: self.storage.list(FOREIGN),
            begins,
        }
    }

    /// Those of `ids` that have no description, and so are not among the uploads.
    async fn undescribed(&self, ids: Vec<AssetId>) -> Result<Vec<AssetId>, StorageError> {
        futures_util::stream::iter(ids)
            .map(|id| async move {
                let head = self.storage.head(&description_object(id)).await?;
                Ok(head.is_none().then_some(id))
            })
            .buffer_unordered(LOOKS_AT_ONCE)
            .try_filter_map(|id| std::future::ready(Ok(id)))
            .try_collect()
            .await
    }
}

impl Every {
    /// The next page, of at least one; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<AssetId>>, StorageError> {
        while let Some(names) = self.uploads.next().await? {
            let ids: Vec<AssetId> = names.iter().filter_map(|name| id_of(name)).collect();
            if !ids.is_empty() {
                return Ok(Some(ids));
            }
        }
        while let Some(page) = self.foreign.next().await? {
            let names = page.iter().filter_map(|listed| {
                let name = listed.object.strip_prefix(FOREIGN)?;
                name.starts_with(&self.begins).then_some(name)
            });
            let ids = self
                .originals
                .undescribed(names.filter_map(id_of).collect());
            let ids = Box::pin(ids).await?;
            if !ids.is_empty() {
                return Ok(Some(ids));
            }
        }
        Ok(None)
    }
}

/// Only as this program writes it: what has another spelling is not found by its id.
fn id_of(name: &str) -> Option<AssetId> {
    let id: AssetId = name.parse().ok()?;
    (id.to_string() == name).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_in_their_own_spelling_are_ids() {
        let id = "3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f";
        assert_eq!(id_of(id).unwrap().to_string(), id);
        for other in [&id.to_uppercase(), "description.json", "", &id[1..]] {
            assert_eq!(id_of(other), None, "{other}");
        }
    }
}
