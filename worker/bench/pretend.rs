//! A worker that waits instead of rendering, for `tests/bench/run campaigns`: `PRETEND_MS`
//! milliseconds a job, at everything else like `thumbmill-worker`. Its arguments are not read.

use std::time::Duration;

use thumbmill_http::ConnectionLimits;
use thumbmill_shared::backends::Backends;
use thumbmill_shared::metrics;
use thumbmill_shared::readiness::Hears;
use thumbmill_shared::settings::{self, Program};
use thumbmill_shared::shutdown::{self, Shutdown};
use tokio::net::TcpListener;

#[expect(clippy::disallowed_methods, reason = "a benchmark's own variable")]
fn takes() -> anyhow::Result<Duration> {
    Ok(Duration::from_millis(std::env::var("PRETEND_MS")?.parse()?))
}

fn main() -> anyhow::Result<std::process::ExitCode> {
    let command = settings::command(Program::Worker, "Pretends.");
    let matches = command.try_get_matches_from(["pretending-worker"])?;
    let settings = settings::read(Program::Worker, &matches)
        .map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let takes = takes()?;
    Ok(shutdown::run_to_end(
        settings.grace,
        |shutdown| async move {
            let listener = TcpListener::bind(settings.metrics_listen).await?;
            let routes = thumbmill_http::health::router(metrics::install()?, &shutdown);
            let limits = ConnectionLimits::of(&settings);
            let health = thumbmill_http::serve(listener, routes, limits, Shutdown::default());
            shutdown.spawn_detached(async move {
                let _ = health.await;
            });
            let backends = Backends::open(&settings, Hears::Changes, &shutdown).await?;
            thumbmill_worker::run_pretending(takes, &settings, backends, shutdown).await
        },
    ))
}
