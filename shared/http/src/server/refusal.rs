//! Answers to connections, before there is a request: each names the limit and its setting.

use serde_json::json;

use super::ConnectionLimits;
use crate::places::Full;

/// To a connection for which there is no place.
pub(crate) fn full(full: Full, limits: &ConnectionLimits) -> Vec<u8> {
    match full {
        Full::Client => answer(
            "429 Too Many Requests",
            "REQUESTS_EXCEEDED",
            &format!(
                "You have {} connections open, which is as many as a client may have \
                 (THUMBMILL_MAX_CONNECTIONS_PER_CLIENT).",
                limits.per_client.unwrap_or_default()
            ),
        ),
        Full::All => answer(
            "503 Service Unavailable",
            "SERVICE_UNAVAILABLE",
            &format!(
                "{} connections are open, which is as many as the server takes \
                 (THUMBMILL_MAX_CONNECTIONS); try again.",
                limits.connections
            ),
        ),
    }
}

/// To a connection whose request did not come.
pub(crate) fn late_head(limits: &ConnectionLimits) -> Vec<u8> {
    answer(
        "408 Request Timeout",
        "REQUEST_TIMEOUT",
        &format!(
            "The head of your request did not come within {:?} (THUMBMILL_HEADER_TIMEOUT).",
            limits.timeouts.header
        ),
    )
}

fn answer(status: &str, code: &str, message: &str) -> Vec<u8> {
    let body = json!({"errors": [{"message": message, "extensions": {"code": code}}]}).to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncache-control: no-store\r\n\
         retry-after: 1\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
