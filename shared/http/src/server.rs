//! Accepts connections: so many at a time, and so many of one client. HTTP/1.1 only: HTTP/2 is for
//! the proxy in front, which has TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use thumbmill_shared::metrics::{CONNECTIONS, CONNECTIONS_REFUSED};
use thumbmill_shared::settings::{Connections, Settings};
use thumbmill_shared::shutdown::Shutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::activity::Timeouts;
use crate::client::Client;
use crate::connection;
use crate::descriptors::connections_that_fit;
use crate::places::{Full, Places};

pub(crate) mod refusal;

/// How long no connection is accepted after the system could not give one.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long a connection that is refused may take to ask for something.
const ASKS_WITHIN: Duration = Duration::from_secs(1);
/// So many connections that are refused may take their time to read why.
const REFUSED_AT_ONCE: usize = 32;
/// What an upload may have beside its file.
const ENVELOPE_BYTES: u64 = 1024 * 1024;

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    pub(crate) timeouts: Timeouts,
    /// How long a connection goes on to be read after its last answer, and so many bytes.
    pub(crate) linger: Duration,
    pub(crate) linger_bytes: u64,
    /// What is read of a head; the routes may refuse shorter ones.
    pub(crate) max_head_buffer_bytes: usize,
    /// So many at a time.
    pub(crate) connections: u32,
    /// So many of one client.
    pub(crate) per_client: Option<u32>,
}

impl ConnectionLimits {
    /// Those that `settings` name.
    pub fn of(settings: &Settings) -> Self {
        let connections = match settings.max_connections {
            Connections::Auto => connections_that_fit(),
            Connections::Count(count) => count.get(),
        };
        // Behind a proxy all connections are the proxy's.
        let per_client = match settings.client_header {
            None => Some(
                settings
                    .max_connections_per_client
                    .min(connections.div_ceil(2)),
            ),
            Some(_) => None,
        };
        let max_header_bytes = settings.max_header_bytes.bytes();
        Self {
            timeouts: Timeouts {
                header: settings.header_timeout,
                idle: settings.idle_timeout,
                write: settings.write_timeout,
            },
            linger: settings.linger_timeout,
            linger_bytes: settings.max_original_bytes.bytes() + ENVELOPE_BYTES,
            max_head_buffer_bytes: usize::try_from(max_header_bytes)
                .unwrap_or(usize::MAX)
                .saturating_add(BESIDE_HEADER_BYTES),
            connections,
            per_client,
        }
    }
}

/// A head that is hardly too long is read, so that its client can be told by how much it may be.
const BESIDE_HEADER_BYTES: usize = 8 * 1024;

/// Serves `routes` on all connections that come, until `shutdown` begins and those that came before
/// have their answers.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    limits: ConnectionLimits,
    shutdown: Shutdown,
) -> io::Result<()> {
    let server = Server {
        places: Places::new(limits.connections, limits.per_client, CONNECTIONS),
        refused: Arc::new(Semaphore::new(REFUSED_AT_ONCE)),
        connections: TaskTracker::new(),
        routes,
        limits,
        shutdown,
    };
    tracing::info!(
        address = %listener.local_addr()?,
        connections = limits.connections,
        per_client = limits.per_client,
        "accepting connections"
    );
    loop {
        let accepted = tokio::select! {
            () = server.shutdown.begun() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => server.take(stream, peer),
            Err(error) if is_the_connections_own(&error) => {}
            Err(error) => {
                metrics::counter!(CONNECTIONS_REFUSED, "reason" => "system").increment(1);
                tracing::error!(
                    %error,
                    "the system gives no connection; raise its limit on open files (ulimit -n), or \
                     lower THUMBMILL_MAX_CONNECTIONS"
                );
                tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
            }
        }
    }
    drop(listener);
    server.connections.close();
    server.connections.wait().await;
    Ok(())
}

struct Server {
    places: Places,
    /// Places of connections that are refused.
    refused: Arc<Semaphore>,
    connections: TaskTracker,
    routes: Router,
    limits: ConnectionLimits,
    shutdown: Shutdown,
}

impl Server {
    fn take(&self, mut stream: TcpStream, peer: SocketAddr) {
        let limits = self.limits;
        match self.places.enter(Client::from(peer.ip())) {
            Ok(place) => {
                let (routes, shutdown) = (self.routes.clone(), self.shutdown.clone());
                self.connections.spawn(async move {
                    connection::serve(stream, peer, routes, limits, shutdown).await;
                    drop(place);
                });
            }
            Err(full) => {
                let reason = match full {
                    Full::All => "all",
                    Full::Client => "client",
                };
                metrics::counter!(CONNECTIONS_REFUSED, "reason" => reason).increment(1);
                // Who comes beyond that sees that the connection is closed.
                if let Ok(place) = Arc::clone(&self.refused).try_acquire_owned() {
                    self.connections.spawn(async move {
                        // Some clients take an answer that comes before they have asked for an error.
                        let _ = tokio::time::timeout(ASKS_WITHIN, stream.readable()).await;
                        let answer = refusal::full(full, &limits);
                        connection::refuse(&mut stream, &answer, &limits).await;
                        drop(place);
                    });
                }
            }
        }
    }
}

/// Did only this connection fail, before it was accepted (accept(2))?
fn is_the_connections_own(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
