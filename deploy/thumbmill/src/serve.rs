//! The service in one process.

use std::io::Write;

use thumbmill_api::Listeners;
use thumbmill_shared::backends::Backends;
use thumbmill_shared::readiness::Hears;
use thumbmill_shared::settings::Settings;
use thumbmill_shared::shutdown::Shutdown;
use thumbmill_shared::{metrics, telemetry};
use thumbmill_worker::isolation::{self, Audience};

/// Serves until `shutdown` begins.
pub(crate) async fn run(settings: Settings, shutdown: Shutdown) -> anyhow::Result<()> {
    telemetry::install(settings.log, &settings.log_filter)?;
    let metrics = metrics::install()?;
    let addresses = [Some(settings.listen), settings.admin_listen];
    let mut addresses = addresses.iter().flatten();
    let audience = if addresses.all(|address| address.ip().is_loopback()) {
        Audience::Machine
    } else {
        Audience::Network
    };
    let renderer = isolation::start(&settings, audience).await?;
    let listeners = Listeners::open(&settings).await?;
    let backends = Backends::open(&settings, Hears::Everything, &shutdown).await?;
    greet(listeners.assets.local_addr()?);
    let worker = thumbmill_worker::run(renderer, &settings, backends.clone(), shutdown.clone());
    let api = thumbmill_api::run(listeners, settings.clone(), backends, metrics, shutdown);
    tokio::try_join!(api, worker)?;
    Ok(())
}

/// Says what to try next.
fn greet(address: std::net::SocketAddr) {
    // Nobody may be reading.
    let _ = writeln!(
        std::io::stdout(),
        "Thumbmill serves on http://{address} (Ctrl-C ends it). Try:

  curl -F file=@photo.jpg http://{address}/files
  # take the id from the answer, and open in a browser:
  http://{address}/assets/ID?width=200&height=200

  # or in one go:
  id=$(curl -sF file=@photo.jpg http://{address}/files | grep -o '\"id\":\"[^\"]*' | cut -d'\"' -f4)
  curl -o thumbnail.jpg \"http://{address}/assets/$id?width=200&height=200\"
"
    );
}
