//! Is a JPEG whole? Decoders paint over what is missing; a thumbnail of half a picture would
//! stay in caches for long.

use memchr::memchr;

use crate::render::RenderError;

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;

/// Walks the markers (ITU T.81, B.1) up to EOI; bytes behind it are not looked at. Damage inside
/// entropy-coded data is not found here: decoders tolerate it.
pub(super) fn check(bytes: &[u8]) -> Result<(), RenderError> {
    let mut rest = bytes;
    while let Some((marker, behind)) = next_marker(rest) {
        rest = match marker {
            EOI => return Ok(()),
            // Markers without a segment: SOI, TEM and RST0 to RST7 (table B.1).
            SOI | 0x01 | 0xd0..=0xd7 => behind,
            SOS => skip_entropy_coded(skip_segment(behind)?),
            _ => skip_segment(behind)?,
        };
    }
    Err(cut_off())
}

/// The next marker and what is behind it; fill bytes and stray bytes are passed over.
fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut rest = bytes.get(memchr(0xff, bytes)?..)?;
    loop {
        match rest {
            [0xff, 0xff, ..] => rest = rest.get(1..)?,
            [0xff, 0x00, behind @ ..] => rest = behind.get(memchr(0xff, behind)?..)?,
            [0xff, marker, behind @ ..] => return Some((*marker, behind)),
            _ => return None,
        }
    }
}

/// Behind a segment, which begins with its own length.
fn skip_segment(bytes: &[u8]) -> Result<&[u8], RenderError> {
    let [high, low, ..] = bytes else {
        return Err(cut_off());
    };
    let length = usize::from(u16::from_be_bytes([*high, *low])).max(2);
    bytes.get(length..).ok_or_else(cut_off)
}

/// Behind a scan's data: at the next marker that is neither stuffing nor a restart.
fn skip_entropy_coded(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let Some(at) = memchr(0xff, rest) {
        rest = rest.get(at..).unwrap_or_default();
        match rest {
            [0xff, 0x00 | 0xd0..=0xd7, behind @ ..] => rest = behind,
            [0xff, 0xff, ..] => rest = rest.get(1..).unwrap_or_default(),
            _ => return rest,
        }
    }
    &[]
}

fn cut_off() -> RenderError {
    RenderError::Corrupt("the JPEG ends before its end marker".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jpeg_is_whole_when_its_end_marker_is_reached() {
        let whole: &[u8] = &[
            0xff, 0xd8, 0xff, 0xe0, 0, 4, 0xff, 0xd9, 0xff, 0xda, 0, 2, 1, 0xff, 0, 0xff, 0xd0, 2,
            0xff, 0xd9,
        ];
        assert_eq!(check(whole), Ok(()));
        assert_eq!(check(&[whole, b"trailing"].concat()), Ok(()));
        for length in 0..whole.len() {
            assert!(
                check(&whole[..length]).is_err(),
                "{length} of {} bytes",
                whole.len()
            );
        }
    }
}
