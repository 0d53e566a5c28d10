//! An upload's body in small pieces. The library that reads multipart takes all that there is
//! before it looks at any of it; so it gets a piece at a time, and only so much before the file.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::Error;
use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures_util::Stream;

use crate::limits::{Limit, TooLong};

/// Before the file: what is looked at again with each piece is short.
const FIELD_PIECE_BYTES: usize = 4 * 1024;
/// Of the file.
const FILE_PIECE_BYTES: usize = 64 * 1024;

/// Says where in an upload its reader is.
#[derive(Clone, Debug)]
pub(crate) struct Position {
    limit: Limit,
    in_file: Arc<AtomicBool>,
    left_bytes: Arc<AtomicU64>,
}

impl Position {
    /// At the beginning: up to the file there are at most as many bytes as `limit` says.
    pub(crate) fn before_the_file(limit: Limit) -> Self {
        Self {
            limit,
            in_file: Arc::default(),
            left_bytes: Arc::new(AtomicU64::new(limit.bytes)),
        }
    }

    /// The file has begun.
    pub(crate) fn in_file(&self) {
        self.in_file.store(true, Ordering::Relaxed);
    }

    /// The file has ended: what follows has a limit again.
    pub(crate) fn behind_the_file(&self) {
        self.left_bytes.store(self.limit.bytes, Ordering::Relaxed);
        self.in_file.store(false, Ordering::Relaxed);
    }

    /// How long the next piece may be.
    fn piece(&self) -> Result<usize, TooLong> {
        if self.in_file.load(Ordering::Relaxed) {
            return Ok(FILE_PIECE_BYTES);
        }
        match self.left_bytes.load(Ordering::Relaxed) {
            0 => Err(TooLong(self.limit)),
            left => Ok(FIELD_PIECE_BYTES.min(usize::try_from(left).unwrap_or(usize::MAX))),
        }
    }

    fn passed(&self, bytes: usize) {
        if !self.in_file.load(Ordering::Relaxed) {
            // Nobody else counts while a piece is made.
            let left = self.left_bytes.load(Ordering::Relaxed);
            let left = left.saturating_sub(bytes as u64);
            self.left_bytes.store(left, Ordering::Relaxed);
        }
    }
}

/// The pieces of a body.
pub(crate) struct Pieces {
    body: BodyDataStream,
    rest: BytesMut,
    position: Position,
    /// Has the reader not looked at the last piece yet?
    given: bool,
}

impl Pieces {
    /// Of `body`, whose reader says where it is.
    pub(crate) fn of(body: Body, position: Position) -> Self {
        Self {
            body: body.into_data_stream(),
            rest: BytesMut::new(),
            position,
            given: false,
        }
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if std::mem::take(&mut this.given) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let most = this.position.piece();
        // What comes in many small chunks is looked at together.
        while this.rest.len() < most.unwrap_or(1) {
            match Pin::new(&mut this.body).poll_next(cx) {
                Poll::Ready(Some(Ok(chunk))) => this.rest.extend_from_slice(&chunk),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) if this.rest.is_empty() => return Poll::Ready(None),
                Poll::Pending if this.rest.is_empty() => return Poll::Pending,
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        let most = match most {
            Ok(most) => most,
            Err(too_long) => return Poll::Ready(Some(Err(Error::new(too_long)))),
        };
        let piece = this.rest.split_to(most.min(this.rest.len())).freeze();
        this.position.passed(piece.len());
        this.given = true;
        Poll::Ready(Some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    const LIMIT: Limit = Limit {
        of: "It",
        bytes: 10_000,
        setting: "X",
    };

    #[tokio::test]
    async fn before_the_file_there_is_so_much_and_in_it_there_is_no_end() {
        let position = Position::before_the_file(LIMIT);
        let body = Body::from(vec![b'x'; 200_000]);
        let mut pieces = Pieces::of(body, position.clone());
        let mut lengths = Vec::new();
        let error = loop {
            match pieces.next().await.unwrap() {
                Ok(piece) => lengths.push(piece.len()),
                Err(error) => break error,
            }
        };
        assert_eq!(lengths, [4096, 4096, 1808]);
        assert!(std::error::Error::source(&error).unwrap().is::<TooLong>());
        position.in_file();
        let piece = pieces.next().await.unwrap().unwrap();
        assert_eq!(piece.len(), FILE_PIECE_BYTES);
        position.behind_the_file();
        let piece = pieces.next().await.unwrap().unwrap();
        assert_eq!(piece.len(), FIELD_PIECE_BYTES);
    }

    /// Each cost a search of the whole buffer, and a visit to another thread.
    #[tokio::test]
    async fn what_comes_byte_by_byte_is_looked_at_together() {
        let position = Position::before_the_file(LIMIT);
        position.in_file();
        let byte = Ok::<_, std::convert::Infallible>(Bytes::from_static(b"x"));
        let bytes = std::iter::repeat_n(byte, 150_000);
        let body = Body::from_stream(futures_util::stream::iter(bytes));
        let pieces = Pieces::of(body, position).map(|piece| piece.unwrap().len());
        assert_eq!(pieces.collect::<Vec<_>>().await, [65_536, 65_536, 18_928]);
    }
}
