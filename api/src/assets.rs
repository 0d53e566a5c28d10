//! `GET` and `HEAD` of `/assets/{id}`: parse, find the variant, serve the hit, or wait for the miss.

use std::borrow::Cow;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, FromRequestParts, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::json;
use thumbmill_http::Client;
use thumbmill_shared::asset::{AssetId, Filename, Original};
use thumbmill_shared::format::{Format, FormatChoice, SourceFormat};
use thumbmill_shared::outcome::{Outcome, Ready, Reason};
use thumbmill_shared::readiness::Ending;
use thumbmill_shared::settings;
use thumbmill_shared::storage::StorageError;
use thumbmill_shared::trace::TraceContext;
use thumbmill_shared::transform::VariantRequest;
use thumbmill_shared::variant::Variant;

use crate::App;
use crate::access::{self, Forbidden, Found, Granted, Part, Verdict};
use crate::application::Question;
use crate::caller::{Credentials, without_token};
use crate::delivery::{Audience, Dates, cache_control, with_extension};
use crate::error::{ApiError, insert};
use crate::flight::{Progress, Refusal};
use crate::observe::Served;
use crate::prefer::{Patience, patience};
use crate::query::{Disposition, Query};
use crate::send::{Known, Opened, Stored, send};
use crate::{accept, query};

/// How often a variant is looked for again after it was said to be ready, or its original to
/// have been replaced.
const LOOKS: usize = 3;

/// `/assets/{id}` and `/assets/{id}/`.
pub(crate) async fn by_id(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    request: AssetRequest,
) -> Result<Response, ApiError> {
    let Path(id) = path?;
    serve(&app, &id, None, request).await
}

/// `/assets/{id}/{filename}`.
pub(crate) async fn by_id_and_name(
    State(app): State<Arc<App>>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: AssetRequest,
) -> Result<Response, ApiError> {
    let Path((id, filename)) = path?;
    serve(&app, &id, Some(&filename), request).await
}

/// What of a request matters here.
#[derive(Debug)]
pub(crate) struct AssetRequest {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    peer: SocketAddr,
    trace: TraceContext,
    /// Nobody, if none were found out.
    credentials: Credentials,
    started: Instant,
}

impl<S: Send + Sync> FromRequestParts<S> for AssetRequest {
    type Rejection = <ConnectInfo<SocketAddr> as FromRequestParts<S>>::Rejection;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        state: &S,
    ) -> Result<Self, Self::Rejection> {
        let ConnectInfo(peer) = ConnectInfo::from_request_parts(parts, state).await?;
        Ok(Self {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            headers: parts.headers.clone(),
            peer,
            trace: parts
                .extensions
                .get()
                .cloned()
                .unwrap_or_else(TraceContext::random),
            credentials: parts.extensions.get().cloned().unwrap_or_default(),
            started: Instant::now(),
        })
    }
}

impl AssetRequest {
    fn client(&self, header: Option<&settings::HeaderName>) -> Client {
        Client::of(self.peer, &self.headers, header)
    }

    /// All values of a header, joined by commas (RFC 9110, 5.3).
    fn joined(&self, name: &HeaderName) -> String {
        let values = self
            .headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok());
        values.collect::<Vec<_>>().join(",")
    }
}

async fn serve(
    app: &App,
    id: &str,
    filename: Option<&str>,
    request: AssetRequest,
) -> Result<Response, ApiError> {
    let asset: AssetId = id.parse()?;
    let Query {
        variant: asked,
        disposition,
    } = query::Query::parse(request.uri.query().unwrap_or_default())?;
    let part = part(&asked, app);
    let asked = app.presets.allow(asked, app.settings.transforms)?;
    for _ in 0..LOOKS {
        let described = app.descriptions.describe(asset).await;
        let found = described.as_ref().ok().and_then(Option::as_deref);
        let found = found.map(|original| found_as(original, &asked, part));
        // That a description cannot be read is told to those who may know that there is one.
        let audience = audience(app, asset, &request, part, found).await;
        let (audience, original) = match (audience, described) {
            (Err(ApiError::NoAsset), Err(error)) => return Err(error.into()),
            (audience, described) => (audience?, described?.ok_or(ApiError::NoAsset)?),
        };
        let name = filename
            .and_then(Filename::of)
            .unwrap_or_else(|| original.filename.clone());
        let page = Page {
            app,
            request: &request,
            original: &original,
            disposition,
            audience,
            name,
        };
        let source = SourceFormat::of_media_type(&original.media_type);
        let answer = match source {
            Some(source) if !asked.is_original() => {
                let accept = request.joined(&header::ACCEPT);
                let modern = asked.modern(app.settings.max_avif_pixels);
                let auto = accept::auto(&accept, modern, source.plain());
                let transform = asked.focused_as(&original).resolve(source, auto);
                let original_version = original.version.clone();
                page.variant(&Variant {
                    asset,
                    original_version,
                    transform,
                    encoding: app.settings.encoding(),
                })
                .await?
            }
            _ => page.original().await?,
        };
        if let Some(mut answer) = answer {
            if asked.format == Some(FormatChoice::Auto) {
                answer
                    .headers_mut()
                    .insert(header::VARY, HeaderValue::from_static("Accept"));
            }
            return Ok(answer);
        }
        // The original was replaced while it was being served: look at the new one.
        app.descriptions.forget(asset).await;
    }
    Err(ApiError::Changing)
}

/// One answer in the making. `None` as an answer: the original has changed meanwhile.
struct Page<'a> {
    app: &'a App,
    request: &'a AssetRequest,
    original: &'a Original,
    disposition: Disposition,
    audience: Audience,
    name: Filename,
}

/// What is asked of an asset.
fn part(asked: &VariantRequest, app: &App) -> Part {
    if asked.is_original() {
        Part::Original
    } else if app.presets.is_exact(asked) {
        Part::Preset
    } else {
        Part::Free
    }
}

/// What is served of an original: of what is no picture, or what a preset leaves as it is, its own
/// bytes.
fn found_as(original: &Original, expanded: &VariantRequest, part: Part) -> Found {
    let picture = SourceFormat::of_media_type(&original.media_type).is_some();
    Found {
        access: original.access,
        serves: if picture && !expanded.is_original() {
            part
        } else {
            Part::Original
        },
    }
}

/// For whom the answer is. Errors: not for this caller, which hears the same whether or not there is
/// such a file.
async fn audience(
    app: &App,
    asset: AssetId,
    request: &AssetRequest,
    asked: Part,
    found: Option<Found>,
) -> Result<Audience, ApiError> {
    let caller = request.credentials.caller;
    match access::asset(app.rules, caller, asked, found) {
        Verdict::Public => Ok(Audience::All),
        Verdict::Private => Ok(Audience::Asker),
        Verdict::Missing => Err(ApiError::NoAsset),
        Verdict::Forbidden(why) => Err(ApiError::Forbidden(why)),
        Verdict::Ask(granted) => {
            let question = Question {
                asset,
                client: request.client(app.settings.client_header.as_ref()),
                method: &request.method,
                uri: &request.uri,
                headers: &request.headers,
            };
            let allowed = match &app.application {
                Some(application) => application.allows(question).await,
                None => Ok(false),
            };
            match (allowed?, granted) {
                (true, Granted::Private) => Ok(Audience::Asker),
                (true, Granted::Missing) => Err(ApiError::NoAsset),
                (false, _) => Err(ApiError::Forbidden(Forbidden::File)),
            }
        }
    }
}

impl<'a> Page<'a> {
    fn cache_control(&self) -> Cow<'a, str> {
        let until = self.request.credentials.until;
        let left = until.map(|until| until.duration_since(SystemTime::now()).unwrap_or_default());
        let left = left.map(|left| left.as_secs());
        cache_control(&self.app.settings.cache_control, self.audience, left)
    }

    fn stored(
        &self,
        (tag, dates): (&str, Dates),
        media_type: &str,
        filename: String,
    ) -> Stored<'_> {
        Stored {
            etag: format!("\"{tag}\""),
            dates,
            media_type: media_type.to_owned(),
            filename,
            disposition: self.disposition,
            cache_control: self.cache_control(),
            method: &self.request.method,
            headers: &self.request.headers,
        }
    }

    async fn original(&self) -> Result<Option<Response>, ApiError> {
        let original = self.original;
        if original.length_bytes == 0 {
            return Err(ApiError::Empty);
        }
        let stored = self.stored(
            (original.version.as_str(), Dates::Ordered),
            &original.media_type,
            self.name.to_string(),
        );
        let open = |range| self.app.originals.open(original, range);
        let known = Known {
            length_bytes: original.length_bytes,
            modified: UNIX_EPOCH + Duration::from_secs(original.modified_unix),
        };
        let look = || ready(Ok(Some(known)));
        let answer = send(&stored, Some(known), look, open).await?;
        Ok(answer.map(|answer| self.served(answer, Served::Original, "")))
    }

    async fn variant(&self, variant: &Variant) -> Result<Option<Response>, ApiError> {
        if let Some(hit) = self.stored_variant(variant, Served::Hit, "hit").await? {
            return Ok(Some(hit));
        }
        for _ in 0..LOOKS {
            let Waited::Ended(Ending { outcome, picture }) = self.wait(variant).await? else {
                return Ok(Some(self.accepted()));
            };
            match outcome {
                Outcome::Ready(ready) => {
                    let timing = server_timing(&ready);
                    let made = match &picture {
                        Some(picture) => self.announced_variant(variant, picture, &timing).await?,
                        None => self.stored_variant(variant, Served::Miss, &timing).await?,
                    };
                    if let Some(made) = made {
                        return Ok(Some(made));
                    }
                    // Said to be ready, but not there: whoever removed it did not say so.
                    if let Err(error) = self.app.readiness.forget(&variant.key()).await {
                        tracing::warn!(%error, "a variant that is gone could not be forgotten");
                    }
                }
                Outcome::Failed(failure) => {
                    return match failure.reason {
                        Reason::OriginalReplaced | Reason::OriginalMissing => Ok(None),
                        _ => Err(ApiError::Failed(failure)),
                    };
                }
            }
        }
        Err(ApiError::Refused(Refusal::Deadline))
    }

    async fn stored_variant(
        &self,
        variant: &Variant,
        served: Served,
        timing: &str,
    ) -> Result<Option<Response>, ApiError> {
        let object = variant.object();
        let open = async |range| {
            let found = self.app.storage.get(&object, range).await?;
            if let Some(found) = &found {
                self.app.renewals.served(variant, found.head.modified);
            }
            Ok::<_, StorageError>(found)
        };
        let look = async || {
            let found = self.app.storage.head(&object).await?;
            if let Some(found) = &found {
                self.app.renewals.served(variant, found.modified);
            }
            Ok::<_, StorageError>(found.as_ref().map(Known::from))
        };
        let answer = send(&self.as_variant(variant), None, look, open).await?;
        if let Some(answer) = &answer
            && answer.status() == StatusCode::NOT_MODIFIED
        {
            self.app.renewals.confirmed(variant);
        }
        Ok(answer.map(|answer| self.served(answer, served, timing)))
    }

    /// A variant that came with its announcement: it is in the store, but need not be read there.
    async fn announced_variant(
        &self,
        variant: &Variant,
        picture: &Bytes,
        timing: &str,
    ) -> Result<Option<Response>, ApiError> {
        let known = Known {
            length_bytes: picture.len() as u64,
            modified: SystemTime::now(),
        };
        let look = || ready(Ok(Some(known)));
        let open = |range| ready(Ok::<_, ApiError>(Some(Opened::part(picture, range))));
        let answer = send(&self.as_variant(variant), Some(known), look, open).await?;
        Ok(answer.map(|answer| self.served(answer, Served::Miss, timing)))
    }

    /// The headers' part of an answer that is a variant, wherever its bytes come from.
    fn as_variant(&self, variant: &Variant) -> Stored<'_> {
        let format = variant.transform.format;
        let accepted: &[&str] = match format {
            Format::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
            Format::Png => &["png"],
            Format::Webp => &["webp"],
            Format::Avif => &["avif"],
        };
        let name = with_extension(&self.name, format.extension(), accepted);
        let key = variant.key();
        self.stored((key.as_str(), Dates::Exact), format.media_type(), name)
    }

    async fn wait(&self, variant: &Variant) -> Result<Waited, ApiError> {
        let settings = &self.app.settings;
        let prefer = self.request.joined(&HeaderName::from_static("prefer"));
        let patience = patience(&prefer, settings.wait, settings.wait_max);
        let deadline = match patience {
            Patience::Wait(wait) => self.request.started + wait,
            Patience::Async => self.request.started + settings.wait,
        };
        let client = self.request.client(settings.client_header.as_ref());
        loop {
            let flights = &self.app.flights;
            let mut flight = flights.join(variant, (client, patience), &self.request.trace)?;
            let over = |progress: &Progress| match progress {
                Progress::Started => false,
                Progress::Queued => patience == Patience::Async,
                Progress::Ended(_) => true,
            };
            let progress =
                match tokio::time::timeout_at(deadline.into(), flight.wait_for(over)).await {
                    Err(_) => return Err(ApiError::Refused(Refusal::Deadline)),
                    // The flight ended as this joined it.
                    Ok(Err(_)) => continue,
                    Ok(Ok(progress)) => progress.clone(),
                };
            return match progress {
                Progress::Ended(end) => Ok(Waited::Ended(end?)),
                Progress::Started | Progress::Queued => Ok(Waited::Async),
            };
        }
    }

    /// 202: the thumbnail is being made.
    fn accepted(&self) -> Response {
        let body = json!({"data": {"id": self.original.id, "status": "pending"}});
        let mut answer = (StatusCode::ACCEPTED, Json(body)).into_response();
        let headers = answer.headers_mut();
        let uri = self.request.uri.path_and_query();
        let uri = uri.map_or("/", |uri| uri.as_str());
        insert(headers, header::LOCATION, &without_token(uri));
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        insert(
            headers,
            HeaderName::from_static("preference-applied"),
            "respond-async",
        );
        self.served(answer, Served::Accepted, "miss")
    }

    fn served(&self, mut answer: Response, served: Served, timing: &str) -> Response {
        if !timing.is_empty() {
            let total = self.request.started.elapsed().as_secs_f64() * 1e3;
            let value = format!("{timing}, total;dur={total:.1}");
            insert(
                answer.headers_mut(),
                HeaderName::from_static("server-timing"),
                &value,
            );
        }
        answer.extensions_mut().insert(served);
        answer
    }
}

enum Waited {
    Async,
    Ended(Ending),
}

/// What a miss was made of (W3C Server Timing), in milliseconds.
fn server_timing(ready: &Ready) -> String {
    let mut text = "miss".to_owned();
    for (name, millis) in [("queue", ready.queued_ms), ("render", ready.render_ms)] {
        if let Some(millis) = millis {
            text = format!("{text}, {name};dur={millis}");
        }
    }
    text
}
