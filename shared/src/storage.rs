//! The blob store: whole objects under names, in a folder or in S3. Knows nothing of what the
//! objects are.
//!
//! An object appears whole or not at all, and is replaced, never changed: who reads the old
//! one reads it to its end or gets an error.

mod body;
mod error;
mod files;
mod location;
mod pages;
mod s3;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::settings::FilesMode;
use crate::variant::VARIANTS;

pub use body::{Body, Object};
pub use error::{Cause, Operation, StorageError};
pub use files::Files;
pub use location::{Location, NotALocation};
pub use pages::{Folders, Listed, Listing, Pages};
pub use s3::S3;

/// A store of objects. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Storage {
    /// A folder, possibly shared by several processes.
    Files(Files),
    /// A bucket of Amazon S3 or a server that speaks its protocol.
    S3(S3),
}

/// How to reach S3. Credentials, region and profile come from the usual `AWS_*` variables.
#[derive(Clone, Debug)]
pub struct S3Options {
    /// The server, for example `http://127.0.0.1:9000`; Amazon's when `None`.
    pub endpoint: Option<String>,
    /// How long one connection may take.
    pub connect_timeout: Duration,
    /// How long one try may take until its answer begins.
    pub attempt_timeout: Duration,
    /// How long all tries together may take.
    pub operation_timeout: Duration,
}

/// What is put into the store.
#[derive(Clone, Debug)]
pub enum Source {
    /// These bytes.
    Bytes(Bytes),
    /// A file's bytes. The file is gone afterwards, whether or not the put succeeds;
    /// one in [`Storage::spool`] is moved, not copied.
    File(PathBuf),
}

/// When a put may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// In any case.
    Always,
    /// If there is no such object.
    IfAbsent,
    /// If the object is the one that had this tag.
    IfTag(Tag),
}

/// Tells one put of an object from the next; only good for comparing.
///
/// In S3 it is the `ETag`: two puts of the same bytes may have the same tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tag(String);

impl Tag {
    /// The store's own text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the store knows of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its length.
    pub length_bytes: u64,
    /// When it was put there.
    pub modified: SystemTime,
    /// Changes with each put.
    pub tag: Tag,
}

impl Storage {
    /// The store at `location`. A folder is made if it is missing, and `files` says for whom; S3 is not
    /// asked yet.
    pub async fn open(
        location: &Location,
        s3: &S3Options,
        files: FilesMode,
    ) -> Result<Self, StorageError> {
        match location {
            Location::Files(root) => Ok(Self::Files(Files::open(root, files).await?)),
            Location::S3 { bucket, prefix } => Ok(Self::S3(S3::open(bucket, prefix, s3).await)),
        }
    }

    /// Writes an object, whole or not at all. `media_type` is kept where the store has a
    /// place for it.
    pub async fn put(
        &self,
        object: &str,
        source: Source,
        media_type: &str,
        condition: Condition,
    ) -> Result<Tag, StorageError> {
        let _spooled = match &source {
            Source::Bytes(_) => None,
            Source::File(path) => Some(Spooled::new(path)),
        };
        location::check_name(object)?;
        // The requests of the SDK are large futures: they are boxed here, once for all callers.
        match self {
            Self::Files(files) => files.put(object, source, condition).await,
            Self::S3(s3) => Box::pin(s3.put(object, source, media_type, condition)).await,
        }
    }

    /// What the store knows of an object.
    pub async fn head(&self, object: &str) -> Result<Option<Head>, StorageError> {
        location::check_name(object)?;
        match self {
            Self::Files(files) => files.head(object).await,
            Self::S3(s3) => Box::pin(s3.head(object)).await,
        }
    }

    /// Reads an object, or the part of `range` that it has; a range behind its end gives an
    /// empty body.
    pub async fn get(
        &self,
        object: &str,
        range: Option<Range<u64>>,
    ) -> Result<Option<Object>, StorageError> {
        location::check_name(object)?;
        if range.as_ref().is_some_and(Range::is_empty) {
            return Ok(self.head(object).await?.map(|head| Object {
                head,
                body: Body::empty(object),
            }));
        }
        match self {
            Self::Files(files) => files.get(object, range).await,
            Self::S3(s3) => Box::pin(s3.get(object, range)).await,
        }
    }

    /// Removes an object, if it is there.
    pub async fn delete(&self, object: &str) -> Result<(), StorageError> {
        location::check_name(object)?;
        match self {
            Self::Files(files) => files.delete(object, None).await,
            Self::S3(s3) => Box::pin(s3.delete(object)).await,
        }
    }

    /// Removes a marker that has no further use if it is still the object with this tag.
    /// S3 keeps it: not every server knows conditional deletes, and one that ignores the
    /// condition would remove what somebody else has just put there.
    pub(crate) async fn forget(&self, object: &str, tag: Tag) -> Result<(), StorageError> {
        location::check_name(object)?;
        match self {
            Self::Files(files) => files.delete(object, Some(tag)).await,
            Self::S3(_) => Ok(()),
        }
    }

    /// Removes every object below `prefix`, which ends with `/`. What is put there
    /// meanwhile may stay.
    pub async fn delete_all(&self, prefix: &str) -> Result<(), StorageError> {
        location::check_prefix(prefix)?;
        match self {
            Self::Files(files) => files.delete_all(prefix).await,
            Self::S3(s3) => Box::pin(s3.delete_all(prefix)).await,
        }
    }

    /// Gives an object the present time, if it is there, without reading it. It may get another
    /// tag, so this is for objects that nobody puts on condition. `media_type` is kept where the
    /// store has a place for it.
    pub async fn renew(&self, object: &str, media_type: &str) -> Result<(), StorageError> {
        location::check_name(object)?;
        match self {
            Self::Files(files) => files.renew(object).await,
            Self::S3(s3) => Box::pin(s3.renew(object, media_type)).await,
        }
    }

    /// Finds out whether the store answers, and accepts this process: asks for some of the variants.
    pub async fn check(&self) -> Result<(), StorageError> {
        self.list(VARIANTS).next().await.map(drop)
    }

    /// Every object below `prefix`, which ends with `/`. What other tools have put there under
    /// names that are none here is left out.
    pub fn list(&self, prefix: &str) -> Listing {
        if let Err(error) = location::check_prefix(prefix) {
            return Listing::failed(error);
        }
        match self {
            Self::Files(files) => files.list(prefix),
            Self::S3(s3) => s3.list(prefix),
        }
    }

    /// The names of the folders directly below `prefix`, which ends with `/`, that begin with
    /// `begins`, which may be empty.
    pub fn folders(&self, prefix: &str, begins: &str) -> Folders {
        let checked = location::check_prefix(prefix).and_then(|()| match begins {
            "" => Ok(()),
            begins => location::check_name(&format!("{prefix}{begins}")),
        });
        if let Err(error) = checked {
            return Folders::failed(error);
        }
        match self {
            Self::Files(files) => files.folders(prefix, begins),
            Self::S3(s3) => s3.folders(prefix, begins),
        }
    }

    /// The folder where uploads are collected before [`Storage::put`] takes them.
    pub fn spool(&self) -> PathBuf {
        match self {
            Self::Files(files) => files.spool(),
            Self::S3(_) => std::env::temp_dir(),
        }
    }
}

/// Removes a spooled file when dropped, unless it has been moved away.
pub(crate) struct Spooled(PathBuf);

impl Spooled {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(path = %self.0.display(), %error, "a spooled file stays behind");
            }
            _ => {}
        }
    }
}
