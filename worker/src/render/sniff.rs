//! Which format bytes are in, by their magic bytes alone.

use thumbmill_shared::format::SourceFormat;

use super::RenderError;

/// The format of a picture.
pub(super) fn sniff(bytes: &[u8]) -> Result<SourceFormat, RenderError> {
    match bytes {
        // SOI and the first byte of the next marker (ITU T.81, B.1.1.3).
        [0xff, 0xd8, 0xff, ..] => Ok(SourceFormat::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Ok(SourceFormat::Png),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Ok(SourceFormat::Webp),
        _ => Err(RenderError::Unsupported(
            "it is not a JPEG, PNG or WebP picture".to_owned(),
        )),
    }
}
