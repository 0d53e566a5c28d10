//! Every error that the api answers, in one list: status, stable code and text.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use thumbmill_shared::access::BadSignature;
use thumbmill_shared::asset::NotAnAssetId;
use thumbmill_shared::chain::chain;
use thumbmill_shared::metrics::REFUSED;
use thumbmill_shared::originals::OriginalsError;
use thumbmill_shared::outcome::{Failure, Reason};
use thumbmill_shared::preset::PresetError;
use thumbmill_shared::readiness::ReadinessError;
use thumbmill_shared::shown::shown;
use thumbmill_shared::storage::{Operation, StorageError};

use crate::access::Forbidden;
use crate::application::Away;
use crate::flight::Refusal;
use crate::limits::Limit;
use crate::query::QueryError;

/// Of a path that does not exist.
const PATH_CHARACTERS: usize = 100;

/// What a client is told when a request cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// No such route.
    #[error("Route {} doesn't exist.", shown(.0, PATH_CHARACTERS))]
    NoRoute(String),
    /// The route has other methods.
    #[error("This route does not have this method.")]
    NoMethod,
    /// No such original.
    #[error("There is no asset with this id.")]
    NoAsset,
    /// No such campaign.
    #[error("There is no campaign of this name.")]
    NoCampaign,
    /// The part of the failures is no number.
    #[error(
        "Invalid query. \"failures_from\" is a number that an earlier answer gave as \"failures_next\"."
    )]
    FailuresFrom,
    /// The ledger of campaigns does not answer.
    #[error("The ledger of campaigns is unavailable; try again.")]
    LedgerUnavailable(#[from] ReadinessError),
    /// The id in the path is no id.
    #[error("There is no asset with this id: {0}.")]
    NoAssetId(#[from] NotAnAssetId),
    /// The path is not text.
    #[error("{0}.")]
    BadPath(String),
    /// A parameter is wrong.
    #[error("Invalid query. {0}.")]
    Query(#[from] QueryError),
    /// A transform is unknown or not allowed.
    #[error("Invalid query. {0}.")]
    Preset(#[from] PresetError),
    /// The body of an upload is wrong.
    #[error("Invalid payload. {0}.")]
    Payload(String),
    /// The body is of a type that the route does not read.
    #[error("Send multipart/form-data with a file{0}.")]
    MediaType(&'static str),
    /// More was sent than a limit allows.
    #[error("{} may have {} bytes ({}); this request has more.", .0.of, .0.bytes, .0.setting)]
    TooLong(Limit),
    /// The head is longer than it may be.
    #[error("{} may have {} bytes ({}); this one has more.", .0.of, .0.bytes, .0.setting)]
    HeadTooLong(Limit),
    /// The body stopped coming.
    #[error("Nothing more of the body came for {0:?} (THUMBMILL_BODY_TIMEOUT).")]
    BodyStoodStill(Duration),
    /// The token is not known, or its time is over.
    #[error("The access token is not known here, or has expired.")]
    BadToken,
    /// The signature counts for nothing.
    #[error("{0}.")]
    BadSignature(#[from] BadSignature),
    /// The caller may not.
    #[error("{}", told(*.0))]
    Forbidden(Forbidden),
    /// A page of another site sends it.
    #[error(
        "This request comes from a page of another site. Send a token in an Authorization header if it shall."
    )]
    OtherSite,
    /// Nobody says whether the caller may.
    #[error("It cannot be found out at present whether you may see this file; try again.")]
    ApplicationAway(#[source] Away),
    /// The application is asked too much for this client.
    #[error("You ask for too many private files at a time; ask for fewer.")]
    TooManyQuestions,
    /// The request's head breaks a rule of HTTP.
    #[error("{0}.")]
    BadHead(&'static str),
    /// The id is taken.
    #[error("An asset with this id exists already.")]
    Duplicate,
    /// The original is replaced faster than it can be read.
    #[error("The asset is being changed by somebody else; try again.")]
    Changing,
    /// `If-Match` or `If-Unmodified-Since` asks for another state.
    #[error("The file is not in the state that If-Match or If-Unmodified-Since asks for.")]
    PreconditionFailed,
    /// The range lies behind the end.
    #[error("The range is not within the {length_bytes} bytes of the file.")]
    Range {
        /// How long it is.
        length_bytes: u64,
    },
    /// The variant cannot be made.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// The original has no bytes.
    #[error("The original is empty.")]
    Empty,
    /// The variant is not there yet.
    #[error("{}", .0.told())]
    Refused(#[from] Refusal),
    /// The store cannot be used now.
    #[error("The store is unavailable; try again.")]
    StoreUnavailable(#[source] StorageError),
    /// The store has no room.
    #[error("The store is full.")]
    StoreFull(#[source] StorageError),
    /// A mistake in configuration or code.
    #[error("An unexpected error occurred.")]
    Internal(#[source] anyhow::Error),
}

/// Why not, and what would help.
fn told(forbidden: Forbidden) -> String {
    match forbidden {
        Forbidden::File => {
            "There is no such file, or you may not see it. Private files need a token or a signed \
                            URL."
                .to_owned()
        }
        Forbidden::Unsigned => {
            "Only presets can be asked for without a signed URL (THUMBMILL_TRANSFORMS=signed)."
                .to_owned()
        }
        Forbidden::Role(role) => format!(
            "This needs a token with the role {}. The operator makes one with `thumbmill tokens new` for \
             THUMBMILL_TOKENS, or opens everything to everybody with THUMBMILL_ACCESS=open.",
            role.name()
        ),
    }
}

impl ApiError {
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NoRoute(_) => (StatusCode::NOT_FOUND, "ROUTE_NOT_FOUND"),
            Self::NoMethod => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
            Self::NoAsset | Self::NoAssetId(_) | Self::NoCampaign => {
                (StatusCode::NOT_FOUND, "NOT_FOUND")
            }
            Self::BadPath(_) => (StatusCode::BAD_REQUEST, "INVALID_PATH"),
            Self::Query(_) | Self::Preset(_) | Self::FailuresFrom => {
                (StatusCode::BAD_REQUEST, "INVALID_QUERY")
            }
            Self::Payload(_) => (StatusCode::BAD_REQUEST, "INVALID_PAYLOAD"),
            Self::MediaType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE"),
            Self::TooLong(_) => (StatusCode::PAYLOAD_TOO_LARGE, "CONTENT_TOO_LARGE"),
            Self::HeadTooLong(_) => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "CONTENT_TOO_LARGE",
            ),
            Self::BodyStoodStill(_) => (StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT"),
            Self::BadToken => (StatusCode::UNAUTHORIZED, "INVALID_CREDENTIALS"),
            Self::BadSignature(_) | Self::Forbidden(_) | Self::OtherSite => {
                (StatusCode::FORBIDDEN, "FORBIDDEN")
            }
            Self::BadHead(_) => (StatusCode::BAD_REQUEST, "INVALID_HEADER"),
            Self::Duplicate => (StatusCode::BAD_REQUEST, "RECORD_NOT_UNIQUE"),
            Self::Changing => (StatusCode::CONFLICT, "CONFLICT"),
            Self::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED"),
            Self::Range { .. } => (StatusCode::RANGE_NOT_SATISFIABLE, "RANGE_NOT_SATISFIABLE"),
            Self::Empty => (StatusCode::UNPROCESSABLE_ENTITY, "CORRUPT_ORIGINAL"),
            Self::Failed(failure) => match failure.reason {
                Reason::OriginalMissing => (StatusCode::NOT_FOUND, "NOT_FOUND"),
                Reason::OriginalReplaced => (StatusCode::CONFLICT, "CONFLICT"),
                Reason::Corrupt | Reason::Truncated => {
                    (StatusCode::UNPROCESSABLE_ENTITY, "CORRUPT_ORIGINAL")
                }
                Reason::Unsupported => (StatusCode::UNPROCESSABLE_ENTITY, "NOT_A_PICTURE"),
                Reason::TooManyPixels | Reason::TooManyBytes => {
                    (StatusCode::BAD_REQUEST, "ILLEGAL_ASSET_TRANSFORMATION")
                }
                Reason::TooSlow => (StatusCode::UNPROCESSABLE_ENTITY, "RENDER_TIMEOUT"),
                Reason::RendererCrashed => (StatusCode::UNPROCESSABLE_ENTITY, "RENDERER_CRASHED"),
                Reason::AttemptsExhausted => (StatusCode::SERVICE_UNAVAILABLE, "RENDER_FAILED"),
            },
            Self::TooManyQuestions | Self::Refused(Refusal::Client | Refusal::Original) => {
                (StatusCode::TOO_MANY_REQUESTS, "REQUESTS_EXCEEDED")
            }
            Self::Refused(
                Refusal::Full | Refusal::Crowded | Refusal::Unavailable(_) | Refusal::Deadline,
            )
            | Self::LedgerUnavailable(_)
            | Self::ApplicationAway(_)
            | Self::StoreUnavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE"),
            Self::StoreFull(_) => (StatusCode::INSUFFICIENT_STORAGE, "INSUFFICIENT_STORAGE"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR"),
        }
    }

    /// An upload's file could not be written.
    pub(crate) fn spool(error: std::io::Error) -> Self {
        Operation::Put.failed("upload", error).into()
    }

    /// When asking again makes sense.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(Refusal::Full | Refusal::Crowded) => Some(Duration::from_secs(5)),
            Self::Refused(_)
            | Self::StoreUnavailable(_)
            | Self::LedgerUnavailable(_)
            | Self::ApplicationAway(_)
            | Self::TooManyQuestions
            | Self::Changing => Some(Duration::from_secs(1)),
            Self::Failed(failure) => match failure.reason {
                Reason::AttemptsExhausted => failure.reason.remembered_for(),
                Reason::OriginalReplaced => Some(Duration::from_secs(1)),
                Reason::OriginalMissing
                | Reason::Unsupported
                | Reason::Corrupt
                | Reason::Truncated
                | Reason::TooManyPixels
                | Reason::TooManyBytes
                | Reason::TooSlow
                | Reason::RendererCrashed => None,
            },
            _ => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Self::Refused(refusal) = &self {
            metrics::counter!(REFUSED, "reason" => refusal.name()).increment(1);
        }
        let (status, code) = self.status_and_code();
        if status.is_server_error() {
            tracing::warn!(code, error = %chain(&self), "request failed");
        }
        let body = json!({"errors": [{"message": self.to_string(), "extensions": {"code": code}}]});
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(after) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs()));
        }
        if let Self::Range { length_bytes } = self {
            insert(
                headers,
                header::CONTENT_RANGE,
                &format!("bytes */{length_bytes}"),
            );
        }
        response
    }
}

/// Sets a header whose text is known to be valid; another text is left out.
pub(crate) fn insert(headers: &mut axum::http::HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

impl From<Away> for ApiError {
    fn from(away: Away) -> Self {
        match away {
            Away::NoAnswer(_) => Self::ApplicationAway(away),
            Away::TooMany => Self::TooManyQuestions,
        }
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::BadPath(rejection.body_text())
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable { .. } => Self::StoreUnavailable(error),
            StorageError::Full { .. } => Self::StoreFull(error),
            StorageError::TooLarge { .. }
            | StorageError::Conflict { .. }
            | StorageError::Misconfigured { .. }
            | StorageError::BadName { .. } => Self::Internal(error.into()),
        }
    }
}

impl From<OriginalsError> for ApiError {
    fn from(error: OriginalsError) -> Self {
        match error {
            OriginalsError::Duplicate(_) => Self::Duplicate,
            OriginalsError::Contended(_) => Self::Changing,
            OriginalsError::Missing(_) => Self::NoAsset,
            OriginalsError::Damaged { .. } => Self::Internal(error.into()),
            OriginalsError::Storage(error) => error.into(),
        }
    }
}
