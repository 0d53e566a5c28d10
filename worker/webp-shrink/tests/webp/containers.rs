//! What the container says around the picture.

use thumbmill_webp_shrink::{Error, Scale, read_header};
use webp::PixelLayout::{Rgb, Rgba};

use crate::drawn::{at, decoded, encoded, photo};

/// `bytes`, which have an extended header, with another chunk at their end.
fn with_chunk(bytes: &[u8], name: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.extend_from_slice(&name);
    bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
    bytes.extend_from_slice(body);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    let size = (bytes.len() as u32 - 8).to_le_bytes();
    bytes[4..8].copy_from_slice(&size);
    bytes
}

#[test]
fn profile_and_exif_are_found() {
    let bytes = encoded(&photo(9, 9), Rgba, (9, 9), |_| {});
    let bytes = with_chunk(&bytes, *b"ICCP", b"profile");
    let bytes = with_chunk(&bytes, *b"FOO ", b"?");
    let bytes = with_chunk(&bytes, *b"EXIF", b"II*\0");
    let header = read_header(&bytes).unwrap();
    assert_eq!(header.icc.as_deref(), Some(&b"profile"[..]));
    assert_eq!(header.exif.as_deref(), Some(&b"II*\0"[..]));
    assert!(decoded(&bytes, &at(Scale::Full)).is_ok());
}

#[test]
fn what_follows_the_file_is_ignored() {
    let mut bytes = encoded(&photo(9, 9), Rgb, (9, 9), |_| {});
    let whole = decoded(&bytes, &at(Scale::Full));
    bytes.extend_from_slice(b"trailing bytes");
    assert_eq!(decoded(&bytes, &at(Scale::Full)), whole);
}

#[test]
fn other_files_are_corrupt() {
    for bytes in [
        &b"\x89PNG\r\n\x1a\n0000IHDR"[..],
        b"RIFF\x04\0\0\0WAVE",
        b"RIFF\x00\0\0\0WEBP",
    ] {
        assert!(matches!(read_header(bytes), Err(Error::Corrupt(_))));
    }
}
