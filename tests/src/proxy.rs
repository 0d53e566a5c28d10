//! A TCP proxy in front of a server, which fails as networks and servers do.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

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
}

impl Proxy {
    /// In front of the server at `host:port`.
    pub async fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, epoch) = (Mode::Pass, 0);
        let state = watch::Sender::new(State { mode, epoch });
        let (server, receiver) = (server.to_owned(), state.subscribe());
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (server, receiver) = (server.clone(), receiver.clone());
                tokio::spawn(async move {
                    // A connection that broke is one that is over.
                    let _ = connection(client, &server, receiver).await;
                });
            }
        });
        Self { address, state }
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
}

async fn connection(
    mut client: TcpStream,
    server: &str,
    mut state: watch::Receiver<State>,
) -> std::io::Result<()> {
    let epoch = state.borrow_and_update().epoch;
    let mut server = TcpStream::connect(server).await?;
    let (mut up, mut down) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    let mut answered = 0;
    loop {
        let now = *state.borrow_and_update();
        if now.epoch != epoch || now.mode == Mode::Refuse {
            return Ok(());
        }
        if now.mode == Mode::Silent {
            if state.changed().await.is_err() {
                return Ok(());
            }
            continue;
        }
        tokio::select! {
            changed = state.changed() => if changed.is_err() { return Ok(()) },
            read = client.read(&mut up) => match read? {
                0 => return Ok(()),
                read => server.write_all(&up[..read]).await?,
            },
            read = server.read(&mut down) => {
                let read = read?;
                let wanted = match now.mode {
                    Mode::CutAfter(most) => read.min(most.saturating_sub(answered)),
                    Mode::Pass | Mode::Refuse | Mode::Silent => read,
                };
                client.write_all(&down[..wanted]).await?;
                answered += wanted;
                if read == 0 || wanted < read {
                    return Ok(());
                }
            }
        }
    }
}
