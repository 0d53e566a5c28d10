//! Objects as files below one folder, which several processes may share.
//!
//! `tmp/` holds what is being written; a rename makes it visible. `lock` orders conditional
//! puts: their check and rename happen under an exclusive lock, every other change under a
//! shared one. All work is blocking and runs on threads of its own.

mod folders;
mod permissions;
mod walk;

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream::try_unfold;
use futures_util::{StreamExt, TryStreamExt};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;
use uuid::Uuid;

use super::error::Cause;
use super::{
    Body, Condition, Folders, Head, Listing, Object, Operation, Pages, Source, Spooled,
    StorageError, Tag,
};
use crate::settings::FilesMode;
use permissions::Permissions;
use walk::Walk;

/// Read at once with opening; thumbnails are shorter and need no second visit to a thread.
const FIRST_CHUNK_BYTES: u64 = 256 * 1024;
const CHUNK_BYTES: usize = 128 * 1024;

/// A folder of objects.
#[derive(Clone, Debug)]
pub struct Files {
    root: Arc<Path>,
    permissions: Permissions,
}

enum Lock {
    Shared,
    Exclusive,
}

impl Files {
    pub(super) async fn open(root: &Path, mode: FilesMode) -> Result<Self, StorageError> {
        let shown = root.display().to_string();
        let root = root.to_owned();
        blocking(Operation::Open, &shown, move |shown| {
            let open = || -> io::Result<Self> {
                let root = std::path::absolute(&root)?;
                let permissions = Permissions::begin(mode, &root, &root.join("tmp"))?;
                let files = Self {
                    root: root.into(),
                    permissions,
                };
                let lock = files.lock(&Lock::Shared)?;
                files.permissions.keep_strangers_out(&lock, &files.root)?;
                drop(lock);
                folders::remove_stale(&files.spool());
                Ok(files)
            };
            open().map_err(|e| Operation::Open.failed(shown, e))
        })
        .await
    }

    pub(super) fn spool(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub(super) async fn put(
        &self,
        object: &str,
        source: Source,
        condition: Condition,
    ) -> Result<Tag, StorageError> {
        let files = self.clone();
        blocking(Operation::Put, object, move |object| {
            let failed = |e| Operation::Put.failed(object, e);
            let staged = files.temporary();
            let _spooled = Spooled::new(&staged);
            stage(source, &staged, files.permissions).map_err(failed)?;
            let tag = stamp(&staged).map_err(failed)?;
            if files.commit(&staged, object, &condition).map_err(failed)? {
                Ok(tag)
            } else {
                Err(StorageError::Conflict {
                    object: object.to_owned(),
                })
            }
        })
        .await
    }

    pub(super) async fn head(&self, object: &str) -> Result<Option<Head>, StorageError> {
        let files = self.clone();
        blocking(Operation::Head, object, move |object| {
            if_there(files.head_now(object)).map_err(|e| Operation::Head.failed(object, e))
        })
        .await
    }

    pub(super) async fn get(
        &self,
        object: &str,
        range: Option<Range<u64>>,
    ) -> Result<Option<Object>, StorageError> {
        let path = self.root.join(object);
        blocking(Operation::Get, object, move |object| {
            if_there(read(&path, object, range)).map_err(|e| Operation::Get.failed(object, e))
        })
        .await
    }

    /// Removes the object, or only the one with `tag`.
    pub(super) async fn delete(&self, object: &str, tag: Option<Tag>) -> Result<(), StorageError> {
        let files = self.clone();
        blocking(Operation::Delete, object, move |object| {
            let delete = || -> io::Result<Option<()>> {
                let lock = tag.as_ref().map_or(Lock::Shared, |_| Lock::Exclusive);
                let _lock = files.lock(&lock)?;
                let head = files.head_now(object)?;
                if tag.is_some() && tag != head.map(|head| head.tag) {
                    return Ok(None);
                }
                let path = files.root.join(object);
                fs::remove_file(&path)?;
                folders::remove_empty(&files.root, &path);
                Ok(Some(()))
            };
            if_there(delete()).map_err(|e| Operation::Delete.failed(object, e))?;
            Ok(())
        })
        .await
    }

    /// Moves the folder away, so that it is gone at once, and takes it apart there.
    pub(super) async fn delete_all(&self, prefix: &str) -> Result<(), StorageError> {
        let files = self.clone();
        blocking(Operation::Delete, prefix, move |prefix| {
            let delete = || -> io::Result<Option<()>> {
                let folder = files.root.join(prefix);
                let gone = files.temporary();
                {
                    let _lock = files.lock(&Lock::Shared)?;
                    fs::rename(&folder, &gone)?;
                    folders::remove_empty(&files.root, &folder);
                }
                fs::remove_dir_all(&gone)?;
                Ok(Some(()))
            };
            if_there(delete()).map_err(|e| Operation::Delete.failed(prefix, e))?;
            Ok(())
        })
        .await
    }

    pub(super) async fn renew(&self, object: &str) -> Result<(), StorageError> {
        let path = self.root.join(object);
        blocking(Operation::Renew, object, move |object| {
            let renew = || {
                File::options()
                    .write(true)
                    .open(&path)
                    .and_then(|file| touch(&file))
            };
            if_there(renew().map(Some)).map_err(|e| Operation::Renew.failed(object, e))?;
            Ok(())
        })
        .await
    }

    pub(super) fn list(&self, prefix: &str) -> Listing {
        self.walk(prefix, Walk::objects)
    }

    pub(super) fn folders(&self, prefix: &str, begins: &str) -> Folders {
        let begins = begins.to_owned();
        self.walk(prefix, move |walk| walk.folders(&begins))
    }

    fn walk<T: Send + 'static>(
        &self,
        prefix: &str,
        page: impl Fn(&mut Walk) -> io::Result<Vec<T>> + Send + Sync + 'static,
    ) -> Pages<T> {
        let (root, prefix, page) = (self.root.clone(), prefix.to_owned(), Arc::new(page));
        Pages::new(try_unfold(None, move |walk: Option<Walk>| {
            let (root, prefix, page) = (root.clone(), prefix.clone(), page.clone());
            async move {
                let next = move |prefix: &str| {
                    let mut walk = walk.map_or_else(|| Walk::begin(&root, prefix), Ok)?;
                    let page = page(&mut walk)?;
                    Ok((!page.is_empty()).then_some((page, Some(walk))))
                };
                blocking(Operation::List, &prefix, |prefix| {
                    next(prefix).map_err(|e| Operation::List.failed(prefix, e))
                })
                .await
            }
        }))
    }

    fn temporary(&self) -> PathBuf {
        self.spool().join(Uuid::new_v4().to_string())
    }

    /// Makes `staged` the object if the condition holds. A conditional put is a commit: it
    /// outlives a power cut, together with everything put into the same folder before.
    fn commit(&self, staged: &Path, object: &str, condition: &Condition) -> io::Result<bool> {
        let path = self.root.join(object);
        let expected = match condition {
            Condition::Always => {
                let _lock = self.lock(&Lock::Shared)?;
                folders::rename_into(staged, &path, self.permissions)?;
                return Ok(true);
            }
            Condition::IfAbsent => None,
            Condition::IfTag(tag) => Some(tag),
        };
        {
            let _lock = self.lock(&Lock::Exclusive)?;
            let head = if_there(self.head_now(object))?;
            if head.as_ref().map(|head| &head.tag) != expected {
                return Ok(false);
            }
            folders::rename_into(staged, &path, self.permissions)?;
        }
        folders::sync(&self.root, &path)?;
        Ok(true)
    }

    /// Held until dropped, also against other processes.
    fn lock(&self, lock: &Lock) -> io::Result<File> {
        let path = self.root.join("lock");
        let file = self.permissions.creating().read(true).open(path)?;
        match lock {
            Lock::Shared => file.lock_shared()?,
            Lock::Exclusive => file.lock()?,
        }
        Ok(file)
    }

    fn head_now(&self, object: &str) -> io::Result<Option<Head>> {
        let metadata = fs::metadata(self.root.join(object))?;
        metadata.is_file().then(|| head_of(&metadata)).transpose()
    }
}

/// Brings the bytes to `staged`, on the store's own file system.
fn stage(source: Source, staged: &Path, permissions: Permissions) -> io::Result<()> {
    match source {
        Source::Bytes(bytes) => permissions.creating().open(staged)?.write_all(&bytes),
        Source::File(path) => {
            match fs::rename(&path, staged) {
                Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                    let mut copy = permissions.creating().open(staged)?;
                    io::copy(&mut File::open(&path)?, &mut copy)?;
                }
                result => result?,
            }
            permissions.give(staged)
        }
    }
}

/// Gives the file a time that no other has, to the nanosecond: clocks of file systems tick in
/// milliseconds and inode numbers are used again, so that the tag would not always change.
fn stamp(staged: &Path) -> io::Result<Tag> {
    let file = File::options().write(true).open(staged)?;
    touch(&file)?;
    file.sync_all()?;
    Ok(tag_of(&file.metadata()?))
}

fn touch(file: &File) -> io::Result<()> {
    let salt = Duration::from_nanos(rand::random_range(0..1_000_000));
    file.set_modified(SystemTime::now() + salt)
}

fn head_of(metadata: &Metadata) -> io::Result<Head> {
    Ok(Head {
        length_bytes: metadata.len(),
        modified: metadata.modified()?,
        tag: tag_of(metadata),
    })
}

fn tag_of(metadata: &Metadata) -> Tag {
    let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
    Tag(format!(
        "{seconds}.{nanoseconds:09}-{}-{}",
        metadata.len(),
        metadata.ino()
    ))
}

fn read(path: &Path, object: &str, range: Option<Range<u64>>) -> io::Result<Option<Object>> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(None);
    }
    let head = head_of(&metadata)?;
    let range = range.unwrap_or(0..head.length_bytes);
    let start = range.start.min(head.length_bytes);
    let length_bytes = range.end.min(head.length_bytes).saturating_sub(start);
    file.seek(SeekFrom::Start(start))?;
    let mut first = Vec::new();
    Read::by_ref(&mut file)
        .take(length_bytes.min(FIRST_CHUNK_BYTES))
        .read_to_end(&mut first)?;
    // A cut file makes this too large, and the body an error.
    let rest_bytes = length_bytes.saturating_sub(FIRST_CHUNK_BYTES);
    let first = (!first.is_empty()).then(|| Ok(Bytes::from(first)));
    let rest = tokio::fs::File::from_std(file).take(rest_bytes);
    let rest = ReaderStream::with_capacity(rest, CHUNK_BYTES).map_err(Cause::from);
    let chunks = futures_util::stream::iter(first).chain(rest);
    let body = Body::new(object, length_bytes, chunks);
    Ok(Some(Object { head, body }))
}

/// `None` where there is no such file.
fn if_there<T>(result: io::Result<Option<T>>) -> io::Result<Option<T>> {
    match result {
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => Ok(None),
            _ => Err(error),
        },
        result => result,
    }
}

async fn blocking<T: Send + 'static>(
    operation: Operation,
    object: &str,
    work: impl FnOnce(&str) -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    let name = object.to_owned();
    match tokio::task::spawn_blocking(move || work(&name)).await {
        Ok(result) => result,
        Err(error) => Err(operation.unavailable(object, error)),
    }
}

#[cfg(test)]
mod tests;
