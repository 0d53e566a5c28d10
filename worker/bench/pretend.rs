//! A worker that waits instead of rendering, for `tests/bench/run campaigns`: `PRETEND_MS`
//! milliseconds a job, at everything else like `thumbmill-worker`. Its arguments are not read.

use std::time::Duration;

use thumbmill_http::ConnectionLimits;
use thumbmill_shared::backends::Backends;
use thumbmill_shared::metrics;
use thumbmill_shared::readiness::Hears;
use thumbmill_shared::settings::{self, Program};
use thumbmill_shared::shutdown::{self, Ending, Shutdown};
use thumbmill_worker::isolation::Pretend;
use tokio::net::TcpListener;

#[expect(clippy::disallowed_methods, reason = "a benchmark's own variable")]
fn how() -> anyhow::Result<Pretend> {
    Ok(Pretend {
        takes: Duration::from_millis(std::env::var("PRETEND_MS")?.parse()?),
        panics_at_width_px: None,
    })
}

fn main() -> anyhow::Result<std::process::ExitCode> {
    let command = settings::command(Program::Worker, "Pretends.");
    let matches = command.try_get_matches_from(["pretending-worker"])?;
    let settings = settings::read(Program::Worker, &matches)
        .map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let how = how()?;
    let ending = Ending {
        delay: Duration::ZERO,
        grace: settings.grace,
    };
    Ok(shutdown::run_to_end(ending, |shutdown| async move {
        let listener = TcpListener::bind(settings.metrics_listen).await?;
        let routes = thumbmill_http::health::router(metrics::install()?, &shutdown);
        let limits = ConnectionLimits::of(&settings);
        let health = thumbmill_http::serve(listener, routes, limits, Shutdown::default());
        shutdown.spawn_detached(async move {
            let _ = health.await;
        });
        let backends = Backends::open(&settings, Hears::Changes, &shutdown).await?;
        thumbmill_worker::run_pretending(how, &settings, backends, shutdown).await
    }))
}
