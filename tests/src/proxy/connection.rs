//! One connection through the proxy.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::http::{self, Request};
use super::{Mode, State};

/// How long a client that was refused may take to notice.
const NOTICES_WITHIN: Duration = Duration::from_secs(1);

/// Two connections that are made one.
struct Connection<'a> {
    client: TcpStream,
    server: TcpStream,
    state: watch::Receiver<State>,
    epoch: u32,
    requests: &'a Mutex<Vec<Request>>,
    /// Bytes of answers that the client was sent.
    answered: usize,
    /// Nothing came from the client since the server's last answer.
    between: bool,
    /// When the request began that is being answered.
    asked: Instant,
    /// Where it stands among the requests, until it has an answer.
    request: Option<usize>,
}

/// Passes on between `client` and `server` until one of them closes, or the proxy does.
pub(super) async fn serve(
    client: TcpStream,
    server: &str,
    mut state: watch::Receiver<State>,
    requests: &Mutex<Vec<Request>>,
) -> io::Result<()> {
    let epoch = state.borrow_and_update().epoch;
    let connection = Connection {
        client,
        server: TcpStream::connect(server).await?,
        state,
        epoch,
        requests,
        answered: 0,
        between: true,
        asked: Instant::now(),
        request: None,
    };
    connection.run().await
}

impl Connection<'_> {
    async fn run(mut self) -> io::Result<()> {
        let (mut up, mut down) = (vec![0; 16 << 10], vec![0; 16 << 10]);
        while let Some(mode) = self.mode() {
            if mode == Mode::Silent {
                self.changed().await?;
                continue;
            }
            tokio::select! {
                changed = self.state.changed() => changed.map_err(io::Error::other)?,
                read = self.client.read(&mut up) => {
                    let read = read?;
                    if read == 0 || !self.asks(&up[..read], mode).await? {
                        return Ok(());
                    }
                }
                read = self.server.read(&mut down) => {
                    let read = read?;
                    if read == 0 || !self.answers(&down[..read]).await? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// What is done now; `None` when the connection is to be closed.
    fn mode(&mut self) -> Option<Mode> {
        let now = *self.state.borrow_and_update();
        (now.epoch == self.epoch && now.mode != Mode::Refuse).then_some(now.mode)
    }

    async fn changed(&mut self) -> io::Result<()> {
        self.state.changed().await.map_err(io::Error::other)
    }

    /// The client sent something. Says whether the connection goes on.
    async fn asks(&mut self, bytes: &[u8], mode: Mode) -> io::Result<bool> {
        if std::mem::take(&mut self.between) {
            self.asked = Instant::now();
            self.request = Request::read(bytes).map(|request| {
                let mut requests = self.requests.lock().unwrap();
                requests.push(request);
                requests.len() - 1
            });
            let answer = match mode {
                Mode::SlowDown => Some(http::slow_down()),
                Mode::Expired => Some(http::expired()),
                Mode::Pass | Mode::Refuse | Mode::Silent | Mode::CutAfter(_) | Mode::Slow(_) => {
                    None
                }
            };
            if let Some(answer) = answer {
                self.answer(&answer).await?;
                return Ok(false);
            }
        }
        self.server.write_all(bytes).await?;
        Ok(true)
    }

    async fn answer(&mut self, answer: &[u8]) -> io::Result<()> {
        self.client.write_all(answer).await?;
        self.note_status(answer);
        self.client.shutdown().await?;
        // Closed with bytes unread, the answer might not arrive.
        let mut rest = tokio::io::sink();
        let drain = tokio::io::copy(&mut self.client, &mut rest);
        let _ = tokio::time::timeout(NOTICES_WITHIN, drain).await;
        Ok(())
    }

    /// The server sent something. Says whether the connection goes on.
    async fn answers(&mut self, bytes: &[u8]) -> io::Result<bool> {
        let Some(mode) = self.when_it_may_go_on().await? else {
            return Ok(false);
        };
        let wanted = match mode {
            Mode::CutAfter(most) => bytes.len().min(most.saturating_sub(self.answered)),
            Mode::Pass
            | Mode::Refuse
            | Mode::Silent
            | Mode::Slow(_)
            | Mode::SlowDown
            | Mode::Expired => bytes.len(),
        };
        self.client.write_all(&bytes[..wanted]).await?;
        if wanted > 0 {
            self.note_status(bytes);
        }
        self.answered += wanted;
        self.between = true;
        Ok(wanted == bytes.len())
    }

    /// Holds an answer back for as long as the proxy is slow or silent.
    async fn when_it_may_go_on(&mut self) -> io::Result<Option<Mode>> {
        loop {
            match self.mode() {
                Some(Mode::Slow(pause)) if self.asked.elapsed() < pause => {
                    let over = self.asked + pause;
                    tokio::select! {
                        () = tokio::time::sleep_until(over) => {}
                        changed = self.state.changed() => changed.map_err(io::Error::other)?,
                    }
                }
                Some(Mode::Silent) => self.changed().await?,
                mode => return Ok(mode),
            }
        }
    }

    fn note_status(&mut self, answer: &[u8]) {
        if let Some(request) = self.request.take() {
            self.requests.lock().unwrap()[request].status = http::status(answer);
        }
    }
}
