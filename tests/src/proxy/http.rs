//! As much of HTTP as tells what an S3 server is asked, and what it answers.

use std::time::Instant;

/// A request that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `PUT` and the like.
    pub method: String,
    /// The path.
    pub path: String,
    /// Names the call of the SDK: the same when it tries again.
    pub call: String,
    /// When it was asked.
    pub asked: Instant,
    /// The status that the client was sent; `None` if it got no answer.
    pub status: Option<u16>,
}

impl Request {
    /// Reads a request's head, if it is one.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let head = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .and_then(|end| std::str::from_utf8(&bytes[..end]).ok())?;
        let mut lines = head.lines();
        let mut words = lines.next()?.strip_suffix(" HTTP/1.1")?.split([' ', '?']);
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let call = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("amz-sdk-invocation-id")
                .then(|| value.trim().to_owned())
        });
        Some(Self {
            method,
            path,
            call: call.unwrap_or_default(),
            asked: Instant::now(),
            status: None,
        })
    }
}

/// The status of an answer that begins with these bytes.
pub(super) fn status(bytes: &[u8]) -> Option<u16> {
    let line = bytes.strip_prefix(b"HTTP/1.")?;
    std::str::from_utf8(line.get(2..5)?).ok()?.parse().ok()
}

/// What S3 answers when it is asked too much, and wants no more on this connection.
pub(super) fn slow_down() -> Vec<u8> {
    refusal("503 Slow Down", "SlowDown")
}

/// What S3 answers when credentials have expired.
pub(super) fn expired() -> Vec<u8> {
    refusal("400 Bad Request", "ExpiredToken")
}

fn refusal(status: &str, code: &str) -> Vec<u8> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>No.</Message></Error>"
    );
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_and_its_status_are_read_and_nothing_else_is() {
        let head = b"PUT /b/a.jpg?x-id=PutObject HTTP/1.1\r\nAmz-Sdk-Invocation-Id: 7\r\n\r\nbody";
        let put = Request::read(head).unwrap();
        assert_eq!(
            (put.method.as_str(), put.path.as_str()),
            ("PUT", "/b/a.jpg")
        );
        assert_eq!(put.call, "7");
        assert_eq!(Request::read(b"AMQP\0\0\x09\x01"), None);
        assert_eq!(Request::read(b"\xff\xd8 PUT \r\n\r\n"), None);
        assert_eq!(status(&slow_down()), Some(503));
        assert_eq!(status(b"AMQP"), None);
    }
}
