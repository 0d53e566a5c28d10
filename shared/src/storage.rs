//! Where originals and variants lie: a store of named objects. What it says is the truth.
//!
//! An object appears whole or not at all, and is never changed in place. Names are relative
//! paths of segments of letters, digits, `.`, `_` and `-`.

use std::ops::Range;
use std::path::PathBuf;
use std::pin::Pin;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};

mod body;
mod files;
mod s3;

pub use files::Files;
pub use s3::S3;

/// Where the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder.
    Files(PathBuf),
    /// A prefix in an S3 bucket; empty, or ending with `/`.
    S3 {
        /// The bucket.
        bucket: String,
        /// The prefix.
        prefix: String,
    },
}

impl FromStr for Location {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const FORMS: &str = "file:FOLDER or s3://BUCKET/PREFIX";
        if let Some(folder) = text.strip_prefix("file:") {
            return if folder.is_empty() {
                Err(FORMS)
            } else {
                Ok(Self::Files(folder.into()))
            };
        }
        let path = text.strip_prefix("s3://").ok_or(FORMS)?;
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        let prefix = prefix.trim_matches('/');
        if bucket.is_empty() || !(prefix.is_empty() || is_name(prefix)) {
            return Err(FORMS);
        }
        let prefix = if prefix.is_empty() {
            String::new()
        } else {
            format!("{prefix}/")
        };
        Ok(Self::S3 {
            bucket: bucket.to_owned(),
            prefix,
        })
    }
}

/// How S3 is reached.
#[derive(Clone, Debug)]
pub struct S3Options {
    /// The URL of a server that is not AWS.
    pub endpoint: Option<String>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long the server may take to answer one attempt.
    pub attempt_timeout: Duration,
    /// How long an operation may take with its retries.
    pub operation_timeout: Duration,
}

/// Why an operation on the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The condition of a put does not hold.
    #[error("{object} is not in the expected state")]
    Conflict {
        /// The object.
        object: String,
    },
    /// There is no room.
    #[error("no room for {object}")]
    Full {
        /// The object.
        object: String,
    },
    /// The object is longer than the caller can take.
    #[error("{object} has more than {limit_bytes} bytes")]
    TooLarge {
        /// The object.
        object: String,
        /// The most that was asked for.
        limit_bytes: u64,
    },
    /// The store does not answer, or not as it should; it may be well again later.
    #[error("{operation} {object}: {cause}")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// The object.
        object: String,
        /// Why it failed, with all causes.
        cause: String,
    },
    /// The store refuses, and will refuse again: credentials, bucket, folder or name are wrong.
    #[error("{operation} {object}: {cause}")]
    Misconfigured {
        /// What was tried.
        operation: &'static str,
        /// The object.
        object: String,
        /// Why it failed.
        cause: String,
    },
}

/// Tells one state of an object from another; it changes with every put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// The store's own text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is put.
#[derive(Clone, Debug)]
pub enum Source {
    /// These bytes.
    Bytes(Bytes),
    /// A file in [`Storage::spool`], which is moved or copied from there.
    File(PathBuf),
}

/// When a put may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Whatever is there.
    Always,
    /// Only if nothing is there.
    IfAbsent,
    /// Only if this state is there.
    IfTag(Tag),
}

/// What is known of an object without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its length.
    pub length_bytes: u64,
    /// When it was put.
    pub modified: SystemTime,
    /// Its state.
    pub tag: Tag,
}

/// The bytes of an object or a part of it, as they come. Ends with an error, never silently,
/// when fewer come than were announced.
pub type Body = Pin<Box<dyn Stream<Item = Result<Bytes, StorageError>> + Send>>;

/// An object that is being read.
pub struct Object {
    /// Of the whole object, also when a part is read.
    pub head: Head,
    /// The bytes that were asked for.
    pub body: Body,
    name: String,
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object")
            .field("name", &self.name)
            .field("head", &self.head)
            .finish_non_exhaustive()
    }
}

impl Object {
    /// All its bytes, if there are no more than `limit_bytes`.
    pub async fn bytes(mut self, limit_bytes: u64) -> Result<Bytes, StorageError> {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = self.body.next().await {
            bytes.extend_from_slice(&chunk?);
            if bytes.len() as u64 > limit_bytes {
                return Err(StorageError::TooLarge {
                    object: self.name,
                    limit_bytes,
                });
            }
        }
        Ok(bytes.freeze())
    }
}

/// The store; clones are the same store.
#[derive(Clone, Debug)]
pub enum Storage {
    /// A folder.
    Files(Files),
    /// An S3 bucket.
    S3(S3),
}

impl Storage {
    /// Opens the store. A folder is made if need be; S3 is not asked yet.
    pub async fn open(location: &Location, s3: &S3Options) -> Result<Self, StorageError> {
        match location {
            Location::Files(root) => Ok(Self::Files(Files::open(root).await?)),
            Location::S3 { bucket, prefix } => Ok(Self::S3(S3::open(bucket, prefix, s3).await)),
        }
    }

    /// Puts an object, whole or not at all, and gives its new state.
    pub async fn put(
        &self,
        object: &str,
        source: Source,
        media_type: &str,
        condition: Condition,
    ) -> Result<Tag, StorageError> {
        check("put", object)?;
        match self {
            Self::Files(files) => files.put(object, source, condition).await,
            Self::S3(s3) => s3.put(object, source, media_type, condition).await,
        }
    }

    /// What is known of an object; `None`: there is none.
    pub async fn head(&self, object: &str) -> Result<Option<Head>, StorageError> {
        check("head", object)?;
        match self {
            Self::Files(files) => files.head(object).await,
            Self::S3(s3) => s3.head(object).await,
        }
    }

    /// Reads an object, or the part of it that `range` names, which must not be empty nor begin
    /// behind its end; `None`: there is none.
    pub async fn get(
        &self,
        object: &str,
        range: Option<Range<u64>>,
    ) -> Result<Option<Object>, StorageError> {
        check("get", object)?;
        match self {
            Self::Files(files) => files.get(object, range).await,
            Self::S3(s3) => s3.get(object, range).await,
        }
    }

    /// Deletes an object; it need not be there.
    pub async fn delete(&self, object: &str) -> Result<(), StorageError> {
        check("delete", object)?;
        match self {
            Self::Files(files) => files.delete(object).await,
            Self::S3(s3) => s3.delete(object).await,
        }
    }

    /// Deletes everything whose name begins with `folder`, which ends with `/`.
    pub async fn delete_all(&self, folder: &str) -> Result<(), StorageError> {
        check("delete", folder.strip_suffix('/').unwrap_or_default())?;
        match self {
            Self::Files(files) => files.delete_all(folder).await,
            Self::S3(s3) => s3.delete_all(folder).await,
        }
    }

    /// The folder for files that are to be put.
    pub fn spool(&self) -> PathBuf {
        match self {
            Self::Files(files) => files.spool(),
            Self::S3(_) => std::env::temp_dir(),
        }
    }
}

fn check(operation: &'static str, object: &str) -> Result<(), StorageError> {
    if is_name(object) {
        return Ok(());
    }
    let cause = "not a name for an object".to_owned();
    Err(StorageError::Misconfigured {
        operation,
        object: object.to_owned(),
        cause,
    })
}

fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    text.split('/')
        .all(|segment| !matches!(segment, "" | "." | "..") && segment.bytes().all(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_read_as_documented() {
        let s3 = |bucket: &str, prefix: &str| Location::S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        };
        let table = [
            ("file:./data", Ok(Location::Files("./data".into()))),
            ("s3://thumbs", Ok(s3("thumbs", ""))),
            ("s3://thumbs/", Ok(s3("thumbs", ""))),
            ("s3://thumbs/a/b", Ok(s3("thumbs", "a/b/"))),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse(), expected, "{text}");
        }
        for bad in [
            "",
            "./data",
            "file:",
            "s3://",
            "s3:///x",
            "s3://b/../c",
            "http://x",
        ] {
            assert!(bad.parse::<Location>().is_err(), "{bad}");
        }
    }

    #[test]
    fn names_cannot_lead_out_of_the_store() {
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "a/../b",
            "a//b",
            "a/",
            "a\\b",
            "a\0b",
            "ä",
        ] {
            assert!(!is_name(bad), "{bad}");
        }
        assert!(is_name("variants/3f2b8c1e-0d4a/0123.webp"));
    }
}
