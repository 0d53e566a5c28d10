//! The query of `/assets`.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use thumbmill_api::read_query;
use thumbmill_shared::transform::VariantRequest;

use crate::cost::measured;
use crate::requests::{REFUSAL, assert_can_be_shown, assert_canonical, json_bytes};

/// A query is refused with a short text that can be shown, or read as a request that is the same
/// when it is written out and read again.
pub fn query(input: &[u8]) {
    // The query of a URI is text by then.
    let text = String::from_utf8_lossy(input);
    let (parsed, cost) = measured(|| read_query(&text));
    let most = json_bytes(text.len());
    assert!(cost.peak_bytes <= most, "{cost:?} for {}", text.len());
    match parsed {
        Err(refusal) => assert_can_be_shown(&refusal, REFUSAL),
        Ok(request) => {
            assert_eq!(read_query(&written(&request)).as_ref(), Ok(&request));
            assert_canonical(&request);
        }
    }
}

/// The request as a query.
fn written(request: &VariantRequest) -> String {
    let json = serde_json::to_value(request).expect("requests are written to the queue");
    let fields = json.as_object().expect("it is an object");
    let pairs = fields.iter().map(|(field, value)| {
        let name = if field == "preset" { "key" } else { field };
        let value = match value {
            Value::String(text) => text.clone(),
            number_or_flag => number_or_flag.to_string(),
        };
        format!("{name}={}", utf8_percent_encode(&value, NON_ALPHANUMERIC))
    });
    pairs.collect::<Vec<_>>().join("&")
}
