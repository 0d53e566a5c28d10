//! Which media type bytes have: found from the bytes themselves, not from what a client says.

/// How many of the first bytes are enough.
pub const SAMPLE_BYTES: usize = 8192;

/// The media type of a file that begins with `first`.
pub fn sniff(first: &[u8]) -> String {
    if let Some(known) = infer::get(first) {
        return match known.mime_type() {
            // Text with a vector picture in it.
            "text/xml" if is_svg(first) => "image/svg+xml".to_owned(),
            text if text.starts_with("text/") => format!("{text}; charset=utf-8"),
            other => other.to_owned(),
        };
    }
    match text(first) {
        Some(_) if is_svg(first) => "image/svg+xml".to_owned(),
        Some(_) => "text/plain; charset=utf-8".to_owned(),
        None => "application/octet-stream".to_owned(),
    }
}

fn is_svg(first: &[u8]) -> bool {
    text(first).is_some_and(|text| text.contains("<svg"))
}

/// The bytes as text, if they are text; a character may be cut off at their end.
fn text(first: &[u8]) -> Option<&str> {
    let valid = match std::str::from_utf8(first) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            let whole = first.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(whole).unwrap_or_default()
        }
        Err(_) => return None,
    };
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{1b}');
    if valid.is_empty() || valid.contains(control) {
        None
    } else {
        Some(valid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_from_the_first_bytes() {
        let table: &[(&[u8], &str)] = &[
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
            (b"GIF89a\x01\0\x01\0", "image/gif"),
            (b"\0\0\0\x14ftypavif\0\0\0\0avif", "image/avif"),
            (b"%PDF-1.7\n", "application/pdf"),
            (
                b"<?xml version=\"1.0\"?>\n<svg xmlns=\"x\"/>",
                "image/svg+xml",
            ),
            (b"  <svg width=\"1\"/>", "image/svg+xml"),
            (b"<!DOCTYPE html><p>", "text/html; charset=utf-8"),
            (b"hello, w\xc3\xb6rld \xc3", "text/plain; charset=utf-8"),
            (b"a\0b", "application/octet-stream"),
            (b"\xff\xfe\xfd", "application/octet-stream"),
            (b"", "application/octet-stream"),
        ];
        for (first, expected) in table {
            assert_eq!(sniff(first), *expected, "{}", first.escape_ascii());
        }
    }
}
