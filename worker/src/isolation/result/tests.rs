use image::{DynamicImage, GenericImageView, RgbaImage};
use proptest::prelude::*;
use thumbmill_shared::encoding::{Encoding, Scans};
use thumbmill_shared::transform::VariantRequest;
use thumbmill_tests::pictures::{jpeg, photo, png, webp};

use super::*;
use crate::render::{Deadline, Limits, MissingEnd, Rendered, render};

const LIMITS: Limits = Limits {
    original_pixels: 1_000_000,
    dimension_px: 6000,
    variant_pixels: 36_000_000,
    avif_pixels: 1_000_000,
    memory_bytes: 256 << 20,
    missing_end: MissingEnd::Refuse,
};

fn made(original: &DynamicImage, request: &str, encoding: Encoding) -> Rendered {
    let request: VariantRequest = serde_json::from_str(request).unwrap();
    let transform = request.resolve(Format::Jpeg, Format::Jpeg);
    let deadline = Deadline::after(std::time::Duration::from_mins(1));
    let original = png(original);
    let mut made = render(&original, &[transform], &LIMITS, encoding, deadline).unwrap();
    made.remove(0).unwrap()
}

/// Everything that our encoders make, and what others make of the same formats.
#[test]
fn a_picture_is_what_it_is_said_to_be() {
    let opaque: DynamicImage = photo(301, 201).into();
    let clear: DynamicImage = RgbaImage::from_pixel(301, 201, [200, 100, 50, 128].into()).into();
    let progressive = Encoding {
        jpeg_scans: Scans::Progressive,
        ..Encoding::default()
    };
    for original in [&opaque, &clear] {
        for format in Format::ALL {
            for (rest, encoding) in [
                ("", Encoding::default()),
                (r#","quality":100"#, progressive),
                (r#","width":77"#, Encoding::default()),
                (r#","transforms":[["rotate",30]]"#, Encoding::default()),
            ] {
                let request = format!(r#"{{"format":"{format}"{rest}}}"#);
                let made = made(original, &request, encoding);
                let size = (made.width_px, made.height_px);
                assert_eq!(wrong(format, &made.bytes, size), None, "{request}");
                let taller = (size.0, size.1 + 1);
                assert!(wrong(format, &made.bytes, taller).is_some(), "{request}");
                for other in Format::ALL.into_iter().filter(|other| *other != format) {
                    assert!(wrong(other, &made.bytes, size).is_some(), "{request}");
                }
            }
        }
    }
    for (format, bytes) in [
        (Format::Jpeg, jpeg(&opaque)),
        (Format::Png, png(&opaque)),
        (Format::Webp, webp(&opaque)),
    ] {
        assert_eq!(wrong(format, &bytes, opaque.dimensions()), None, "{format}");
    }
}

#[test]
fn a_file_that_is_no_picture_is_not_taken_for_one() {
    for bytes in [
        &b""[..],
        b"<script>",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8",
        b"RIFF",
        b"GIF89a",
    ] {
        for format in Format::ALL {
            assert!(wrong(format, bytes, (1, 1)).is_some(), "{format} {bytes:?}");
        }
    }
    let nothing = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\0\0\0\0\0";
    assert!(wrong(Format::Png, nothing, (0, 0)).is_some());
}

proptest! {
    /// It is cut off and changed anywhere: there is an answer, at once.
    #[test]
    fn nothing_makes_it_panic(
        format in 0..4_usize,
        length in 0..4000_usize,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..20),
        noise in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let format = Format::ALL[format];
        let original: DynamicImage = photo(40, 30).into();
        let request = format!(r#"{{"format":"{format}"}}"#);
        let mut bytes = made(&original, &request, Encoding::default()).bytes;
        bytes.truncate(length);
        for (at, byte) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        for other in Format::ALL {
            wrong(other, &bytes, (40, 30));
            wrong(other, &noise, (1, 1));
            let head = bytes.get(..20).unwrap_or(&bytes);
            wrong(other, &[head, &noise].concat(), (1, 1));
        }
    }
}
