//! What operators ask a process: is it alive, does it want work, what has it counted. The same
//! in api and worker, shallow, and outside all limits.

use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use thumbmill_shared::shutdown::Shutdown;

/// How often counted observations are folded together, whether or not anybody reads them.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// `/livez`, `/readyz` and `/metrics`.
pub fn router(metrics: PrometheusHandle, shutdown: &Shutdown) -> Router {
    probes(shutdown.clone()).merge(self::metrics(metrics, shutdown))
}

/// `/livez` and `/readyz`.
pub fn probes(shutdown: Shutdown) -> Router {
    let readyz = move || {
        let ending = shutdown.is_announced();
        async move {
            if ending {
                (StatusCode::SERVICE_UNAVAILABLE, "ending\n")
            } else {
                (StatusCode::OK, "ready\n")
            }
        }
    };
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
}

/// `/metrics`.
pub fn metrics(metrics: PrometheusHandle, shutdown: &Shutdown) -> Router {
    let upkeep = metrics.clone();
    shutdown.spawn_until_begun(async move {
        loop {
            tokio::time::sleep(UPKEEP_EVERY).await;
            upkeep.run_upkeep();
        }
    });
    let render = move || {
        let text = metrics.render();
        async move {
            (
                [(
                    header::CONTENT_TYPE,
                    "text/plain; version=0.0.4; charset=utf-8",
                )],
                text,
            )
                .into_response()
        }
    };
    Router::new().route("/metrics", get(render))
}
