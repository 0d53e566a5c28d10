//! A body that tells when it was cut off.

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

use super::{Body, StorageError};

/// Passes chunks on, and ends with an error unless exactly `length_bytes` come.
pub(super) fn exactly<E: std::fmt::Display + 'static>(
    chunks: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    length_bytes: u64,
    object: String,
) -> Body {
    let error = move |cause: String| StorageError::Unavailable {
        operation: "read",
        object: object.clone(),
        cause,
    };
    // An end of the stream becomes a value, so that the count can be judged there.
    let ended = futures_util::stream::once(async { None });
    let items = chunks.map(Some).chain(ended);
    let checked = items.scan((0u64, false), move |(seen, failed), item| {
        if *failed {
            return std::future::ready(None);
        }
        let result = match item {
            Some(Ok(chunk)) => {
                *seen += chunk.len() as u64;
                if *seen > length_bytes {
                    Err(error(format!("more than {length_bytes} bytes came")))
                } else {
                    Ok(chunk)
                }
            }
            Some(Err(cause)) => Err(error(cause.to_string())),
            None if *seen == length_bytes => return std::future::ready(None),
            None => Err(error(format!(
                "cut off after {seen} of {length_bytes} bytes"
            ))),
        };
        *failed = result.is_err();
        std::future::ready(Some(result))
    });
    Box::pin(checked)
}

#[cfg(test)]
mod tests {
    use futures_util::stream::iter;

    use super::*;

    async fn read(chunks: &'static [&'static str], length_bytes: u64) -> Result<String, String> {
        let chunks = iter(
            chunks
                .iter()
                .map(|chunk| Ok::<_, String>(Bytes::from_static(chunk.as_bytes()))),
        );
        let mut body = exactly(chunks, length_bytes, "x".to_owned());
        let mut text = String::new();
        while let Some(chunk) = body.next().await {
            text.push_str(std::str::from_utf8(&chunk.map_err(|error| error.to_string())?).unwrap());
        }
        Ok(text)
    }

    #[tokio::test]
    async fn a_body_that_is_too_short_or_too_long_ends_with_an_error() {
        assert_eq!(read(&["ab", "c"], 3).await, Ok("abc".to_owned()));
        assert!(
            read(&["ab"], 3)
                .await
                .unwrap_err()
                .contains("cut off after 2 of 3")
        );
        assert!(read(&["ab", "cd"], 3).await.is_err());
        assert_eq!(read(&[], 0).await, Ok(String::new()));
    }
}
