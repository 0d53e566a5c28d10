//! Originals on top of the store, the same in a folder and in a bucket.
//!
//! The bytes lie at `originals/{id}.{random}`, what is known of them at `originals/{id}.json`;
//! what another tool put at `originals/{id}` is found, too. Bytes are never overwritten: writing the description is
//! the moment at which they count. So a reader of an old description finds the old bytes or
//! none, never a mixture, and a description that is there always names bytes that are there:
//!
//! * bytes are deleted only after the description that named them was swapped for another one,
//!   by whoever did the swap, and no two uploads have bytes of the same name;
//! * a deletion swaps the description for a tombstone, so it cannot remove what a replacement
//!   wrote at the same time: one of both finds the other's state and tries again.

use std::ops::Range;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::asset::{AssetId, Original, OriginalVersion};
use crate::media_type::{SAMPLE_BYTES, sniff};
use crate::storage::{Condition, Object, Source, Storage, StorageError, Tag};
use crate::variant::variants_of;

/// How often a change is tried against others' changes.
const TRIES: usize = 8;
/// A description is small; anything larger is none.
const DESCRIPTION_BYTES: u64 = 64 * 1024;
const DESCRIPTION_TYPE: &str = "application/json";

/// The originals in a store; clones are the same.
#[derive(Clone, Debug)]
pub struct Originals {
    storage: Storage,
}

/// What an upload brings.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The id that the client wants.
    pub id: Option<AssetId>,
    /// The bytes, in a file in [`Storage::spool`].
    pub spooled: PathBuf,
    /// Their version.
    pub version: OriginalVersion,
    /// Their length.
    pub length_bytes: u64,
    /// Their media type.
    pub media_type: String,
    /// What a browser saves it as.
    pub filename: String,
    /// A name for people.
    pub title: String,
}

/// Why an original could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum OriginalsError {
    /// The id is taken.
    #[error("original {0} exists already")]
    Duplicate(AssetId),
    /// Others change it all the time.
    #[error("original {0} is being changed by others")]
    Changing(AssetId),
    /// There is none.
    #[error("there is no original {0}")]
    Missing(AssetId),
    /// The store.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What a description object says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Record {
    Original(Original),
    Tombstone { deleted_unix: u64 },
}

/// The description object of an id, as it was read.
enum Found {
    Nothing,
    Tombstone(Tag),
    Original(Original, Tag),
    /// Put there by another tool, without a description.
    Foreign(Original),
}

impl Originals {
    /// The originals in `storage`.
    pub fn new(storage: Storage) -> Self {
        Self { storage }
    }

    /// What is known of an original.
    pub async fn describe(&self, id: AssetId) -> Result<Option<Original>, OriginalsError> {
        match self.find(id).await? {
            Found::Original(original, _) | Found::Foreign(original) => Ok(Some(original)),
            Found::Nothing | Found::Tombstone(_) => Ok(None),
        }
    }

    /// Opens an original's bytes; `None`: it has been replaced or deleted meanwhile.
    pub async fn open(
        &self,
        original: &Original,
        range: Option<Range<u64>>,
    ) -> Result<Option<Object>, OriginalsError> {
        let object = self.storage.get(&original.object, range).await?;
        let foreign = original.object == foreign(original.id);
        // Another tool may have replaced its object in place.
        let current = |object: &Object| {
            !foreign || OriginalVersion::of_store_tag(object.head.tag.as_str()) == original.version
        };
        Ok(object.filter(current))
    }

    /// Makes a new original of an upload.
    pub async fn create(&self, upload: Upload) -> Result<Original, OriginalsError> {
        let id = upload.id.unwrap_or_else(AssetId::random);
        let condition = match self.find(id).await? {
            Found::Nothing => Condition::IfAbsent,
            Found::Tombstone(tag) => Condition::IfTag(tag),
            Found::Original(..) | Found::Foreign(_) => return Err(OriginalsError::Duplicate(id)),
        };
        let original = self.put_bytes(id, upload, None).await?;
        match self
            .swap(id, &Record::Original(original.clone()), condition)
            .await
        {
            Ok(()) => Ok(original),
            Err(error) => {
                self.storage.delete(&original.object).await?;
                Err(match error {
                    StorageError::Conflict { .. } => OriginalsError::Duplicate(id),
                    error => error.into(),
                })
            }
        }
    }

    /// Gives an original other bytes. Its names stay, unless the upload brings a file name.
    pub async fn replace(&self, id: AssetId, upload: Upload) -> Result<Original, OriginalsError> {
        let before = self
            .describe(id)
            .await?
            .ok_or(OriginalsError::Missing(id))?;
        let uploaded = self.put_bytes(id, upload, Some(&before)).await?;
        let replaced = self
            .change(id, |old| Original {
                title: old.title.clone(),
                uploaded_unix: old.uploaded_unix,
                ..uploaded.clone()
            })
            .await;
        match replaced {
            Ok((old, new)) => {
                self.remove_bytes_of(&old).await;
                if old.version != new.version {
                    self.remove_variants(&format!("{}{}/", variants_of(id), old.version))
                        .await;
                }
                Ok(new)
            }
            Err(error) => {
                self.storage.delete(&uploaded.object).await?;
                Err(error)
            }
        }
    }

    /// Changes what is known of an original, but not its bytes.
    pub async fn amend(
        &self,
        id: AssetId,
        change: impl Fn(&mut Original),
    ) -> Result<Original, OriginalsError> {
        let amended = |old: &Original| {
            let mut new = old.clone();
            change(&mut new);
            new
        };
        Ok(self.change(id, amended).await?.1)
    }

    /// Deletes an original and its variants. False: there was none.
    pub async fn delete(&self, id: AssetId) -> Result<bool, OriginalsError> {
        for _ in 0..TRIES {
            let (old, condition) = match self.find(id).await? {
                Found::Nothing | Found::Tombstone(_) => return Ok(false),
                Found::Original(old, tag) => (old, Condition::IfTag(tag)),
                Found::Foreign(old) => (old, Condition::IfAbsent),
            };
            let tombstone = Record::Tombstone {
                deleted_unix: now_unix(),
            };
            match self.swap(id, &tombstone, condition).await {
                Ok(()) => {
                    self.storage.delete(&old.object).await?;
                    self.storage.delete_all(&variants_of(id)).await?;
                    return Ok(true);
                }
                Err(StorageError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(OriginalsError::Changing(id))
    }

    /// Swaps the description for what `change` makes of it; gives the old and the new one.
    async fn change(
        &self,
        id: AssetId,
        change: impl Fn(&Original) -> Original,
    ) -> Result<(Original, Original), OriginalsError> {
        for _ in 0..TRIES {
            let (old, condition) = match self.find(id).await? {
                Found::Nothing | Found::Tombstone(_) => return Err(OriginalsError::Missing(id)),
                Found::Original(old, tag) => (old, Condition::IfTag(tag)),
                Found::Foreign(old) => (old, Condition::IfAbsent),
            };
            let new = change(&old);
            match self
                .swap(id, &Record::Original(new.clone()), condition)
                .await
            {
                Ok(()) => return Ok((old, new)),
                Err(StorageError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(OriginalsError::Changing(id))
    }

    async fn find(&self, id: AssetId) -> Result<Found, OriginalsError> {
        let object = description(id);
        let Some(found) = self.storage.get(&object, None).await? else {
            return self.find_foreign(id).await;
        };
        let tag = found.head.tag.clone();
        let bytes = found.bytes(DESCRIPTION_BYTES).await?;
        match serde_json::from_slice(&bytes) {
            Ok(Record::Original(original)) => Ok(Found::Original(original, tag)),
            Ok(Record::Tombstone { .. }) => Ok(Found::Tombstone(tag)),
            Err(error) => {
                let cause = format!("not a description: {error}");
                Err(StorageError::Misconfigured {
                    operation: "read",
                    object,
                    cause,
                }
                .into())
            }
        }
    }

    async fn find_foreign(&self, id: AssetId) -> Result<Found, OriginalsError> {
        let object = foreign(id);
        let Some(head) = self.storage.head(&object).await? else {
            return Ok(Found::Nothing);
        };
        let sample = SAMPLE_BYTES as u64;
        let first = match head.length_bytes {
            0 => Bytes::new(),
            length => match self
                .storage
                .get(&object, Some(0..length.min(sample)))
                .await?
            {
                Some(object) => object.bytes(sample).await?,
                None => return Ok(Found::Nothing),
            },
        };
        let modified_unix = head
            .modified
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        Ok(Found::Foreign(Original {
            id,
            version: OriginalVersion::of_store_tag(head.tag.as_str()),
            object,
            media_type: sniff(&first),
            filename: id.to_string(),
            title: String::new(),
            length_bytes: head.length_bytes,
            uploaded_unix: modified_unix,
            modified_unix,
        }))
    }

    async fn put_bytes(
        &self,
        id: AssetId,
        upload: Upload,
        before: Option<&Original>,
    ) -> Result<Original, OriginalsError> {
        let object = format!("originals/{id}.{}", Uuid::new_v4().simple());
        let source = Source::File(upload.spooled);
        self.storage
            .put(&object, source, &upload.media_type, Condition::Always)
            .await?;
        let now = now_unix();
        // HTTP dates count in seconds: a replacement in the same second is still newer.
        let modified_unix = before.map_or(now, |before| now.max(before.modified_unix + 1));
        Ok(Original {
            id,
            version: upload.version,
            object,
            media_type: upload.media_type,
            filename: upload.filename,
            title: upload.title,
            length_bytes: upload.length_bytes,
            uploaded_unix: now,
            modified_unix,
        })
    }

    async fn swap(
        &self,
        id: AssetId,
        record: &Record,
        condition: Condition,
    ) -> Result<(), StorageError> {
        let object = description(id);
        let body = serde_json::to_vec(record).map_err(|error| StorageError::Misconfigured {
            operation: "write",
            object: object.clone(),
            cause: error.to_string(),
        })?;
        self.storage
            .put(
                &object,
                Source::Bytes(body.into()),
                DESCRIPTION_TYPE,
                condition,
            )
            .await
            .map(|_| ())
    }

    /// What is left over costs room, nothing else: the change itself has been made.
    async fn remove_bytes_of(&self, old: &Original) {
        if let Err(error) = self.storage.delete(&old.object).await {
            tracing::warn!(%error, object = old.object, "replaced bytes are left over");
        }
    }

    async fn remove_variants(&self, folder: &str) {
        if let Err(error) = self.storage.delete_all(folder).await {
            tracing::warn!(%error, folder, "variants of replaced bytes are left over");
        }
    }
}

fn description(id: AssetId) -> String {
    format!("originals/{id}.json")
}

/// Where other tools put originals.
fn foreign(id: AssetId) -> String {
    format!("originals/{id}")
}

fn now_unix() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
