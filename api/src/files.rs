//! `/files`: upload, describe, amend, replace and delete originals, and delete their variants.

use std::sync::Arc;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use thumbmill_shared::asset::{Access, AssetId, Filename, Original, Title};
use thumbmill_shared::shown::shown;

use crate::App;
use crate::error::ApiError;
use crate::limits::{Limit, body_error, is_multipart};
use crate::upload::{self, Received};

/// `POST /files`: a new original.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let Received { upload, spool } = upload::receive(&app, request).await?;
    let shutdown = app.shutdown.clone();
    let creating = async move {
        let original = app.originals.create(upload).await?;
        drop(spool);
        app.pregenerate.publish(original.id).await;
        tracing::info!(asset = %original.id, bytes = original.length_bytes, media_type = original.media_type, "created");
        Ok(record(&app, &original))
    };
    shutdown.see_through(creating).await
}

/// `GET /files/{id}`: what is known of an original.
pub(crate) async fn describe(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Value>, ApiError> {
    let original = app
        .originals
        .describe(id(path)?)
        .await?
        .ok_or(ApiError::NoAsset)?;
    Ok(record(&app, &original))
}

/// `PATCH /files/{id}`: JSON changes what is said of an original, a multipart body replaces the bytes.
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let asset = id(path)?;
    let shutdown = app.shutdown.clone();
    if is_multipart(request.headers()) {
        let Received { upload, spool } = upload::receive(&app, request).await?;
        let replacing = async move {
            let told = tell(&app, asset);
            let replaced = app.originals.replace(asset, upload, told).await?;
            drop(spool);
            app.pregenerate.publish(asset).await;
            Ok(record(&app, &replaced))
        };
        shutdown.see_through(replacing).await
    } else {
        let fields = Fields::read(&app, request).await?;
        let amending = async move {
            let amend = |original: &mut Original| fields.apply(original);
            let amended = app.originals.amend(asset, amend).await;
            // Also after an error: the change may have happened.
            tell(&app, asset).await;
            Ok(record(&app, &amended?))
        };
        shutdown.see_through(amending).await
    }
}

/// `DELETE /files/{id}`: the original and all its variants.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let asset = id(path)?;
    let shutdown = app.shutdown.clone();
    let deleting = async move { app.originals.delete(asset, tell(&app, asset)).await };
    no_content(shutdown.see_through(deleting).await?)
}

/// `DELETE /files/{id}/variants`: all variants, which are made again when they are asked for.
pub(crate) async fn delete_variants(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    no_content(app.originals.delete_variants(id(path)?).await?)
}

fn no_content(existed: bool) -> Result<StatusCode, ApiError> {
    if existed {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::NoAsset)
    }
}

fn id(path: Result<Path<String>, PathRejection>) -> Result<AssetId, ApiError> {
    let Path(text) = path?;
    Ok(text.parse()?)
}

/// Tells this and all other processes that an original has changed.
async fn tell(app: &App, asset: AssetId) {
    app.descriptions.forget(asset).await;
    if let Err(error) = app.readiness.original_changed(asset).await {
        tracing::warn!(%error, %asset, "a change could not be announced; others see it within seconds");
    }
}

/// What can be changed, by its name in JSON.
#[derive(Deserialize)]
struct Fields {
    filename_download: Option<String>,
    title: Option<String>,
    access: Option<String>,
    #[serde(default)]
    focal_point_x: Change,
    #[serde(default)]
    focal_point_y: Change,
}

/// All names of [`Fields`].
const FIELDS: [&str; 5] = [
    "filename_download",
    "title",
    "access",
    "focal_point_x",
    "focal_point_y",
];

/// Of a name that is none of these.
const NAME_CHARACTERS: usize = 100;

/// What becomes of something that may be unset.
#[derive(Clone, Copy, Default)]
enum Change {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is set, or unset by `null`.
    To(Option<u32>),
}

impl<'de> Deserialize<'de> for Change {
    fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        Option::deserialize(json).map(Self::To)
    }
}

impl Change {
    fn apply(self, value: &mut Option<u32>) {
        match self {
            Self::Keep => {}
            Self::To(new) => *value = new,
        }
    }
}

/// Fields that were found to be good.
struct Amendment {
    filename: Option<Filename>,
    title: Option<Title>,
    access: Option<Access>,
    focal_point: (Change, Change),
}

impl Fields {
    async fn read(app: &App, request: Request) -> Result<Amendment, ApiError> {
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let json = content_type.and_then(|value| value.to_str().ok());
        if !json.is_some_and(is_json) {
            return Err(ApiError::MediaType(", or application/json with new fields"));
        }
        let settings = &app.settings;
        let body = to_bytes(request.into_body(), usize::MAX).await;
        let body = body.map_err(|error| body_error(&error, Limit::json(settings), settings))?;
        Self::parse(&body).map_err(ApiError::Payload)
    }

    fn parse(json: &[u8]) -> Result<Amendment, String> {
        let object: Map<String, Value> =
            serde_json::from_slice(json).map_err(|_| "The body is no JSON object".to_owned())?;
        if let Some(name) = object.keys().find(|name| !FIELDS.contains(&name.as_str())) {
            let (name, known) = (shown(name, NAME_CHARACTERS), FIELDS.join(", "));
            return Err(format!("\"{name}\" cannot be changed, only {known}"));
        }
        let wrong = |error: serde_json::Error| shown(&error.to_string(), NAME_CHARACTERS);
        serde_json::from_value::<Self>(object.into())
            .map_err(wrong)?
            .checked()
    }

    fn checked(self) -> Result<Amendment, String> {
        let filename = self.filename_download.map(|name| Filename::of(&name));
        if filename == Some(None) {
            return Err("\"filename_download\" is no file name".to_owned());
        }
        let title = self.title.map(Title::parse).transpose();
        let access = self.access.map(|access| access.parse()).transpose();
        Ok(Amendment {
            filename: filename.flatten(),
            title: title.map_err(|error| error.to_string())?,
            access: access.map_err(|known| format!("\"access\" is {known}"))?,
            focal_point: (self.focal_point_x, self.focal_point_y),
        })
    }
}

impl Amendment {
    fn apply(&self, original: &mut Original) {
        if let Some(filename) = &self.filename {
            original.filename.clone_from(filename);
        }
        if let Some(title) = &self.title {
            original.title.clone_from(title);
        }
        original.access = self.access.or(original.access);
        self.focal_point.0.apply(&mut original.focal_point_x);
        self.focal_point.1.apply(&mut original.focal_point_y);
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// The record as clients of the reference know it.
fn record(app: &App, original: &Original) -> Json<Value> {
    Json(json!({"data": {
        "id": original.id,
        "storage": app.storage_name(),
        "filename_disk": original.object,
        "filename_download": original.filename,
        "title": original.title,
        "type": original.media_type,
        "filesize": original.length_bytes,
        "version": original.version.as_str(),
        "access": original.access.unwrap_or(app.settings.default_access).name(),
        "focal_point_x": original.focal_point_x,
        "focal_point_y": original.focal_point_y,
        "uploaded_on": rfc3339(original.uploaded_unix),
        "modified_on": rfc3339(original.modified_unix),
    }}))
}

/// A moment as RFC 3339 writes it, in UTC.
fn rfc3339(unix: u64) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(unix);
    humantime::format_rfc3339_seconds(time).to_string()
}
