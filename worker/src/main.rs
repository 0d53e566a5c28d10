//! `thumbmill-worker`: takes jobs from the queue and renders thumbnails.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use thumbmill_http::ConnectionLimits;
use thumbmill_shared::backends::{Backends, problems_apart};
use thumbmill_shared::readiness::Hears;
use thumbmill_shared::settings::{self, Program, Settings};
use thumbmill_shared::shutdown::{self, Ending, Shutdown};
use thumbmill_shared::{metrics, telemetry};
use thumbmill_worker::isolation::{self, Audience};
use tokio::net::TcpListener;

fn main() -> ExitCode {
    if let Some(code) = isolation::serve_if_asked() {
        return code;
    }
    let settings = settings::read_or_exit(
        Program::Worker,
        "Takes jobs from the queue and renders thumbnails.",
    );
    let problems = problems_apart(&settings);
    if !problems.is_empty() {
        settings::exit_with(Program::Worker, &problems);
    }
    let ending = Ending {
        delay: Duration::ZERO,
        grace: settings.grace,
    };
    shutdown::run_to_end(ending, |shutdown| run(settings, shutdown))
}

async fn run(settings: Settings, shutdown: Shutdown) -> anyhow::Result<()> {
    telemetry::install(settings.log, &settings.log_filter)?;
    let metrics = metrics::install()?;
    let address = settings.metrics_listen;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("listen on {address}"))?;
    thumbmill_http::raise_open_files();
    // Until the very end: while the process drains, operators want to know more than ever.
    let health = thumbmill_http::serve(
        listener,
        thumbmill_http::health::router(metrics, &shutdown),
        ConnectionLimits::of(&settings),
        Shutdown::default(),
    );
    shutdown.spawn_detached(async move {
        if let Err(error) = health.await {
            tracing::error!(%error, "serve health and metrics");
        }
    });
    // Others ask for what this process renders.
    let renderer = isolation::start(&settings, Audience::Network).await?;
    let backends = Backends::open(&settings, Hears::Changes, &shutdown).await?;
    thumbmill_worker::run(renderer, &settings, backends, shutdown).await
}
