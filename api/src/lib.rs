//! Thumbmill's api: HTTP in, bytes out. Originals and thumbnails that are there are served from
//! the store; missing ones are put on the queue and waited for. Knows no pixels.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::Uri;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::serve::ListenerExt;
use metrics_exporter_prometheus::PrometheusHandle;
use thumbmill_shared::backends::Backends;
use thumbmill_shared::campaigns::Campaigns;
use thumbmill_shared::originals::Originals;
use thumbmill_shared::preset::Presets;
use thumbmill_shared::readiness::Readiness;
use thumbmill_shared::settings::Settings;
use thumbmill_shared::shutdown::Shutdown;
use thumbmill_shared::storage::Storage;
use thumbmill_shared::transform::VariantRequest;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

mod accept;
mod assets;
mod campaigns;
mod delivery;
mod descriptions;
mod error;
mod files;
mod flight;
mod observe;
mod prefer;
mod pregenerate;
mod query;
mod renewals;
mod send;
mod upload;
mod waiting;

use descriptions::Descriptions;
use error::ApiError;
use flight::{Flights, Limits};
use pregenerate::Pregenerate;
use renewals::Renewals;
use waiting::WaitingRoom;

/// What a query of `/assets` asks for, or what its client is told: for tests that bring any text.
#[doc(hidden)]
pub fn read_query(raw: &str) -> Result<VariantRequest, String> {
    let query = query::Query::parse(raw).map_err(|error| error.to_string())?;
    Ok(query.variant)
}

/// Everything that a request needs.
struct App {
    settings: Settings,
    presets: Presets,
    storage: Storage,
    originals: Originals,
    readiness: Readiness,
    descriptions: Descriptions,
    flights: Flights,
    renewals: Renewals,
    waiting: WaitingRoom,
    campaigns: Campaigns,
    pregenerate: Pregenerate,
}

impl App {
    /// What a record says under `storage`.
    fn storage_name(&self) -> &'static str {
        match self.storage {
            Storage::Files(_) => "local",
            Storage::S3(_) => "s3",
        }
    }
}

/// Every route.
fn router(app: Arc<App>, health: Router) -> Router {
    Router::new()
        .route("/assets/{id}", get(assets::by_id))
        .route("/assets/{id}/", get(assets::by_id))
        .route("/assets/{id}/{filename}", get(assets::by_id_and_name))
        .route("/files", post(files::create))
        .route(
            "/files/{id}",
            get(files::describe)
                .patch(files::change)
                .delete(files::delete),
        )
        .route("/campaigns", get(campaigns::list))
        .route("/campaigns/{name}", get(campaigns::show))
        .route("/files/{id}/variants", delete(files::delete_variants))
        .method_not_allowed_fallback(no_method)
        .fallback(no_route)
        // Uploads have a limit of their own, in bytes of the file.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(observe::observe))
        .with_state(app)
        .merge(health)
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
    let what = panic.downcast_ref::<String>().map(String::as_str);
    let what = what
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic");
    ApiError::Internal(anyhow::anyhow!("{what}")).into_response()
}

/// Reads the presets that `settings` name, and what becomes of sizes beside them.
pub fn presets(settings: &Settings) -> Result<Presets, thumbmill_shared::preset::PresetFileError> {
    let presets = settings
        .presets
        .as_deref()
        .map_or_else(|| Ok(Presets::default()), Presets::read)?;
    Ok(presets.with_ladder(settings.widths.clone()))
}

/// Opens the address that `settings` name.
pub async fn listen(settings: &Settings) -> anyhow::Result<TcpListener> {
    bind(settings.listen).await
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("listen on {address}"))
}

/// Serves HTTP until `shutdown` begins and all requests that came before are answered.
pub async fn run(
    listener: TcpListener,
    settings: Settings,
    backends: Backends,
    metrics: PrometheusHandle,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let Backends {
        storage,
        originals,
        queue,
        readiness,
        campaigns,
    } = backends;
    let descriptions = Descriptions::new(originals.clone(), readiness.clone());
    let limits = Limits {
        longest: settings.wait_max,
        per_original: settings.max_waiting_per_original,
    };
    let waiting = WaitingRoom::new(settings.max_waiting, settings.max_waiting_per_client);
    let presets = presets(&settings)?;
    let pregenerate = Pregenerate::new(&settings, &presets, queue.clone())?;
    let flights = Flights::new(storage.clone(), readiness.clone(), queue, limits, &shutdown);
    shutdown.spawn_detached(flights.clone().listen(descriptions.clone()));
    let renewals = Renewals::new(storage.clone(), settings.renew_after, &shutdown);
    let app = App {
        settings,
        presets,
        storage,
        originals,
        readiness,
        descriptions,
        flights,
        renewals,
        waiting,
        campaigns,
        pregenerate,
    };
    let health = thumbmill_health::router(metrics, shutdown.clone());
    tracing::info!(address = %listener.local_addr()?, "serving");
    let ended = shutdown.clone();
    // An answer's last packet must not wait for the client to acknowledge the one before it.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
    });
    let routes = router(Arc::new(app), health);
    let serve = axum::serve(
        listener,
        routes.into_make_service_with_connect_info::<SocketAddr>(),
    );
    serve
        .with_graceful_shutdown(async move { ended.begun().await })
        .await
        .context("serve HTTP")
}
