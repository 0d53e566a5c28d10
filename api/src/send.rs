//! Sends what lies in the store: whole, in part, or only the news that nothing has changed.

use std::borrow::Cow;
use std::ops::Range;
use std::time::SystemTime;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use thumbmill_shared::storage::{Head, Object};

use crate::delivery::{
    Dates, Freshness, Validators, Wanted, content_disposition, freshness, has_it, is_conditional,
    last_modified, wanted,
};
use crate::error::{ApiError, insert};
use crate::query::Disposition;

/// Something in the store, and the request for it.
pub(crate) struct Stored<'a> {
    /// Names its state: a strong entity tag, with its quotes.
    pub(crate) etag: String,
    /// What dates say of its state.
    pub(crate) dates: Dates,
    /// Its media type.
    pub(crate) media_type: String,
    /// What a browser saves it as.
    pub(crate) filename: String,
    /// What the browser shall do with it.
    pub(crate) disposition: Disposition,
    /// For how long others may keep it.
    pub(crate) cache_control: Cow<'a, str>,
    /// `GET` or `HEAD`.
    pub(crate) method: &'a Method,
    /// The request's headers.
    pub(crate) headers: &'a HeaderMap,
}

/// What is known of it without its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// The whole object's length.
    pub(crate) length_bytes: u64,
    /// When its state began.
    pub(crate) modified: SystemTime,
}

impl From<&Head> for Known {
    fn from(head: &Head) -> Self {
        Self {
            length_bytes: head.length_bytes,
            modified: head.modified,
        }
    }
}

/// What was opened to be sent.
pub(crate) struct Opened {
    known: Known,
    /// The bytes that were asked for.
    body: Body,
}

impl From<Object> for Opened {
    fn from(object: Object) -> Self {
        Self {
            known: Known::from(&object.head),
            body: Body::from_stream(object.body),
        }
    }
}

impl Opened {
    /// The part of `whole`, which has just been made, that it has of `range`.
    pub(crate) fn part(whole: &Bytes, range: Option<Range<u64>>) -> Self {
        let length = whole.len();
        let known = Known {
            length_bytes: length as u64,
            modified: SystemTime::now(),
        };
        let within = |at: u64| usize::try_from(at).map_or(length, |at| at.min(length));
        let range = range.map_or(0..length, |range| within(range.start)..within(range.end));
        let part = whole.slice(range.start.min(range.end)..range.end);
        Self {
            known,
            body: Body::from(part),
        }
    }
}

/// Answers a request for `stored`, which `look` looks for and `open` opens; `None` when it is not there.
///
/// Its bytes are opened only if they are sent: with `known`, or for HEAD, a range or a condition, nothing is opened
/// before it is clear which.
pub(crate) async fn send<L, F, O, E>(
    stored: &Stored<'_>,
    known: Option<Known>,
    look: impl Fn() -> L,
    open: impl Fn(Option<Range<u64>>) -> F,
) -> Result<Option<Response>, ApiError>
where
    L: Future<Output = Result<Option<Known>, E>>,
    F: Future<Output = Result<Option<O>, E>>,
    Opened: From<O>,
    ApiError: From<E>,
{
    if has_it(stored.headers, &stored.etag) {
        let not_modified = StatusCode::NOT_MODIFIED;
        return Ok(Some(stored.answer(not_modified, None, None, Body::empty())));
    }
    let mut whole = None;
    let known = match known {
        Some(known) => Some(known),
        None if stored.is_head() || stored.asks_for_part() || is_conditional(stored.headers) => {
            look().await?
        }
        None => {
            whole = open(None).await?.map(Opened::from);
            whole.as_ref().map(|opened| opened.known)
        }
    };
    match known {
        Some(known) => hand_over(stored, known, whole, open).await,
        None => Ok(None),
    }
}

/// Answers a request for what is there; `whole` is what was opened already.
async fn hand_over<F, O, E>(
    stored: &Stored<'_>,
    known: Known,
    whole: Option<Opened>,
    open: impl Fn(Option<Range<u64>>) -> F,
) -> Result<Option<Response>, ApiError>
where
    F: Future<Output = Result<Option<O>, E>>,
    Opened: From<O>,
    ApiError: From<E>,
{
    let validators = Validators {
        etag: stored.etag.clone(),
        modified: known.modified,
        dates: stored.dates,
    };
    let length = known.length_bytes;
    let modified = last_modified(&validators, SystemTime::now());
    match freshness(stored.headers, &validators) {
        Freshness::Modified => {}
        Freshness::NotModified => {
            let not_modified = StatusCode::NOT_MODIFIED;
            return Ok(Some(stored.answer(
                not_modified,
                modified,
                None,
                Body::empty(),
            )));
        }
        Freshness::Failed => return Err(ApiError::PreconditionFailed),
    }
    let wanted = if stored.asks_for_part() {
        wanted(stored.headers, &validators, length)
    } else {
        Wanted::Whole
    };
    let (status, range) = match wanted {
        Wanted::Nothing => {
            return Err(ApiError::Range {
                length_bytes: length,
            });
        }
        Wanted::Whole if stored.is_head() => {
            let sent = Some((0..length, length));
            return Ok(Some(stored.answer(
                StatusCode::OK,
                modified,
                sent,
                Body::empty(),
            )));
        }
        Wanted::Whole => (StatusCode::OK, None),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, Some(range)),
    };
    let opened = match (whole, &range) {
        (Some(opened), None) => Some(opened),
        _ => open(range.clone()).await?.map(Opened::from),
    };
    let Some(opened) = opened else {
        return Ok(None);
    };
    if opened.known.length_bytes != length {
        return Err(ApiError::Changing);
    }
    let sent = range.unwrap_or(0..length);
    let sent = Some((sent, length));
    Ok(Some(stored.answer(status, modified, sent, opened.body)))
}

impl Stored<'_> {
    fn is_head(&self) -> bool {
        *self.method == Method::HEAD
    }

    fn asks_for_part(&self) -> bool {
        !self.is_head() && self.headers.contains_key(header::RANGE)
    }

    fn answer(
        &self,
        status: StatusCode,
        modified: Option<String>,
        sent: Option<(Range<u64>, u64)>,
        body: Body,
    ) -> Response {
        let mut answer = (status, body).into_response();
        let headers = answer.headers_mut();
        insert(headers, header::ETAG, &self.etag);
        if let Some(modified) = modified {
            insert(headers, header::LAST_MODIFIED, &modified);
        }
        insert(headers, header::CACHE_CONTROL, &self.cache_control);
        let Some((sent, length)) = sent else {
            return answer;
        };
        insert(headers, header::CONTENT_TYPE, &self.media_type);
        headers.insert(
            header::CONTENT_LENGTH,
            HeaderValue::from(sent.end - sent.start),
        );
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        insert(
            headers,
            header::CONTENT_DISPOSITION,
            &content_disposition(self.disposition, &self.filename),
        );
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        );
        if status == StatusCode::PARTIAL_CONTENT {
            let last = sent.end.saturating_sub(1);
            insert(
                headers,
                header::CONTENT_RANGE,
                &format!("bytes {}-{last}/{length}", sent.start),
            );
        }
        answer
    }
}
