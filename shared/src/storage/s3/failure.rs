//! What an error of S3 means for the caller.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use crate::storage::StorageError;

/// An error of S3, sorted.
pub(super) enum Failure {
    /// There is no such object.
    Missing,
    /// Anything else.
    Other(StorageError),
}

impl Failure {
    /// For operations to which an absent object is an answer.
    pub(super) fn or_absent<T>(self) -> Result<Option<T>, StorageError> {
        match self {
            Self::Missing => Ok(None),
            Self::Other(error) => Err(error),
        }
    }
}

/// Sorts an error by its code and its status.
pub(super) fn classify<E>(
    operation: &'static str,
    object: &str,
    error: &SdkError<E, HttpResponse>,
) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error
        .raw_response()
        .map_or(0, |response| response.status().as_u16());
    let code = error.code().unwrap_or_default();
    let (object, cause) = (object.to_owned(), DisplayErrorContext(error).to_string());
    match (status, code) {
        (_, "NoSuchBucket" | "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "AccessDenied")
        | (400 | 401 | 403, _) => Failure::Other(StorageError::Misconfigured {
            operation,
            object,
            cause,
        }),
        (404, _) => Failure::Missing,
        (409 | 412, _) => Failure::Other(StorageError::Conflict { object }),
        (507, _) => Failure::Other(StorageError::Full { object }),
        _ => Failure::Other(StorageError::Unavailable {
            operation,
            object,
            cause,
        }),
    }
}
