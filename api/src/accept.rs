//! What `format=auto` stands for: `Accept` with quality values (RFC 9110, 12.5.1).

use thumbmill_shared::format::Format;

/// Formats that save bytes, best first; only a client that names them gets them.
const MODERN: [Format; 1] = [Format::Webp];

/// The format for an original in format `original`.
///
/// The best modern format that the client names and wants no less than the plain one; else the
/// original's own format, which for a modern original is PNG, since it may have alpha.
pub(crate) fn auto(accept: &str, original: Format) -> Format {
    let plain = match original {
        Format::Jpeg | Format::Png => original,
        Format::Webp => Format::Png,
    };
    let wanted = |format: &Format| {
        let quality = named(accept, *format);
        quality > 0.0 && quality >= named(accept, plain)
    };
    MODERN.into_iter().find(wanted).unwrap_or(plain)
}

/// The quality that the client gives a format by its full name; 0 when it does not name it.
/// A wildcard says nothing about what the client can decode: `*/*` is sent by everybody.
fn named(accept: &str, format: Format) -> f32 {
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next()?;
        let quality =
            parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let quality = quality.map_or(Some(1.0), |text| text.parse::<f32>().ok())?;
        name.eq_ignore_ascii_case(format.media_type())
            .then_some(quality.clamp(0.0, 1.0))
    });
    ranges.fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_follows_what_the_client_names() {
        use Format::{Jpeg, Png, Webp};
        let table = [
            ("", Jpeg, Jpeg),
            ("*/*", Jpeg, Jpeg),
            ("image/*", Png, Png),
            ("image/webp", Jpeg, Webp),
            ("IMAGE/WEBP", Png, Webp),
            (
                "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
                Jpeg,
                Webp,
            ),
            ("image/webp;q=0", Jpeg, Jpeg),
            ("image/webp;q=0.5, image/jpeg", Jpeg, Jpeg),
            ("image/webp;q=0.5, image/jpeg;q=0.4", Jpeg, Webp),
            ("image/webp;q=junk", Jpeg, Jpeg),
            ("", Webp, Png),
            ("image/webp", Webp, Webp),
        ];
        for (accept, original, expected) in table {
            assert_eq!(auto(accept, original), expected, "{accept} for {original}");
        }
    }
}
