//! What a renderer hands over is checked before it is stored: it has met foreign bytes, and may lie. Only
//! the beginning of a file is looked at, and nothing of it is believed but its format and its size.

use thumbmill_shared::format::Format;

/// An AVIF file has its size among its first boxes.
const AVIF_HEAD_BYTES: usize = 4 << 10;

/// Why a file is not what it is said to be; nothing if it is a picture in this format and of this size, as
/// far as its header goes.
pub(super) fn wrong(format: Format, bytes: &[u8], size: (u32, u32)) -> Option<&'static str> {
    let found = match format {
        Format::Jpeg => jpeg(bytes),
        Format::Png => png(bytes),
        Format::Webp => webp(bytes),
        Format::Avif => avif(bytes),
    };
    match found {
        None => Some("a file that is not in the format that was asked for"),
        Some(found) if found != size => Some("a picture of another size than it said"),
        Some((0, _) | (_, 0)) => Some("a picture without pixels"),
        Some(_) => None,
    }
}

/// Goes from segment to segment to the frame header (ITU T.81, B.1.1 and B.2.2).
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let (&[0xff, marker, high, low], _) = rest.split_first_chunk()? else {
            return None;
        };
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            return Some((big(rest.get(7..9)?), big(rest.get(5..7)?)));
        }
        // A scan, or a marker without a length, before any frame.
        if matches!(marker, 0x00..=0x01 | 0xd0..=0xda) {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([high, low])).max(2);
        rest = rest.get(2 + length..)?;
    }
}

/// The first chunk (W3C PNG, 11.2.1).
fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    let rest = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR")?;
    Some((big(rest.get(..4)?), big(rest.get(4..8)?)))
}

/// The first chunk (RFC 9649, 2.4 to 2.7; RFC 6386, 9.1).
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    let rest = bytes.strip_prefix(b"RIFF")?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let padded = bytes.len().checked_sub(8)?;
    if u32::try_from(padded) != Ok(u32::from_le_bytes(*length)) {
        return None;
    }
    let rest = rest.strip_prefix(b"WEBP")?;
    let (name, rest) = rest.split_first_chunk::<4>()?;
    let chunk = rest.get(4..)?;
    match name {
        b"VP8 " => {
            let key_frame = chunk.first()? & 1 == 0 && chunk.get(3..6)? == [0x9d, 0x01, 0x2a];
            let side = |at| Some(little(chunk.get(at..at + 2)?) & 0x3fff);
            key_frame.then_some((side(6)?, side(8)?))
        }
        b"VP8L" => {
            let sides = little(chunk.strip_prefix(&[0x2f])?.get(..4)?);
            Some(((sides & 0x3fff) + 1, (sides >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => Some((little(chunk.get(4..7)?) + 1, little(chunk.get(7..10)?) + 1)),
        _ => None,
    }
}

/// The brand, and the first size among the properties (ISO/IEC 23008-12, 6.5.3).
fn avif(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes.get(4..12)? != b"ftypavif" {
        return None;
    }
    let head = bytes.get(..AVIF_HEAD_BYTES).unwrap_or(bytes);
    let at = head.windows(4).position(|name| name == b"ispe")?;
    Some((
        big(head.get(at + 8..at + 12)?),
        big(head.get(at + 12..at + 16)?),
    ))
}

/// The number in at most four bytes, the highest first.
fn big(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

/// The same, the lowest first.
fn little(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests;
