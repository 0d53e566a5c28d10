//! What `format=auto` stands for: `Accept` with quality values (RFC 9110, 12.5.1).

use thumbmill_shared::format::Format;

/// Which of the formats a client gets, of which there are `modern` ones, the best first, and a
/// `plain` one.
///
/// The modern format that the client names and wants most, and no less than the plain one; of
/// two that it wants alike the better. Else the plain one.
pub(crate) fn auto(accept: &str, modern: &[Format], plain: Format) -> Format {
    let (mut best, mut most) = (plain, named(accept, plain));
    for format in modern.iter().rev() {
        let quality = named(accept, *format);
        if quality > 0.0 && quality >= most {
            (best, most) = (*format, quality);
        }
    }
    best
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
        use Format::{Avif, Jpeg, Png, Webp};
        let table = [
            ("", Jpeg, Jpeg),
            ("*/*", Jpeg, Jpeg),
            ("image/*", Png, Png),
            ("image/webp", Jpeg, Webp),
            ("IMAGE/WEBP", Png, Webp),
            (
                "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
                Jpeg,
                Avif,
            ),
            ("image/avif", Png, Avif),
            ("image/avif;q=0,image/webp", Png, Webp),
            ("image/avif;q=0.5,image/webp;q=0.9", Png, Webp),
            ("image/webp;q=0.9,image/avif;q=0.9", Png, Avif),
            ("image/avif;q=0.5,image/webp;q=0.6,image/jpeg", Jpeg, Jpeg),
            ("image/avif;q=nan", Jpeg, Jpeg),
            ("image/webp;q=0", Jpeg, Jpeg),
            ("image/webp;q=0.5, image/jpeg", Jpeg, Jpeg),
            ("image/webp;q=0.5, image/jpeg;q=0.4", Jpeg, Webp),
            ("image/webp;q=junk", Jpeg, Jpeg),
        ];
        for (accept, plain, expected) in table {
            let found = auto(accept, &[Avif, Webp], plain);
            assert_eq!(found, expected, "{accept}, else {plain}");
        }
        assert_eq!(auto("image/avif,image/webp;q=0.1", &[Webp], Png), Webp);
    }
}
