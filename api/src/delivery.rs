//! How bytes are handed over: ranges, validators and file names. Pure header arithmetic.

use std::borrow::Cow;
use std::ops::Range;
use std::time::SystemTime;

use axum::http::{HeaderMap, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::query::Disposition;

/// What tells one state of a resource from another (RFC 9110, 8.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Validators {
    /// A strong entity tag, with its quotes.
    pub(crate) etag: String,
    /// When this state began. In whole seconds, as HTTP dates are.
    pub(crate) modified: SystemTime,
    /// What dates say of it.
    pub(crate) dates: Dates,
}

/// What a date says of a resource's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dates {
    /// Later states have later dates, as an original's.
    Ordered,
    /// They do not: a preset that is changed may lead to a variant that was stored long ago. Only its own date
    /// says that a client has it.
    Exact,
}

/// How a request's conditions come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// The client has it already: 304.
    NotModified,
    /// Send it.
    Modified,
    /// The client wants another state only: 412.
    Failed,
}

/// Whether a condition makes it worth to know the state before anything is opened.
pub(crate) fn is_conditional(headers: &HeaderMap) -> bool {
    let conditions = [
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        header::IF_MODIFIED_SINCE,
        header::IF_UNMODIFIED_SINCE,
    ];
    conditions.iter().any(|name| headers.contains_key(name))
}

/// Whether the client names exactly this state in `If-None-Match`, and sets no condition that goes before it. Then
/// it has this state, and nobody needs to look whether it is there.
pub(crate) fn has_it(headers: &HeaderMap, etag: &str) -> bool {
    !headers.contains_key(header::IF_MATCH)
        && !headers.contains_key(header::IF_UNMODIFIED_SINCE)
        && tags(headers, &header::IF_NONE_MATCH).any(|tag| weak(tag) == etag)
}

/// Evaluates the conditions of a request for something that exists (RFC 9110, 13.2.1), in the order of RFC 9110,
/// 13.2.2.
pub(crate) fn freshness(headers: &HeaderMap, validators: &Validators) -> Freshness {
    let Validators { etag, .. } = validators;
    if headers.contains_key(header::IF_MATCH) {
        // Strong comparison: RFC 9110, 8.8.3.2.
        if !tags(headers, &header::IF_MATCH).any(|tag| tag == "*" || tag == etag) {
            return Freshness::Failed;
        }
    } else if date(headers, header::IF_UNMODIFIED_SINCE)
        .is_some_and(|since| !is_unchanged(since, validators))
    {
        return Freshness::Failed;
    }
    let same = if headers.contains_key(header::IF_NONE_MATCH) {
        tags(headers, &header::IF_NONE_MATCH).any(|tag| tag == "*" || weak(tag) == etag)
    } else {
        date(headers, header::IF_MODIFIED_SINCE)
            .is_some_and(|since| is_unchanged(since, validators))
    };
    if same {
        Freshness::NotModified
    } else {
        Freshness::Modified
    }
}

fn is_unchanged(since: SystemTime, validators: &Validators) -> bool {
    let (since, modified) = (whole_seconds(since), whole_seconds(validators.modified));
    match validators.dates {
        Dates::Ordered => modified <= since,
        Dates::Exact => modified == since,
    }
}

/// The tags of a header.
fn tags<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).into_iter();
    let values = values.filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// A tag for weak comparison (RFC 9110, 8.8.3.2).
fn weak(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The date to send. None within the second in which the state began: another change in that second would have the
/// same date, so it would be a weak validator (RFC 9110, 8.8.2.2).
pub(crate) fn last_modified(validators: &Validators, now: SystemTime) -> Option<String> {
    let strong = whole_seconds(validators.modified) < whole_seconds(now);
    strong.then(|| httpdate::fmt_http_date(validators.modified))
}

/// For whom an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Everybody.
    All,
    /// Only who asks: caches that serve others must not keep it.
    Asker,
}

/// `Cache-Control` of an answer for this `audience`, whose URL is good for so many `seconds` more
/// if that has an end. `setting` is the operator's, for everybody and for ever.
pub(crate) fn cache_control(
    setting: &str,
    audience: Audience,
    seconds: Option<u64>,
) -> Cow<'_, str> {
    if audience == Audience::All && seconds.is_none() {
        return Cow::Borrowed(setting);
    }
    let mut kept = Vec::new();
    if audience == Audience::Asker {
        kept.push("private".to_owned());
    }
    for directive in setting.split(',').map(str::trim).filter(|d| !d.is_empty()) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let shared = matches!(name, "public" | "private" | "s-maxage" | "proxy-revalidate");
        match (name, seconds) {
            _ if shared && audience == Audience::Asker => {}
            ("max-age" | "s-maxage", Some(seconds)) => {
                let most = value.parse().unwrap_or(u64::MAX).min(seconds);
                kept.push(format!("{name}={most}"));
            }
            // They let a cache use it longer.
            ("immutable" | "stale-while-revalidate" | "stale-if-error", Some(_)) => {}
            _ => kept.push(directive.to_owned()),
        }
    }
    if let Some(seconds) = seconds
        && !kept
            .iter()
            .any(|directive| directive.starts_with("max-age="))
    {
        kept.push(format!("max-age={seconds}"));
    }
    Cow::Owned(kept.join(", "))
}

/// Which bytes a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All: 200.
    Whole,
    /// These: 206.
    Part(Range<u64>),
    /// None that exist: 416.
    Nothing,
}

/// Evaluates `Range` and `If-Range` (RFC 9110, 13.1.5 and 14) for a body of `length` bytes.
///
/// One range of bytes is served; several, another unit or a malformed header count as none.
pub(crate) fn wanted(headers: &HeaderMap, validators: &Validators, length: u64) -> Wanted {
    let range = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok());
    let Some((unit, set)) = range.and_then(|range| range.split_once('=')) else {
        return Wanted::Whole;
    };
    if !unit.eq_ignore_ascii_case("bytes") || !range_is_current(headers, validators) {
        return Wanted::Whole;
    }
    let Some((first, last)) = set.trim().split_once('-') else {
        return Wanted::Whole;
    };
    match (position(first), position(last)) {
        (Some(Position::Absent), Some(Position::At(0))) => Wanted::Nothing,
        (Some(Position::Absent), Some(Position::At(_))) if length == 0 => Wanted::Nothing,
        (Some(Position::Absent), Some(Position::At(suffix))) => {
            Wanted::Part(length.saturating_sub(suffix)..length)
        }
        (Some(Position::At(first)), Some(Position::At(last))) if last < first => Wanted::Whole,
        (Some(Position::At(first)), Some(_)) if first >= length => Wanted::Nothing,
        (Some(Position::At(first)), Some(Position::Absent)) => Wanted::Part(first..length),
        (Some(Position::At(first)), Some(Position::At(last))) => {
            Wanted::Part(first..last.saturating_add(1).min(length))
        }
        (Some(Position::Absent), Some(Position::Absent)) | (None, _) | (_, None) => Wanted::Whole,
    }
}

enum Position {
    Absent,
    At(u64),
}

/// `None`: malformed. A number too large to hold lies behind every end.
fn position(text: &str) -> Option<Position> {
    let text = text.trim();
    match text {
        "" => Some(Position::Absent),
        _ if text.bytes().all(|b| b.is_ascii_digit()) => {
            Some(Position::At(text.parse().unwrap_or(u64::MAX)))
        }
        _ => None,
    }
}

/// `If-Range` takes a strong tag or the exact date.
fn range_is_current(headers: &HeaderMap, validators: &Validators) -> bool {
    let Some(condition) = headers.get(header::IF_RANGE) else {
        return true;
    };
    let same_tag = condition
        .to_str()
        .is_ok_and(|tag| tag.trim() == validators.etag);
    let same_date = date(headers, header::IF_RANGE)
        .is_some_and(|date| whole_seconds(date) == whole_seconds(validators.modified));
    same_tag || same_date
}

fn date(headers: &HeaderMap, name: header::HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

fn whole_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// What RFC 8187 lets stand unencoded in an extended value, the other way round.
const NOT_ATTR_CHAR: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'%')
    .add(b'\'')
    .add(b'(')
    .add(b')')
    .add(b'*')
    .add(b',')
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'{')
    .add(b'}');

/// `Content-Disposition` (RFC 6266): a plain name for old clients, and the whole name in UTF-8
/// (RFC 8187) where the plain one cannot say it.
pub(crate) fn content_disposition(disposition: Disposition, filename: &str) -> String {
    let kind = match disposition {
        Disposition::Inline => "inline",
        Disposition::Attachment => "attachment",
    };
    let plain = |c: char| (' '..='~').contains(&c) && !matches!(c, '"' | '\\' | '%');
    if filename.chars().all(plain) {
        return format!("{kind}; filename=\"{filename}\"");
    }
    let fallback: String = filename
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    let encoded = utf8_percent_encode(filename, NOT_ATTR_CHAR);
    format!("{kind}; filename=\"{fallback}\"; filename*=UTF-8''{encoded}")
}

/// The name with its ending changed to `extension`, unless one of `accepted` stands there.
pub(crate) fn with_extension(filename: &str, extension: &str, accepted: &[&str]) -> String {
    let (stem, ending) = match filename.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => (stem, ending),
        _ => (filename, ""),
    };
    if accepted
        .iter()
        .any(|accepted| ending.eq_ignore_ascii_case(accepted))
    {
        filename.to_owned()
    } else {
        format!("{stem}.{extension}")
    }
}

#[cfg(test)]
mod tests;
