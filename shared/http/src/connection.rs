//! One connection: HTTP/1.1 within its time limits, and an end at which the other side still sees
//! the last answer.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, Response, header};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use thumbmill_shared::metrics::CONNECTIONS_CUT;
use thumbmill_shared::shutdown::Shutdown;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout_at};
use tower::ServiceExt;

use crate::activity::{self, Activity, Overdue};
use crate::server::{ConnectionLimits, refusal};

/// Answers everything that comes on a connection, until its end.
pub(crate) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Router,
    limits: ConnectionLimits,
    shutdown: Shutdown,
) {
    // An answer's last packet must not wait for the other end to acknowledge the one before it.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let activity = Arc::new(Activity::begin(Instant::now()));
    let service = service_fn(|request| {
        Box::pin(answer(routes.clone(), peer, Arc::clone(&activity), request))
    });
    let io = TokioIo::new(Watched {
        stream,
        activity: Arc::clone(&activity),
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The limits here tell a slow head from an idle connection.
        .header_read_timeout(None)
        .max_buf_size(limits.max_head_buffer_bytes)
        .serve_connection(io, service);
    let mut timer = Box::pin(sleep_until(Instant::now() + limits.timeouts.header));
    let mut begun = Box::pin(shutdown.begun());
    let mut told = false;
    let ended = std::future::poll_fn(|cx| {
        if !told && begun.as_mut().poll(cx).is_ready() {
            told = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        if let Poll::Ready(ended) = connection.poll_without_shutdown(cx) {
            return Poll::Ready(ended.map_err(|_| None));
        }
        while let Some((at, overdue)) = activity.deadline(&limits.timeouts) {
            // Later deadlines are looked at when the timer fires: it is not set anew with each request.
            if at < timer.deadline() || timer.is_elapsed() {
                timer.as_mut().reset(at);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if at <= Instant::now() {
                return Poll::Ready(Err(Some(overdue)));
            }
        }
        Poll::Pending
    })
    .await;
    let stream = connection.into_parts().io.into_inner().stream;
    end(stream, ended, &activity, &limits).await;
}

/// Ends a connection that needs nothing more (`Ok`), that did what HTTP does not allow
/// (`Err(None)`), or that took too long.
async fn end(
    mut stream: TcpStream,
    ended: Result<(), Option<Overdue>>,
    activity: &Activity,
    limits: &ConnectionLimits,
) {
    match ended {
        Ok(()) | Err(None) => {
            let more = ended.is_err() || activity.is_unread();
            let _ = stream.shutdown().await;
            if more {
                linger(&mut stream, limits).await;
            }
        }
        Err(Some(Overdue::Header)) => {
            cut("header");
            refuse(&mut stream, &refusal::late_head(limits), limits).await;
        }
        Err(Some(Overdue::Idle)) => cut("idle"),
        Err(Some(Overdue::Write)) => {
            cut("write");
            // The system would go on to offer the bytes that are left for minutes.
            let _ = stream.set_zero_linger();
        }
    }
}

fn cut(timeout: &'static str) {
    metrics::counter!(CONNECTIONS_CUT, "timeout" => timeout).increment(1);
}

/// Writes an answer to no request in particular, as far as it fits, and ends the connection.
pub(crate) async fn refuse(stream: &mut TcpStream, answer: &[u8], limits: &ConnectionLimits) {
    // A new connection takes a kilobyte at once.
    let _ = stream.try_write(answer);
    let _ = stream.shutdown().await;
    linger(stream, limits).await;
}

/// Takes what the other end still sends, for a while: on a connection that is closed with bytes
/// unread it might lose the answer (RFC 9112, 9.6).
async fn linger(stream: &mut TcpStream, limits: &ConnectionLimits) {
    let until = Instant::now() + limits.linger;
    let mut buffer = vec![0; 16 * 1024];
    let mut left = limits.linger_bytes;
    while let Ok(Ok(read @ 1..)) = timeout_at(until, stream.read(&mut buffer)).await {
        left = left.saturating_sub(read as u64);
        if left == 0 {
            return;
        }
    }
}

async fn answer(
    routes: Router,
    peer: SocketAddr,
    activity: Arc<Activity>,
    request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    let behind = if request.body().is_end_stream() {
        activity::Body::None
    } else {
        activity::Body::Unread
    };
    activity.asked(Instant::now(), behind);
    let answering = Answering(Arc::clone(&activity));
    let asked = Arc::clone(&activity);
    let mut request = request.map(|body| Body::new(Asked { body, activity }));
    request.extensions_mut().insert(ConnectInfo(peer));
    let mut answer = routes.oneshot(request).await?;
    if asked.is_unread() {
        // The connection ends with this answer; whoever does not know would use it again.
        let close = HeaderValue::from_static("close");
        answer.headers_mut().insert(header::CONNECTION, close);
    }
    Ok(answer.map(|body| Answer {
        body,
        _answering: answering,
    }))
}

/// While this lives, an answer is being made or handed over.
struct Answering(Arc<Activity>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered(Instant::now());
    }
}

/// A request's body.
struct Asked {
    body: Incoming,
    activity: Arc<Activity>,
}

impl http_body::Body for Asked {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.activity.body_ended();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body.
struct Answer {
    body: Body,
    _answering: Answering,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that tells what happens on it.
struct Watched {
    stream: TcpStream,
    activity: Arc<Activity>,
}

impl Watched {
    fn wrote(&self, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &wrote {
            Poll::Pending => self.activity.blocked(Instant::now()),
            Poll::Ready(_) => self.activity.wrote(),
        }
        wrote
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        if buffer.filled().len() > before {
            self.activity.read(Instant::now());
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.wrote(wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
