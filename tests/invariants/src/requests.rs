//! What must hold of any request for a variant, wherever it came from, and of any refusal.

use thumbmill_shared::format::Format;
use thumbmill_shared::transform::VariantRequest;

/// A request comes to the same transform for whatever the original is, once that was said.
pub(crate) fn assert_canonical(request: &VariantRequest) {
    for original in Format::ALL {
        for auto in Format::ALL {
            let transform = request.resolve(original, auto);
            let canonical = transform.to_request();
            assert_eq!(canonical.resolve(original, auto), transform, "{request:?}");
            for other in Format::ALL {
                let again = canonical.literal(other, other);
                assert_eq!(again, transform, "{request:?}");
                assert_eq!(again.to_string(), transform.to_string());
            }
        }
    }
}

/// Characters of a client's refusal: 40 of what is refused, and the rest of the text is ours.
pub(crate) const REFUSAL: usize = 40 + 120;

/// A refusal is short, and nothing in it moves a terminal's cursor or ends a line of a log.
pub(crate) fn assert_can_be_shown(refusal: &str, most_characters: usize) {
    assert!(refusal.chars().count() <= most_characters, "{refusal}");
    assert!(!refusal.chars().any(char::is_control), "{refusal:?}");
}

/// What may be allocated for so many bytes of JSON: a table with one name has room for eleven.
pub(crate) fn json_bytes(length: usize) -> u64 {
    (16 << 10) + 128 * length as u64
}
