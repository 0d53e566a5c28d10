//! Thumbmill's api: HTTP in, bytes out. Originals and thumbnails that are there are served from
//! the store; missing ones are put on the queue and waited for. Knows no pixels.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use thumbmill_http::ConnectionLimits;
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

mod accept;
mod access;
mod application;
mod assets;
mod caller;
mod campaigns;
mod delivery;
mod descriptions;
mod error;
mod files;
mod flight;
mod limits;
mod observe;
mod prefer;
mod pregenerate;
mod query;
mod renewals;
mod routes;
mod send;
mod tokens;
mod turns;
mod upload;

use access::{Doors, Rules};
use application::Application;
use descriptions::Descriptions;
use flight::{Flights, Limits};
use pregenerate::Pregenerate;
use renewals::Renewals;
use tokens::TokenFile;

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
    campaigns: Campaigns,
    pregenerate: Pregenerate,
    rules: Rules,
    tokens: TokenFile,
    application: Option<Application>,
    shutdown: Shutdown,
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

/// Reads the presets that `settings` name, and what becomes of sizes beside them.
pub fn presets(settings: &Settings) -> Result<Presets, thumbmill_shared::preset::PresetFileError> {
    let presets = settings
        .presets
        .as_deref()
        .map_or_else(|| Ok(Presets::default()), Presets::read)?;
    Ok(presets.with_ladder(settings.widths.clone()))
}

/// Where HTTP is served.
#[derive(Debug)]
pub struct Listeners {
    /// Of everything, or of what is for everybody.
    pub assets: TcpListener,
    /// Of what is for operators.
    pub admin: Option<TcpListener>,
}

impl Listeners {
    /// Opens the addresses that `settings` name.
    pub async fn open(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self {
            assets: bind(settings.listen).await?,
            admin: match settings.admin_listen {
                Some(address) => Some(bind(address).await?),
                None => None,
            },
        })
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("listen on {address}"))
}

/// Serves HTTP until `shutdown` begins and all requests that came before are answered.
pub async fn run(
    listeners: Listeners,
    settings: Settings,
    backends: Backends,
    metrics: PrometheusHandle,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    thumbmill_http::raise_open_files();
    let limits = ConnectionLimits::of(&settings);
    let app = Arc::new(app(settings, backends, &shutdown)?);
    let metrics = thumbmill_http::health::metrics(metrics, &shutdown);
    let doors = |listener: &TcpListener| -> anyhow::Result<Doors> {
        let address = listener.local_addr()?;
        let doors = Doors::of(&app.settings, address.ip());
        tell(doors, address);
        Ok(doors)
    };
    let Listeners { assets, admin } = listeners;
    let probes = || thumbmill_http::health::probes(shutdown.clone());
    let serve = |listener, routes: axum::Router| {
        thumbmill_http::serve(listener, routes.merge(probes()), limits, shutdown.clone())
    };
    let served = match admin {
        None => {
            let all = routes::assets().merge(routes::operators(metrics));
            let all = routes::guarded(all, &app, doors(&assets)?);
            serve(assets, all).await
        }
        Some(admin) => {
            let operators = routes::operators(metrics);
            let operators = routes::guarded(operators, &app, doors(&admin)?);
            let for_all = routes::guarded(routes::assets(), &app, doors(&assets)?);
            let both = tokio::try_join!(serve(assets, for_all), serve(admin, operators));
            both.map(|_| ())
        }
    };
    served.context("serve HTTP")
}

fn app(settings: Settings, backends: Backends, shutdown: &Shutdown) -> anyhow::Result<App> {
    let Backends {
        storage,
        originals,
        queue,
        readiness,
        campaigns,
    } = backends;
    let descriptions = Descriptions::new(originals.clone(), readiness.clone());
    let flights = Limits {
        all: settings.max_waiting,
        per_client: settings.max_waiting_per_client,
        per_original: settings.max_waiting_per_original,
    };
    let presets = presets(&settings)?;
    let pregenerate = Pregenerate::new(&settings, &presets, queue.clone())?;
    let flights = Flights::new(storage.clone(), readiness.clone(), queue, flights, shutdown);
    shutdown.spawn_detached(flights.clone().listen(descriptions.clone()));
    let renewals = Renewals::new(storage.clone(), settings.renew_after, shutdown);
    Ok(App {
        rules: Rules {
            default_access: settings.default_access,
            originals: settings.originals,
            transforms: settings.transforms,
        },
        tokens: TokenFile::open(settings.tokens.as_deref(), shutdown)?,
        application: Application::of(&settings)?,
        settings,
        presets,
        storage,
        originals,
        readiness,
        descriptions,
        flights,
        renewals,
        campaigns,
        pregenerate,
        shutdown: shutdown.clone(),
    })
}

/// Says to whom everything is open.
fn tell(doors: Doors, address: SocketAddr) {
    match doors {
        Doors::Open => tracing::warn!(
            %address,
            "everybody who reaches this address may upload, change and delete files (THUMBMILL_ACCESS=open)"
        ),
        Doors::Local => tracing::info!(
            %address,
            "whoever calls this address localhost, or by a loopback address, may upload, change and delete files"
        ),
        Doors::Closed => tracing::info!(
            %address,
            "public files can be read; everything else needs a token of THUMBMILL_TOKENS"
        ),
    }
}
