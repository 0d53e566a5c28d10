//! Where a store is, as text in a setting, and what may name an object in it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::StorageError;

/// Where a store is: `file:./data` or `s3://bucket/prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder.
    Files(PathBuf),
    /// A bucket, and what all names in it begin with.
    S3 {
        /// The bucket.
        bucket: String,
        /// Begins every key, without slashes at its ends; may be empty.
        prefix: String,
    },
}

/// The text names no store.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a store is a folder, file:./data, or a bucket, s3://bucket/prefix")]
pub struct NotALocation;

impl FromStr for Location {
    type Err = NotALocation;

    fn from_str(text: &str) -> Result<Self, NotALocation> {
        if let Some(path) = text.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() {
                Err(NotALocation)
            } else {
                Ok(Self::Files(PathBuf::from(path)))
            };
        }
        let rest = text.strip_prefix("s3://").ok_or(NotALocation)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/');
        if is_segment(bucket) && (prefix.is_empty() || prefix.split('/').all(is_segment)) {
            Ok(Self::S3 {
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
            })
        } else {
            Err(NotALocation)
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Files(path) => write!(f, "file:{}", path.display()),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// Refuses what could name something outside the store, or the store's own files.
pub(super) fn check_name(object: &str) -> Result<(), StorageError> {
    let own = matches!(object.split('/').next(), Some("tmp" | "lock"));
    if !own && object.split('/').all(is_segment) {
        Ok(())
    } else {
        Err(StorageError::BadName {
            object: object.to_owned(),
        })
    }
}

/// Refuses what is no folder of objects: a name with `/` at its end.
pub(super) fn check_prefix(prefix: &str) -> Result<(), StorageError> {
    let folder = prefix
        .strip_suffix('/')
        .ok_or_else(|| StorageError::BadName {
            object: prefix.to_owned(),
        })?;
    check_name(folder)
}

/// Can this be what stands between two slashes of a name?
pub(super) fn is_segment(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    !text.is_empty() && text != "." && !text.contains("..") && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_read_and_written() {
        let table = [
            ("file:./data", "file:./data"),
            ("file:/var/lib/thumbmill", "file:/var/lib/thumbmill"),
            ("file:///var/lib/thumbmill", "file:/var/lib/thumbmill"),
            ("s3://pictures", "s3://pictures"),
            ("s3://pictures/", "s3://pictures"),
            ("s3://pictures/a/b/", "s3://pictures/a/b"),
        ];
        for (text, canonical) in table {
            let location: Location = text.parse().unwrap();
            assert_eq!(location.to_string(), canonical, "{text}");
        }
        for bad in [
            "",
            "data",
            "./data",
            "file:",
            "s3://",
            "s3:///x",
            "s3://b/a//b",
            "s3://b/../c",
            "gs://bucket",
        ] {
            assert_eq!(bad.parse::<Location>(), Err(NotALocation), "{bad}");
        }
    }

    #[test]
    fn a_name_cannot_leave_the_store() {
        for good in ["a", "originals/x", "variants/a/b/c.webp", "a/.b", "tmpfile"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/..", "a/./b", "a b", "a\\b",
            "a\0", "ä", "tmp/x", "lock", "a..b",
        ] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        assert!(check_prefix("variants/a/").is_ok());
        for bad in ["", "/", "variants/a", "variants//", "../", "tmp/"] {
            assert!(check_prefix(bad).is_err(), "{bad:?}");
        }
    }
}
