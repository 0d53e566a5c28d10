//! Every route, and what goes before it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::Uri;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use thumbmill_shared::access::Role;
use thumbmill_shared::telemetry::panic_text;
use tower_http::catch_panic::CatchPanicLayer;

use crate::access::{self, Doors};
use crate::caller::{Credentials, identify};
use crate::error::ApiError;
use crate::{App, assets, campaigns, files, limits, observe};

/// For everybody; each file has its own access.
pub(crate) fn assets() -> Router<Arc<App>> {
    Router::new()
        .route("/assets/{id}", get(assets::by_id))
        .route("/assets/{id}/", get(assets::by_id))
        .route("/assets/{id}/{filename}", get(assets::by_id_and_name))
}

/// For those who have a role; `metrics` is a route of its own.
pub(crate) fn operators(metrics: Router) -> Router<Arc<App>> {
    let files = Router::new()
        .route("/files", post(files::create))
        .route(
            "/files/{id}",
            get(files::describe)
                .patch(files::change)
                .delete(files::delete),
        )
        .route("/files/{id}/variants", delete(files::delete_variants))
        .route_layer(from_fn_with_state(Role::Write, needs));
    let campaigns = Router::new()
        .route("/campaigns", get(campaigns::list))
        .route("/campaigns/{name}", get(campaigns::show))
        .merge(metrics.with_state(()))
        .route_layer(from_fn_with_state(Role::Admin, needs));
    files.merge(campaigns)
}

/// The same routes with everything around them that no request gets past.
pub(crate) fn guarded(routes: Router<Arc<App>>, app: &Arc<App>, doors: Doors) -> Router {
    let identified = (Arc::clone(app), doors);
    routes
        .route_layer(from_fn_with_state(Arc::clone(app), limits::enforce))
        .method_not_allowed_fallback(no_method)
        .fallback(no_route)
        // There is a list of limits, and this would be another.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(identified, identify))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(observe::observe))
        .with_state(Arc::clone(app))
}

async fn needs(
    State(role): State<Role>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let caller = request.extensions().get::<Credentials>();
    let caller = caller.map(|credentials| credentials.caller);
    access::route(caller.unwrap_or_default(), role).map_err(ApiError::Forbidden)?;
    Ok(next.run(request).await)
}

async fn no_route(uri: Uri) -> ApiError {
    ApiError::NoRoute(uri.path().to_owned())
}

async fn no_method(_: Request) -> ApiError {
    ApiError::NoMethod
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the layer hands it over by value"
)]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    ApiError::Internal(anyhow::anyhow!("panicked: {}", panic_text(&*panic))).into_response()
}
