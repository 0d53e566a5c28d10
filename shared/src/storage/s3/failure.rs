//! What an answer of S3 other than success means.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use crate::storage::{Operation, StorageError};

/// What came instead of success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// There is no such object.
    Absent,
    /// The condition of a put does not hold, or cannot be known to hold.
    ConditionFailed,
    /// No byte of the object lies in the range.
    RangeBehindEnd,
    /// No other try will help.
    Refused,
    /// No answer, or one that may change.
    Unavailable,
}

pub(super) fn answer<E>(error: &SdkError<E, HttpResponse>) -> Answer
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ConstructionFailure(_) => Answer::Refused,
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            of_status(status, answer.err().code().unwrap_or_default())
        }
        error if has_no_credentials(error) => Answer::Refused,
        // Timeouts, broken connections and damaged answers.
        _ => Answer::Unavailable,
    }
}

/// No source of credentials is set up, while one that does not answer may do so later.
fn has_no_credentials(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source())
        .filter_map(|error| error.downcast_ref())
        .any(|error| matches!(error, CredentialsError::CredentialsNotLoaded(_)))
}

fn of_status(status: u16, code: &str) -> Answer {
    match (status, code) {
        (404, "NoSuchBucket") => Answer::Refused,
        (404, _) => Answer::Absent,
        (409 | 412, _) => Answer::ConditionFailed,
        (416, _) => Answer::RangeBehindEnd,
        (408 | 429, _) | (400, "RequestTimeout") => Answer::Unavailable,
        (300..=499, _) => Answer::Refused,
        _ => Answer::Unavailable,
    }
}

pub(super) fn failed<E>(
    operation: Operation,
    object: &str,
    error: SdkError<E, HttpResponse>,
) -> StorageError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match answer(&error) {
        Answer::Refused | Answer::Absent => operation.misconfigured(object, error),
        Answer::ConditionFailed | Answer::RangeBehindEnd | Answer::Unavailable => {
            if error
                .raw_response()
                .is_some_and(|r| r.status().as_u16() == 507)
            {
                return StorageError::Full {
                    object: object.to_owned(),
                    source: error.into(),
                };
            }
            operation.unavailable(object, error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_the_caller_can_do() {
        let table = [
            (404, "NoSuchKey", Answer::Absent),
            (404, "", Answer::Absent),
            (404, "NoSuchBucket", Answer::Refused),
            (403, "InvalidAccessKeyId", Answer::Refused),
            (400, "ExpiredToken", Answer::Refused),
            (400, "RequestTimeout", Answer::Unavailable),
            (301, "PermanentRedirect", Answer::Refused),
            (412, "PreconditionFailed", Answer::ConditionFailed),
            (409, "ConditionalRequestConflict", Answer::ConditionFailed),
            (416, "InvalidRange", Answer::RangeBehindEnd),
            (429, "", Answer::Unavailable),
            (503, "SlowDown", Answer::Unavailable),
        ];
        for (status, code, expected) in table {
            assert_eq!(of_status(status, code), expected, "{status} {code}");
        }
    }
}
