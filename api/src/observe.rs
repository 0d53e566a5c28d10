//! What is seen of every request: its trace, its line in the log, its count and its time.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use thumbmill_shared::metrics::{HTTP_REQUESTS, HTTP_SECONDS};
use thumbmill_shared::shown::shown;
use thumbmill_shared::trace::TraceContext;
use tracing::Instrument;

use crate::caller::without_secrets;

/// How an asset was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    /// The original itself.
    Original,
    /// A variant that was there.
    Hit,
    /// A variant that was made for this request.
    Miss,
    /// A variant that is being made.
    Accepted,
}

impl Served {
    fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Accepted => "accepted",
        }
    }
}

/// Of a path and query, in the log.
const URI_CHARACTERS: usize = 500;

/// Surrounds every request.
pub(crate) async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let incoming = request
        .headers()
        .get("traceparent")
        .and_then(|value| value.to_str().ok());
    let trace = incoming
        .and_then(TraceContext::parse)
        .map_or_else(TraceContext::random, |trace| trace.child());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", |path| path.as_str())
        .to_owned();
    let method = request.method().clone();
    let uri = request.uri().path_and_query();
    let uri = uri.map_or_else(String::new, |uri| without_secrets(uri.as_str()));
    let uri = shown(&uri, URI_CHARACTERS);
    request.extensions_mut().insert(trace.clone());
    let span = tracing::info_span!("request", trace_id = trace.trace_id());
    let mut answer = next.run(request).instrument(span.clone()).await;
    let status = answer.status().as_u16();
    let served = answer
        .extensions()
        .get::<Served>()
        .map_or("other", |served| served.name());
    let elapsed = started.elapsed();
    span.in_scope(
        || tracing::info!(%method, %uri, status, served, ms = elapsed.as_millis(), "answered"),
    );
    let method = known_method(method.as_str());
    metrics::counter!(HTTP_REQUESTS, "route" => route.clone(), "method" => method, "status" => status.to_string())
        .increment(1);
    metrics::histogram!(HTTP_SECONDS, "route" => route, "result" => served)
        .record(elapsed.as_secs_f64());
    if let Ok(value) = HeaderValue::from_str(trace.trace_id()) {
        answer
            .headers_mut()
            .insert(HeaderName::from_static("x-request-id"), value);
    }
    answer
}

/// Clients may send any word as method; a metric's labels are a closed set.
fn known_method(method: &str) -> &'static str {
    ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT"]
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}
