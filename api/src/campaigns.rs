//! `/campaigns`: how far bulk jobs are, and what failed.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use thumbmill_shared::campaigns::{Campaign, CampaignName, Failed};

use crate::App;
use crate::error::ApiError;

/// `GET /campaigns`: all of them, the latest first.
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<Value>, ApiError> {
    let all = app.campaigns.list().await?;
    let all: Vec<Value> = all.iter().map(Campaign::to_json).collect();
    Ok(Json(json!({"data": all})))
}

/// Which part of the failures.
#[derive(Deserialize)]
pub(crate) struct Part {
    #[serde(default)]
    failures_from: u64,
}

/// `GET /campaigns/{name}`: one of them, and some hundred of its failures; `failures_next` is the
/// `failures_from` that brings more, or null.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    part: Result<Query<Part>, QueryRejection>,
) -> Result<Json<Value>, ApiError> {
    let Path(name) = path?;
    let Query(part) = part.map_err(|_| ApiError::FailuresFrom)?;
    let name: CampaignName = name.parse().map_err(|_| ApiError::NoCampaign)?;
    let campaign = app.campaigns.show(&name).await?;
    let mut shown = campaign.ok_or(ApiError::NoCampaign)?.to_json();
    let page = app.campaigns.failed(&name, part.failures_from).await?;
    let failures: Vec<Value> = page.failed.iter().map(Failed::to_json).collect();
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("failures".to_owned(), failures.into());
        fields.insert("failures_next".to_owned(), json!(page.next));
    }
    Ok(Json(json!({"data": shown})))
}
