//! How an operation of the store can fail, told apart by what the caller can do about it.

use std::error::Error;
use std::{fmt, io};

/// What went wrong underneath.
pub type Cause = Box<dyn Error + Send + Sync>;

/// An operation of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The condition of a put does not hold: look again and decide anew.
    #[error("put {object}: the object is not in the expected state")]
    Conflict {
        /// The object.
        object: String,
    },
    /// There is no room: an operator has to make some.
    #[error("put {object}: the store is full")]
    Full {
        /// The object.
        object: String,
        /// What the system said.
        source: Cause,
    },
    /// The object is longer than the caller accepts.
    #[error("get {object}: longer than {limit_bytes} bytes")]
    TooLarge {
        /// The object.
        object: String,
        /// What the caller accepts.
        limit_bytes: u64,
    },
    /// The store did not answer, or not in time: try again later. A put or delete may
    /// nevertheless have happened.
    #[error("{operation} {object}: the store is unavailable")]
    Unavailable {
        /// What was tried.
        operation: Operation,
        /// The object.
        object: String,
        /// What the system said.
        source: Cause,
    },
    /// The store refuses: an operator has to correct its address, bucket or permissions.
    #[error("{operation} {object}: the store refuses (check its address, bucket and permissions)")]
    Misconfigured {
        /// What was tried.
        operation: Operation,
        /// The object.
        object: String,
        /// What the system said.
        source: Cause,
    },
    /// The text names no object: relative, segments of `A-Z a-z 0-9 . _ -`, no `..`.
    #[error("{object:?} cannot be the name of an object")]
    BadName {
        /// The text.
        object: String,
    },
}

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Opening the store.
    Open,
    /// Writing an object.
    Put,
    /// Asking for an object's length, time and tag.
    Head,
    /// Reading an object.
    Get,
    /// Removing one object or many.
    Delete,
    /// Giving an object the present time.
    Renew,
    /// Asking which objects or folders there are.
    List,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Put => "put",
            Self::Head => "head",
            Self::Get => "get",
            Self::Delete => "delete",
            Self::Renew => "renew",
            Self::List => "list",
        })
    }
}

impl Operation {
    pub(super) fn unavailable(self, object: &str, source: impl Into<Cause>) -> StorageError {
        StorageError::Unavailable {
            operation: self,
            object: object.to_owned(),
            source: source.into(),
        }
    }

    pub(super) fn misconfigured(self, object: &str, source: impl Into<Cause>) -> StorageError {
        StorageError::Misconfigured {
            operation: self,
            object: object.to_owned(),
            source: source.into(),
        }
    }

    /// What an error of the file system means.
    pub fn failed(self, object: &str, error: io::Error) -> StorageError {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::StorageFull | Kind::QuotaExceeded => StorageError::Full {
                object: object.to_owned(),
                source: error.into(),
            },
            Kind::PermissionDenied
            | Kind::ReadOnlyFilesystem
            | Kind::AlreadyExists
            | Kind::NotADirectory
            | Kind::IsADirectory
            | Kind::InvalidFilename => self.misconfigured(object, error),
            _ => self.unavailable(object, error),
        }
    }
}
