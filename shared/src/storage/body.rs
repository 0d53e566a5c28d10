//! The bytes of an object on their way out. Counts them: a body that ends early is an error.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};

use super::error::Cause;
use super::{Head, Operation, StorageError};

/// An object, or a range of it, that is being read.
#[derive(Debug)]
pub struct Object {
    /// The whole object's length, time and tag.
    pub head: Head,
    /// The bytes that were asked for.
    pub body: Body,
}

impl Object {
    /// All bytes that were asked for, if they are not more than `limit_bytes`.
    pub async fn bytes(self, limit_bytes: u64) -> Result<Bytes, StorageError> {
        self.body.bytes(limit_bytes).await
    }
}

type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, Cause>> + Send>>;

/// A stream of bytes. It ends with an error unless exactly the announced number came.
pub struct Body {
    object: String,
    length_bytes: u64,
    remaining_bytes: u64,
    /// `None` once it has ended.
    chunks: Option<Chunks>,
}

impl Body {
    pub(super) fn new(
        object: &str,
        length_bytes: u64,
        chunks: impl Stream<Item = Result<Bytes, Cause>> + Send + 'static,
    ) -> Self {
        Self {
            object: object.to_owned(),
            length_bytes,
            remaining_bytes: length_bytes,
            chunks: Some(Box::pin(chunks)),
        }
    }

    pub(super) fn empty(object: &str) -> Self {
        Self::new(object, 0, futures_util::stream::empty())
    }

    /// How many bytes it announces.
    pub fn length_bytes(&self) -> u64 {
        self.length_bytes
    }

    /// All bytes, if they are not more than `limit_bytes`.
    pub async fn bytes(mut self, limit_bytes: u64) -> Result<Bytes, StorageError> {
        if self.length_bytes > limit_bytes {
            return Err(StorageError::TooLarge {
                object: self.object,
                limit_bytes,
            });
        }
        let Some(first) = self.next().await.transpose()? else {
            return Ok(Bytes::new());
        };
        if self.remaining_bytes == 0 {
            return Ok(first);
        }
        let mut all =
            BytesMut::with_capacity(usize::try_from(self.length_bytes).unwrap_or_default());
        all.extend_from_slice(&first);
        while let Some(chunk) = self.next().await.transpose()? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// Ends the stream with an error.
    fn fail(&mut self, cause: impl Into<Cause>) -> StorageError {
        self.chunks = None;
        Operation::Get.unavailable(&self.object, cause)
    }
}

impl Stream for Body {
    type Item = Result<Bytes, StorageError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(chunks) = self.chunks.as_mut() else {
            return Poll::Ready(None);
        };
        let item = match std::task::ready!(chunks.as_mut().poll_next(context)) {
            Some(Ok(chunk)) => {
                let length_bytes = chunk.len() as u64;
                match self.remaining_bytes.checked_sub(length_bytes) {
                    Some(remaining_bytes) => {
                        self.remaining_bytes = remaining_bytes;
                        Some(Ok(chunk))
                    }
                    None => Some(Err(self.fail("more bytes came than were announced"))),
                }
            }
            Some(Err(cause)) => Some(Err(self.fail(cause))),
            None if self.remaining_bytes > 0 => {
                Some(Err(self.fail(io::Error::from(io::ErrorKind::UnexpectedEof))))
            }
            None => {
                self.chunks = None;
                None
            }
        };
        Poll::Ready(item)
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body")
            .field("object", &self.object)
            .field("length_bytes", &self.length_bytes)
            .field("remaining_bytes", &self.remaining_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(announced: u64, chunks: &[&'static str]) -> Body {
        let chunks: Vec<_> = chunks.iter().map(|text| Ok(Bytes::from(*text))).collect();
        Body::new("x", announced, futures_util::stream::iter(chunks))
    }

    #[tokio::test]
    async fn a_body_is_as_long_as_announced_or_an_error() {
        assert_eq!(body(5, &["he", "llo"]).bytes(5).await.unwrap(), "hello");
        assert_eq!(body(0, &[]).bytes(0).await.unwrap(), "");
        assert!(body(6, &["he", "llo"]).bytes(9).await.is_err());
        assert!(body(4, &["he", "llo"]).bytes(9).await.is_err());
        assert!(matches!(
            body(5, &["he", "llo"]).bytes(4).await,
            Err(StorageError::TooLarge { limit_bytes: 4, .. })
        ));
    }

    #[tokio::test]
    async fn nothing_follows_an_error() {
        let mut cut = body(9, &["hello"]);
        assert_eq!(cut.next().await.unwrap().unwrap(), "hello");
        assert!(cut.next().await.unwrap().is_err());
        assert!(cut.next().await.is_none());
    }
}
