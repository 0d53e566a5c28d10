//! What must hold of any request for a variant, wherever it came from.

use thumbmill_shared::format::Format;
use thumbmill_shared::transform::VariantRequest;

/// A request comes to the same transform for whatever the original is, once that was said.
pub(crate) fn assert_canonical(request: &VariantRequest) {
    for original in Format::ALL {
        for auto in Format::ALL {
            let transform = request.resolve(original, auto);
            let canonical = transform.to_request();
            for other in Format::ALL {
                let again = canonical.resolve(other, other);
                assert_eq!(again, transform, "{request:?}");
                assert_eq!(again.to_string(), transform.to_string());
            }
        }
    }
}
