//! Finds what bytes are by looking at them; a name or a header that came with them may lie.

/// How many bytes from the beginning are enough for [`sniff`].
pub const SAMPLE_BYTES: usize = 8192;

const SVG: Kind = ("image/svg+xml", "svg");
const TEXT: Kind = ("text/plain; charset=utf-8", "txt");
const UNKNOWN: Kind = ("application/octet-stream", "bin");
/// An SVG's first element stands within so many bytes, after declarations and comments.
const SVG_WITHIN_BYTES: usize = 1024;

/// Media type, and the usual ending of a file's name without the dot.
type Kind = (&'static str, &'static str);

/// The media type of something that begins with these bytes, for example `image/jpeg`.
pub fn sniff(first_bytes: &[u8]) -> &'static str {
    kind(first_bytes).0
}

/// The usual ending of a file's name, without the dot, for the same bytes.
pub fn extension(first_bytes: &[u8]) -> &'static str {
    kind(first_bytes).1
}

fn kind(first_bytes: &[u8]) -> Kind {
    let sample = first_bytes.get(..SAMPLE_BYTES).unwrap_or(first_bytes);
    let text = is_text(sample);
    if text && is_svg(sample) {
        return SVG;
    }
    match infer::get(sample) {
        Some(found) => (found.mime_type(), found.extension()),
        None if text => TEXT,
        None => UNKNOWN,
    }
}

/// UTF-8 without NULs, where the sample may cut the last character.
fn is_text(sample: &[u8]) -> bool {
    let valid = match std::str::from_utf8(sample) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() && error.valid_up_to() > 0,
    };
    valid && !sample.is_empty() && !sample.contains(&0)
}

/// Markup whose first element, after declarations and comments, is `<svg`.
fn is_svg(sample: &[u8]) -> bool {
    let sample = sample.get(..SVG_WITHIN_BYTES).unwrap_or(sample);
    let text = String::from_utf8_lossy(sample);
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let end = if rest.starts_with("<!--") {
            "-->"
        } else if rest.starts_with("<?") || rest.starts_with("<!DOCTYPE svg") {
            ">"
        } else {
            break;
        };
        match rest.split_once(end) {
            Some((_, after)) => rest = after.trim_start(),
            None => return false,
        }
    }
    rest.strip_prefix("<svg").is_some_and(|after| {
        after.starts_with(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/' | ':'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_found_from_the_bytes() {
        let table: [(&[u8], &str, &str); 18] = [
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg", "jpg"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png", "png"),
            (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp", "webp"),
            (b"GIF89a\x01\0\x01\0", "image/gif", "gif"),
            (b"II*\0\x08\0\0\0\x0e\0\0\x01", "image/tiff", "tif"),
            (b"%PDF-1.7\n", "application/pdf", "pdf"),
            (b"PK\x03\x04\x14\0\0\0", "application/zip", "zip"),
            (
                b"<svg xmlns='http://www.w3.org/2000/svg'/>",
                "image/svg+xml",
                "svg",
            ),
            (
                b"<?xml version='1.0'?>\n<!-- drawn -->\n<!DOCTYPE svg PUBLIC 'x'>\n<svg>",
                "image/svg+xml",
                "svg",
            ),
            (b"\xef\xbb\xbf  <svg>", "image/svg+xml", "svg"),
            (b"<?xml version='1.0'?><rss/>", "text/xml", "xml"),
            (b"<!DOCTYPE html><title>x</title><svg>", "text/html", "html"),
            (b"<html ><svg>", "text/html", "html"),
            (b"How to write <svg> by hand", TEXT.0, "txt"),
            (
                "a cut character: \u{fc}".as_bytes().split_last().unwrap().1,
                TEXT.0,
                "txt",
            ),
            (b"text with a \0", UNKNOWN.0, "bin"),
            (b"\xfc latin", UNKNOWN.0, "bin"),
            (b"", UNKNOWN.0, "bin"),
        ];
        for (bytes, media_type, ending) in table {
            let shown = String::from_utf8_lossy(bytes);
            assert_eq!(sniff(bytes), media_type, "{shown}");
            assert_eq!(extension(bytes), ending, "{shown}");
        }
    }

    #[test]
    fn bytes_behind_the_sample_change_nothing() {
        let mut text = vec![b'a'; SAMPLE_BYTES];
        text.extend([0, 0xff]);
        assert_eq!(sniff(&text), TEXT.0);
    }
}
