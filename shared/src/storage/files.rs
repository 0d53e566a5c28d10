//! The store in a folder. An object is written under a temporary name, made durable, and then
//! renamed; conditions are checked under a lock on a file, so that processes agree.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::TempPath;
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};
use tokio_util::io::ReaderStream;

use super::{Condition, Head, Object, Source, StorageError, Tag, body};

/// Temporary files of processes that died are removed at the next start after this.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3600);
const CHUNK_BYTES: usize = 64 * 1024;

/// A folder; clones are the same.
#[derive(Clone, Debug)]
pub struct Files {
    root: Arc<Path>,
}

/// Runs what blocks on a thread that may.
async fn blocking<T: Send + 'static>(
    operation: &'static str,
    object: &str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StorageError> {
    let done = tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|panic| Err(io::Error::other(panic)));
    done.map_err(|error| classify(operation, object, &error))
}

fn classify(operation: &'static str, object: &str, error: &io::Error) -> StorageError {
    let (object, cause) = (object.to_owned(), error.to_string());
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StorageError::Full { object },
        // Only the check of a condition says so here.
        ErrorKind::AlreadyExists => StorageError::Conflict { object },
        ErrorKind::PermissionDenied | ErrorKind::NotADirectory | ErrorKind::ReadOnlyFilesystem => {
            StorageError::Misconfigured {
                operation,
                object,
                cause,
            }
        }
        _ => StorageError::Unavailable {
            operation,
            object,
            cause,
        },
    }
}

impl Files {
    pub(super) async fn open(root: &Path) -> Result<Self, StorageError> {
        let files = Self {
            root: Arc::from(root),
        };
        let spool = files.spool();
        blocking("open", &root.display().to_string(), move || {
            fs::create_dir_all(&spool)?;
            remove_abandoned(&spool)
        })
        .await?;
        Ok(files)
    }

    pub(super) fn spool(&self) -> PathBuf {
        self.root.join("tmp")
    }

    fn path(&self, object: &str) -> PathBuf {
        self.root.join(object)
    }

    pub(super) async fn put(
        &self,
        object: &str,
        source: Source,
        condition: Condition,
    ) -> Result<Tag, StorageError> {
        let (path, spool, lock) = (self.path(object), self.spool(), self.root.join("lock"));
        blocking("put", object, move || {
            let temporary = durable(source, &spool)?;
            let tag = tag(&fs::metadata(&temporary)?);
            match condition {
                Condition::Always => rename(temporary, &path)?,
                Condition::IfAbsent | Condition::IfTag(_) => {
                    let lock = File::options()
                        .create(true)
                        .truncate(false)
                        .write(true)
                        .open(lock)?;
                    lock.lock()?;
                    let current =
                        present(fs::metadata(&path))?.map(|metadata| self::tag(&metadata));
                    let expected = match condition {
                        Condition::IfTag(tag) => Some(tag),
                        Condition::IfAbsent | Condition::Always => None,
                    };
                    if current != expected {
                        return Err(ErrorKind::AlreadyExists.into());
                    }
                    rename(temporary, &path)?;
                }
            }
            Ok(tag)
        })
        .await
    }

    pub(super) async fn head(&self, object: &str) -> Result<Option<Head>, StorageError> {
        let path = self.path(object);
        blocking("head", object, move || {
            let metadata = present(fs::metadata(path))?;
            metadata
                .filter(Metadata::is_file)
                .map(|metadata| head(&metadata))
                .transpose()
        })
        .await
    }

    pub(super) async fn get(
        &self,
        object: &str,
        range: Option<Range<u64>>,
    ) -> Result<Option<Object>, StorageError> {
        let path = self.path(object);
        let opened = blocking("get", object, move || {
            let Some(file) = present(File::open(path))? else {
                return Ok(None);
            };
            let metadata = file.metadata()?;
            if metadata.is_file() {
                Ok(Some((file, head(&metadata)?)))
            } else {
                Ok(None)
            }
        })
        .await?;
        let Some((file, head)) = opened else {
            return Ok(None);
        };
        let mut file = tokio::fs::File::from_std(file);
        let range = range.unwrap_or(0..head.length_bytes);
        let length = range.end.min(head.length_bytes).saturating_sub(range.start);
        let sought = file.seek(SeekFrom::Start(range.start)).await;
        sought.map_err(|error| classify("get", object, &error))?;
        let chunks = ReaderStream::with_capacity(file.take(length), CHUNK_BYTES);
        Ok(Some(Object {
            body: body::exactly(chunks, length, object.to_owned()),
            head,
            name: object.to_owned(),
        }))
    }

    pub(super) async fn delete(&self, object: &str) -> Result<(), StorageError> {
        let (path, root) = (self.path(object), Arc::clone(&self.root));
        blocking("delete", object, move || {
            present(fs::remove_file(&path))?;
            remove_empty_folders(&path, &root);
            Ok(())
        })
        .await
    }

    pub(super) async fn delete_all(&self, folder: &str) -> Result<(), StorageError> {
        let (path, root) = (self.path(folder), Arc::clone(&self.root));
        blocking("delete", folder, move || {
            present(fs::remove_dir_all(&path))?;
            remove_empty_folders(&path, &root);
            Ok(())
        })
        .await
    }
}

/// `None` for what is not there.
fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The source as a file that survives a crash, removed again unless it is renamed.
fn durable(source: Source, spool: &Path) -> io::Result<TempPath> {
    match source {
        Source::Bytes(bytes) => {
            let mut file = tempfile::Builder::new().prefix("put-").tempfile_in(spool)?;
            file.write_all(&bytes)?;
            file.as_file().sync_all()?;
            Ok(file.into_temp_path())
        }
        Source::File(path) => {
            File::open(&path)?.sync_all()?;
            TempPath::try_from_path(path)
        }
    }
}

/// Gives a finished file its name. Its folder may be removed by a deletion just before: then it
/// is made again.
fn rename(temporary: TempPath, path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut temporary = temporary;
    let mut tries = 0;
    loop {
        fs::create_dir_all(folder)?;
        match temporary.persist(path) {
            Ok(()) => break,
            Err(again) if again.error.kind() == ErrorKind::NotFound && tries < 10 => {
                temporary = again.path;
                tries += 1;
            }
            Err(failed) => return Err(failed.error),
        }
    }
    // The name is durable once its folder is.
    match File::open(folder) {
        Ok(folder) => folder.sync_all(),
        Err(_) => Ok(()),
    }
}

/// Up to the store's own folder; one that is not empty stays.
fn remove_empty_folders(path: &Path, root: &Path) {
    for folder in path
        .ancestors()
        .skip(1)
        .take_while(|folder| folder.parent().is_some_and(|up| up != root))
    {
        if !folder.starts_with(root) || fs::remove_dir(folder).is_err() {
            return;
        }
    }
}

fn remove_abandoned(spool: &Path) -> io::Result<()> {
    for entry in fs::read_dir(spool)? {
        let entry = entry?;
        let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
        let ours = |name: &OsStr| name.to_str().is_some_and(|name| name.contains('-'));
        if age > ABANDONED_AFTER && ours(&entry.file_name()) {
            present(fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}

fn head(metadata: &Metadata) -> io::Result<Head> {
    let modified: SystemTime = metadata.modified()?;
    Ok(Head {
        length_bytes: metadata.len(),
        modified,
        tag: tag(metadata),
    })
}

/// Every put makes a new file, so its number and its time are new.
fn tag(metadata: &Metadata) -> Tag {
    let (number, seconds, nanos) = (metadata.ino(), metadata.mtime(), metadata.mtime_nsec());
    Tag(format!(
        "{number:x}-{seconds:x}-{nanos:x}-{:x}",
        metadata.len()
    ))
}
