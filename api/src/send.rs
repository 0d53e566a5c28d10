//! Sends what lies in the store: whole, in part, or only the news that nothing has changed.

use std::borrow::Cow;
use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use thumbmill_shared::storage::Object;

use crate::delivery::{Freshness, Validators, Wanted, content_disposition, freshness, wanted};
use crate::error::{ApiError, insert};
use crate::query::Disposition;

/// Something in the store, and the request for it.
pub(crate) struct Stored<'a> {
    /// What state it is in.
    pub(crate) validators: Validators,
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

/// What was opened to be sent.
pub(crate) struct Opened {
    /// The whole object's length.
    length_bytes: u64,
    /// The bytes that were asked for.
    body: Body,
}

impl From<Object> for Opened {
    fn from(object: Object) -> Self {
        Self {
            length_bytes: object.head.length_bytes,
            body: Body::from_stream(object.body),
        }
    }
}

impl Opened {
    /// The part of `whole` that it has of `range`.
    pub(crate) fn part(whole: &Bytes, range: Option<Range<u64>>) -> Self {
        let length = whole.len();
        let within = |at: u64| usize::try_from(at).map_or(length, |at| at.min(length));
        let range = range.map_or(0..length, |range| within(range.start)..within(range.end));
        let part = whole.slice(range.start.min(range.end)..range.end);
        Self {
            length_bytes: length as u64,
            body: Body::from(part),
        }
    }
}

/// Answers a request for `stored`, which `open` opens; `None` when it is not there.
///
/// With a known length nothing is opened that is not sent. A range of something whose length
/// is not known yet costs a second opening.
pub(crate) async fn send<F, O, E>(
    stored: &Stored<'_>,
    length_bytes: Option<u64>,
    open: impl Fn(Option<Range<u64>>) -> F,
) -> Result<Option<Response>, ApiError>
where
    F: Future<Output = Result<Option<O>, E>>,
    Opened: From<O>,
    ApiError: From<E>,
{
    if freshness(stored.headers, &stored.validators) == Freshness::NotModified {
        return Ok(Some(stored.answer(
            StatusCode::NOT_MODIFIED,
            None,
            Body::empty(),
        )));
    }
    let head_only = *stored.method == Method::HEAD;
    let asks_for_part = !head_only && stored.headers.contains_key(header::RANGE);
    let mut whole = None;
    let length = match length_bytes {
        Some(length) => length,
        None => match open(None).await?.map(Opened::from) {
            Some(opened) => {
                let length = opened.length_bytes;
                whole = Some(opened);
                length
            }
            None => return Ok(None),
        },
    };
    let wanted = if asks_for_part {
        wanted(stored.headers, &stored.validators, length)
    } else {
        Wanted::Whole
    };
    let (status, range) = match wanted {
        Wanted::Nothing => {
            return Err(ApiError::Range {
                length_bytes: length,
            });
        }
        Wanted::Whole if head_only => {
            return Ok(Some(stored.answer(
                StatusCode::OK,
                Some((0..length, length)),
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
    if opened.length_bytes != length {
        return Err(ApiError::Changing);
    }
    let sent = range.unwrap_or(0..length);
    Ok(Some(stored.answer(
        status,
        Some((sent, length)),
        opened.body,
    )))
}

impl Stored<'_> {
    fn answer(&self, status: StatusCode, sent: Option<(Range<u64>, u64)>, body: Body) -> Response {
        let mut answer = (status, body).into_response();
        let headers = answer.headers_mut();
        insert(headers, header::ETAG, &self.validators.etag);
        insert(
            headers,
            header::LAST_MODIFIED,
            &httpdate::fmt_http_date(self.validators.modified),
        );
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
