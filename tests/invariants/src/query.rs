//! The query of `/assets`.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use thumbmill_api::read_query;
use thumbmill_shared::transform::VariantRequest;

use crate::cost::measured;
use crate::requests::assert_canonical;

/// For each byte of a query: its values are decoded, its pairs kept in a table.
const BYTES_PER_BYTE: u64 = 16;
const FIXED_BYTES: u64 = 16 << 10;

/// Of a refused value so many characters are shown, and the rest of the text is ours.
const REFUSAL_CHARACTERS: usize = 40 + 120;

/// A query is refused with a short text that can be shown, or read as a request that is the same
/// when it is written out and read again.
pub fn query(input: &[u8]) {
    // The query of a URI is text by then.
    let text = String::from_utf8_lossy(input);
    let (parsed, cost) = measured(|| read_query(&text));
    let most = FIXED_BYTES + BYTES_PER_BYTE * text.len() as u64;
    assert!(cost.peak_bytes <= most, "{cost:?} for {}", text.len());
    match parsed {
        Err(refusal) => {
            assert!(refusal.chars().count() <= REFUSAL_CHARACTERS, "{refusal}");
            assert!(!refusal.chars().any(char::is_control), "{refusal:?}");
        }
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
