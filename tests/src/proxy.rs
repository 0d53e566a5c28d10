//! A TCP proxy in front of a server, which fails as networks and servers do.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

mod connection;
mod http;

pub use http::Request;

/// What the proxy does with connections, those that stand and new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Passes everything on.
    Pass,
    /// Closes them: the server is gone.
    Refuse,
    /// Keeps them and passes nothing on: the server is frozen, or the network drops everything.
    Silent,
    /// Closes them once so many bytes of answers went through.
    CutAfter(usize),
    /// Passes an answer on so long after its request; the server has done it by then.
    Slow(Duration),
    /// Answers HTTP requests itself, as S3 does when it is asked too much: 503 and `SlowDown`.
    SlowDown,
    /// Answers HTTP requests itself, as S3 does when credentials have expired: 400 and `ExpiredToken`.
    Expired,
}

#[derive(Clone, Copy, Debug)]
struct State {
    mode: Mode,
    /// Connections of an earlier one are closed.
    epoch: u32,
}

/// A proxy; ends with the runtime.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Proxy {
    /// In front of the server at `host:port`.
    pub async fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, epoch) = (Mode::Pass, 0);
        let state = watch::Sender::new(State { mode, epoch });
        let (server, receiver) = (server.to_owned(), state.subscribe());
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (server, receiver) = (server.clone(), receiver.clone());
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    // A connection that broke is one that is over.
                    let _ = connection::serve(client, &server, receiver, &seen).await;
                });
            }
        });
        Self {
            address,
            state,
            requests,
        }
    }

    /// `url` with the proxy in the place of its host and port.
    pub async fn in_front_of(url: &str) -> (Self, String) {
        let after = url
            .find('@')
            .or_else(|| url.find("//").map(|at| at + 1))
            .unwrap()
            + 1;
        let end = url[after..].find('/').map_or(url.len(), |at| after + at);
        let proxy = Self::start(&url[after..end]).await;
        let url = format!("{}{}{}", &url[..after], proxy.address, &url[end..]);
        (proxy, url)
    }

    /// From now on.
    pub fn set(&self, mode: Mode) {
        self.state.send_modify(|state| state.mode = mode);
    }

    /// Closes all connections that there are; new ones are as before.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.epoch += 1);
    }

    /// Every HTTP request that went through, or was answered here.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}
