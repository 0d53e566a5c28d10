//! The originals in the store: their bytes, what is known of them, and how both change together.
//!
//! What comes through the api lies below `uploads/<id>/`: bytes under a new random name for
//! every upload, and `description.json`, whose change is the commit. Bytes are never written
//! twice, so who reads by an old description gets the old bytes or none, never a mixture.
//! What other tools put at `originals/<id>` is an original, too; it is described from its bytes.

mod description;
mod every;
mod swap;

use std::ops::Range;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::asset::{Access, AssetId, Filename, Original, OriginalVersion, Title};
use crate::storage::{Condition, Object, Source, Spooled, Storage, StorageError};
use crate::variant::{variants_of, variants_of_version};
use description::{Current, State, description_object, foreign_object};

pub use every::Every;

/// The originals of one store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Originals {
    storage: Storage,
}

/// A file that has been uploaded and is to become an original.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The new original's name; a random one when `None`. A replacement does not look at it.
    pub id: Option<AssetId>,
    /// The bytes, in [`Storage::spool`]. The file is gone afterwards in any case.
    pub spooled: PathBuf,
    /// Made of the SHA-256 of the bytes.
    pub version: OriginalVersion,
    /// The bytes' number.
    pub length_bytes: u64,
    /// Found from the bytes.
    pub media_type: String,
    /// What a browser saves it as.
    pub filename: Filename,
    /// A name for people.
    pub title: Title,
    /// Who may see it; `None` leaves it to the default, or as it was before a replacement.
    pub access: Option<Access>,
    /// What a cut keeps, in pixels from the left and the top of the upright picture.
    pub focal_point: (Option<u32>, Option<u32>),
}

/// An original could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum OriginalsError {
    /// There is an original of this name.
    #[error("there is an original {0} already")]
    Duplicate(AssetId),
    /// There is no original of this name.
    #[error("there is no original {0}")]
    Missing(AssetId),
    /// Others changed it again and again meanwhile: try again later.
    #[error("original {0} is changed by too many at the same time")]
    Contended(AssetId),
    /// Its description is not what this program writes: an operator has to look at it.
    #[error("{object} is no description of an original")]
    Damaged {
        /// The description.
        object: String,
        /// Where it cannot be read.
        source: serde_json::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl OriginalsError {
    /// May what failed with this have happened nevertheless?
    fn leaves_doubt(&self) -> bool {
        matches!(self, Self::Storage(StorageError::Unavailable { .. }))
    }
}

impl Originals {
    /// The originals in `storage`.
    pub fn new(storage: Storage) -> Self {
        Self { storage }
    }

    /// What is known of an original.
    pub async fn describe(&self, id: AssetId) -> Result<Option<Original>, OriginalsError> {
        Ok(self.current(id).await?.original)
    }

    /// The bytes that a description tells of; `None` when they have been replaced or deleted
    /// since, then it is to be described again.
    pub async fn open(
        &self,
        original: &Original,
        range: Option<Range<u64>>,
    ) -> Result<Option<Object>, StorageError> {
        let object = self.storage.get(&original.object, range).await?;
        let foreign = original.object == foreign_object(original.id);
        Ok(object.filter(|object| {
            !foreign || OriginalVersion::of_store_tag(object.head.tag.as_str()) == original.version
        }))
    }

    /// Makes an original of an upload.
    pub async fn create(&self, upload: Upload) -> Result<Original, OriginalsError> {
        let _spooled = Spooled::new(&upload.spooled);
        let id = upload.id.unwrap_or_else(AssetId::random);
        let may_exist = upload.id.is_some();
        if may_exist && self.describe(id).await?.is_some() {
            return Err(OriginalsError::Duplicate(id));
        }
        let object = self.put_bytes(id, &upload).await?;
        let now = unix(SystemTime::now());
        let created = upload.original(id, &object, now);
        let swapped = self
            .swap(id, |current| match current.original {
                None => Ok(State::Live(created.clone())),
                Some(_) => Err(OriginalsError::Duplicate(id)),
            })
            .await;
        let before = self.committed(&object, swapped).await?;
        // Whoever deleted it finds a description that does not say so any more.
        if let Some(State::Deleted { object }) = before.state()
            && *object != foreign_object(id)
        {
            self.remove(object).await;
        }
        Ok(created)
    }

    /// Gives an original other bytes, and the upload's filename and title. `told` tells others: it runs as soon as the
    /// change has happened, or may have happened, and before the old bytes and variants are removed.
    pub async fn replace(
        &self,
        id: AssetId,
        upload: Upload,
        told: impl Future<Output = ()> + Send,
    ) -> Result<Original, OriginalsError> {
        let _spooled = Spooled::new(&upload.spooled);
        if self.describe(id).await?.is_none() {
            return Err(OriginalsError::Missing(id));
        }
        let object = self.put_bytes(id, &upload).await?;
        let now = unix(SystemTime::now());
        let replacement = upload.original(id, &object, now);
        let successor = |old: &Original| Original {
            uploaded_unix: old.uploaded_unix,
            access: replacement.access.or(old.access),
            ..replacement.clone()
        };
        let swapped = self
            .swap(id, |current| match &current.original {
                Some(old) => Ok(State::Live(successor(old))),
                None => Err(OriginalsError::Missing(id)),
            })
            .await;
        let before = match self.committed(&object, swapped).await {
            Ok(before) => before,
            Err(error) => {
                if error.leaves_doubt() {
                    told.await;
                }
                return Err(error);
            }
        };
        told.await;
        let old = before.original.ok_or(OriginalsError::Missing(id))?;
        self.remove_replaced(&old, &replacement).await;
        Ok(successor(&old))
    }

    /// Changes an original's filename, title, access or focal point; `change` may be called more than once, and
    /// what else it changes is not kept.
    pub async fn amend(
        &self,
        id: AssetId,
        change: impl Fn(&mut Original),
    ) -> Result<Original, OriginalsError> {
        let now = unix(SystemTime::now());
        let amended = |old: &Original| {
            let mut changed = old.clone();
            change(&mut changed);
            Original {
                filename: changed.filename,
                title: changed.title,
                access: changed.access,
                focal_point_x: changed.focal_point_x,
                focal_point_y: changed.focal_point_y,
                modified_unix: now,
                ..old.clone()
            }
        };
        let before = self
            .swap(id, |current| match &current.original {
                Some(old) => Ok(State::Live(amended(old))),
                None => Err(OriginalsError::Missing(id)),
            })
            .await?;
        let old = before.original.ok_or(OriginalsError::Missing(id))?;
        Ok(amended(&old))
    }

    /// Removes an original and its variants. Says whether there was one. When it fails
    /// midway, the same call again does the rest. `told` tells others: it runs as soon as the original is
    /// gone, or may be gone, and before the rest is removed.
    pub async fn delete(
        &self,
        id: AssetId,
        told: impl Future<Output = ()> + Send,
    ) -> Result<bool, OriginalsError> {
        // First, since it would come to light again once the description is gone.
        let foreign = foreign_object(id);
        let mut existed = self.storage.head(&foreign).await?.is_some();
        if existed {
            self.storage.delete(&foreign).await?;
        }
        let mut swapped = self.mark_deleted(id).await;
        if matches!(
            swapped,
            Err(OriginalsError::Storage(StorageError::Full { .. }))
        ) {
            // To delete something is how one makes room.
            self.storage.delete_all(&variants_of(id)).await?;
            swapped = self.mark_deleted(id).await;
        }
        match swapped {
            Ok(_) => existed = true,
            Err(OriginalsError::Missing(_)) => {}
            Err(error) => {
                if existed || error.leaves_doubt() {
                    told.await;
                }
                return Err(error);
            }
        }
        told.await;
        self.remove_deleted(id).await?;
        self.storage.delete_all(&variants_of(id)).await?;
        Ok(existed)
    }

    async fn mark_deleted(&self, id: AssetId) -> Result<Current, OriginalsError> {
        let deleted = |current: &Current| match current.state() {
            Some(State::Live(old)) => Ok(State::Deleted {
                object: old.object.clone(),
            }),
            Some(State::Deleted { .. }) | None => Err(OriginalsError::Missing(id)),
        };
        self.swap(id, deleted).await
    }

    /// Removes an original's variants, which are made again when they are asked for. Says whether
    /// there is such an original.
    pub async fn delete_variants(&self, id: AssetId) -> Result<bool, OriginalsError> {
        let exists = self.describe(id).await?.is_some();
        self.storage.delete_all(&variants_of(id)).await?;
        Ok(exists)
    }

    /// Writes an upload's bytes under a name that nobody else uses.
    async fn put_bytes(&self, id: AssetId, upload: &Upload) -> Result<String, StorageError> {
        let object = format!("uploads/{id}/{}", Uuid::new_v4());
        let source = Source::File(upload.spooled.clone());
        let put = self
            .storage
            .put(&object, source, &upload.media_type, Condition::Always);
        match put.await {
            Ok(_) => Ok(object),
            Err(error) => {
                self.remove(&object).await;
                Err(error)
            }
        }
    }

    /// After a failed commit of `object` its bytes are removed, unless the commit may have
    /// happened nevertheless: then they stay, perhaps for nothing.
    async fn committed<T>(
        &self,
        object: &str,
        swapped: Result<T, OriginalsError>,
    ) -> Result<T, OriginalsError> {
        if let Err(error) = &swapped
            && !error.leaves_doubt()
        {
            self.remove(object).await;
        }
        swapped
    }

    /// Removes what can no longer be asked for. The replacement has happened, so a failure
    /// is only told to operators.
    async fn remove_replaced(&self, old: &Original, new: &Original) {
        if old.object != new.object {
            self.remove(&old.object).await;
        }
        if old.version != new.version {
            let variants = variants_of_version(old.id, &old.version);
            if let Err(error) = self.storage.delete_all(&variants).await {
                warn_of_leftover(&variants, &error);
            }
        }
    }

    async fn remove(&self, object: &str) {
        if let Err(error) = self.storage.delete(object).await {
            warn_of_leftover(object, &error);
        }
    }

    /// Removes the bytes that a deleted description named, then the description.
    async fn remove_deleted(&self, id: AssetId) -> Result<(), OriginalsError> {
        let Some((description, tag)) = self.described(id).await? else {
            return Ok(());
        };
        match description.state {
            State::Live(_) => Ok(()),
            State::Deleted { object } => {
                if object != foreign_object(id) {
                    self.storage.delete(&object).await?;
                }
                Ok(self.storage.forget(&description_object(id), tag).await?)
            }
        }
    }
}

impl Upload {
    fn original(&self, id: AssetId, object: &str, now_unix: u64) -> Original {
        Original {
            id,
            version: self.version.clone(),
            object: object.to_owned(),
            media_type: self.media_type.clone(),
            filename: self.filename.clone(),
            title: self.title.clone(),
            access: self.access,
            length_bytes: self.length_bytes,
            focal_point_x: self.focal_point.0,
            focal_point_y: self.focal_point.1,
            uploaded_unix: now_unix,
            modified_unix: now_unix,
        }
    }
}

fn unix(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn warn_of_leftover(object: &str, error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(
        object,
        error,
        "something that nobody needs stays in the store"
    );
}
