//! What is read of a request's body, in one list, and what a client is told that sends more or
//! stands still.

use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::{LengthLimitError, Limited};
use thumbmill_shared::settings::Settings;
use tower_http::timeout::{TimeoutBody, TimeoutError};

use crate::App;
use crate::error::ApiError;

/// What a route reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    /// A file, and fields before it.
    Upload,
    /// JSON.
    Json,
}

/// Every method of a route that reads a body. The bodies of all others are left alone.
const READING: [(Method, &str, &[Reads]); 2] = [
    (Method::POST, "/files", &[Reads::Upload]),
    (Method::PATCH, "/files/{id}", &[Reads::Upload, Reads::Json]),
];

/// A number of bytes that a client may not exceed, as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Of what.
    pub(crate) of: &'static str,
    pub(crate) bytes: u64,
    pub(crate) setting: &'static str,
}

impl Limit {
    /// Of an uploaded file.
    pub(crate) fn file(settings: &Settings) -> Self {
        Self {
            of: "A file",
            bytes: settings.max_original_bytes.bytes(),
            setting: "THUMBMILL_MAX_ORIGINAL_BYTES",
        }
    }

    /// Of all that comes before the file.
    pub(crate) fn fields(settings: &Settings) -> Self {
        Self {
            of: "What comes before a file",
            bytes: settings.max_fields_bytes.bytes(),
            setting: "THUMBMILL_MAX_FIELDS_BYTES",
        }
    }

    /// Of one part's headers.
    pub(crate) fn part_headers(settings: &Settings) -> Self {
        Self {
            of: "The headers of one part",
            bytes: settings.max_part_header_bytes.bytes(),
            setting: "THUMBMILL_MAX_PART_HEADER_BYTES",
        }
    }

    /// Of a request's head.
    pub(crate) fn head(settings: &Settings) -> Self {
        Self {
            of: "The head of a request",
            bytes: settings.max_header_bytes.bytes(),
            setting: "THUMBMILL_MAX_HEADER_BYTES",
        }
    }

    /// Of a JSON body.
    pub(crate) fn json(settings: &Settings) -> Self {
        Self {
            of: "JSON",
            bytes: settings.max_json_bytes.bytes(),
            setting: "THUMBMILL_MAX_JSON_BYTES",
        }
    }
}

/// Gives a route no more of the body than it reads, and that only while it goes on.
pub(crate) async fn enforce(
    State(app): State<Arc<App>>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let reads = READING
        .iter()
        .find(|(method, route, _)| method == request.method() && *route == path.as_str());
    let multipart = is_multipart(request.headers());
    let reads = reads.and_then(|(_, _, kinds)| {
        kinds.iter().find(|kind| match kind {
            Reads::Upload => multipart,
            Reads::Json => !multipart,
        })
    });
    let Some(reads) = reads else {
        return Ok(next.run(request.map(|_| Body::empty())).await);
    };
    let settings = &app.settings;
    let (limit, most_bytes) = match reads {
        Reads::Json => {
            let limit = Limit::json(settings);
            (limit, limit.bytes)
        }
        Reads::Upload => {
            let limit = Limit::file(settings);
            // What comes behind the file has as much room as what comes before it.
            let beside = Limit::fields(settings).bytes.saturating_mul(2);
            (limit, limit.bytes.saturating_add(beside))
        }
    };
    // By Content-Length, before a byte is read.
    if request.body().size_hint().lower() > most_bytes {
        return Err(ApiError::TooLong(limit));
    }
    let most = usize::try_from(most_bytes).unwrap_or(usize::MAX);
    let timeout = settings.body_timeout;
    let bounded = |body| {
        Body::new(Limited::new(
            Box::pin(TimeoutBody::new(timeout, body)),
            most,
        ))
    };
    Ok(next.run(request.map(bounded)).await)
}

/// Is the body a form with files?
pub(crate) fn is_multipart(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| {
        value
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("multipart/form-data")
    })
}

/// What a client is told whose body, with this `limit`, could not be read to its end.
pub(crate) fn body_error(
    error: &(dyn std::error::Error + 'static),
    limit: Limit,
    settings: &Settings,
) -> ApiError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return ApiError::TooLong(limit);
        }
        if let Some(TooLong(limit)) = error.downcast_ref() {
            return ApiError::TooLong(*limit);
        }
        if error.is::<TimeoutError>() {
            return ApiError::BodyStoodStill(settings.body_timeout);
        }
        cause = error.source();
    }
    ApiError::Payload("The body was broken off".to_owned())
}

/// A part of a body is too long.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("too long")]
pub(crate) struct TooLong(pub(crate) Limit);
