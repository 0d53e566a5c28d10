//! `/files`: upload, describe, amend, replace and delete originals, and delete their variants.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use thumbmill_shared::asset::{AssetId, Original};

use crate::App;
use crate::delivery::safe_filename;
use crate::error::ApiError;
use crate::upload::{self, Received};

/// `POST /files`: a new original.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let Received { upload, spool } = upload::receive(&app, multipart(request, &app).await?).await?;
    let original = app.originals.create(upload).await?;
    drop(spool);
    app.pregenerate.publish(original.id).await;
    tracing::info!(asset = %original.id, bytes = original.length_bytes, media_type = original.media_type, "created");
    Ok(record(&app, &original))
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
    let original = if is_multipart(request.headers()) {
        let Received { upload, spool } =
            upload::receive(&app, multipart(request, &app).await?).await?;
        let replaced = app.originals.replace(asset, upload).await?;
        drop(spool);
        app.pregenerate.publish(asset).await;
        replaced
    } else {
        let Json(fields) = Json::<Fields>::from_request(request, &app).await.map_err(
            |rejection| match rejection.status() {
                StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                    ApiError::MediaType(", or application/json with new fields")
                }
                _ => ApiError::Payload(rejection.body_text()),
            },
        )?;
        let fields = fields.checked()?;
        app.originals
            .amend(asset, |original| fields.apply(original))
            .await?
    };
    tell(&app, asset).await;
    Ok(record(&app, &original))
}

/// `DELETE /files/{id}`: the original and all its variants.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let asset = id(path)?;
    let existed = app.originals.delete(asset).await?;
    tell(&app, asset).await;
    if existed {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::NoAsset)
    }
}

/// `DELETE /files/{id}/variants`: all variants, which are made again when they are asked for.
pub(crate) async fn delete_variants(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    if app.originals.delete_variants(id(path)?).await? {
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    filename_download: Option<String>,
    title: Option<String>,
    #[serde(default)]
    focal_point_x: Change,
    #[serde(default)]
    focal_point_y: Change,
}

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

impl Fields {
    fn checked(self) -> Result<Self, ApiError> {
        let filename_download = match &self.filename_download {
            None => None,
            Some(name) => Some(safe_filename(name).ok_or_else(|| {
                ApiError::Payload("\"filename_download\" is no file name".to_owned())
            })?),
        };
        Ok(Self {
            filename_download,
            ..self
        })
    }

    fn apply(&self, original: &mut Original) {
        if let Some(filename) = &self.filename_download {
            original.filename.clone_from(filename);
        }
        if let Some(title) = &self.title {
            original.title.clone_from(title);
        }
        self.focal_point_x.apply(&mut original.focal_point_x);
        self.focal_point_y.apply(&mut original.focal_point_y);
    }
}

fn is_multipart(headers: &HeaderMap) -> bool {
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

async fn multipart(request: Request, app: &App) -> Result<Multipart, ApiError> {
    if !is_multipart(request.headers()) {
        return Err(ApiError::MediaType(""));
    }
    upload::refuse_if_announced_too_large(request.headers(), app.settings.max_original_bytes)?;
    Multipart::from_request(request, app)
        .await
        .map_err(|rejection| ApiError::Payload(rejection.body_text()))
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
