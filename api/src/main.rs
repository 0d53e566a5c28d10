//! `thumbmill-api`: serves originals and thumbnails, and puts missing ones on the queue.

use std::process::ExitCode;

use thumbmill_api::Listeners;
use thumbmill_shared::backends::{Backends, problems_apart};
use thumbmill_shared::readiness::Hears;
use thumbmill_shared::settings::{self, Program, Settings};
use thumbmill_shared::shutdown::{self, Ending, Shutdown};
use thumbmill_shared::{metrics, telemetry};

fn main() -> ExitCode {
    let settings =
        settings::read_or_exit(Program::Api, "Serves originals and thumbnails over HTTP.");
    let problems = problems_apart(&settings);
    if !problems.is_empty() {
        settings::exit_with(Program::Api, &problems);
    }
    let ending = Ending {
        delay: settings.drain_delay,
        grace: settings.grace,
    };
    shutdown::run_to_end(ending, |shutdown| run(settings, shutdown))
}

async fn run(settings: Settings, shutdown: Shutdown) -> anyhow::Result<()> {
    telemetry::install(settings.log, &settings.log_filter)?;
    let metrics = metrics::install()?;
    let listeners = Listeners::open(&settings).await?;
    let backends = Backends::open(&settings, Hears::Everything, &shutdown).await?;
    thumbmill_api::run(listeners, settings, backends, metrics, shutdown).await
}
