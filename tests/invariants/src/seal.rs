//! Makes files of a format of bytes that nearly are one, so that what is behind the first look at
//! them is met too.

/// The same bytes, beginning as a JPEG does.
pub(crate) fn jpeg(bytes: &[u8]) -> Vec<u8> {
    beginning_with(bytes, b"\xff\xd8\xff")
}

/// The same bytes, beginning as a WebP file does.
pub(crate) fn webp(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = beginning_with(bytes, b"RIFF");
    if let Some(name) = bytes.get_mut(8..12) {
        name.copy_from_slice(b"WEBP");
    }
    bytes
}

/// The same bytes, beginning as a PNG does, and each chunk with the checksum that it should have.
pub(crate) fn png(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = beginning_with(bytes, b"\x89PNG\r\n\x1a\n");
    let mut rest = bytes.get_mut(8..).unwrap_or_default();
    while let Some((length, behind)) = rest.split_first_chunk_mut::<4>() {
        let named = (u32::from_be_bytes(*length) as usize).saturating_add(4);
        let Some((body, behind)) = behind.split_at_mut_checked(named) else {
            break;
        };
        let Some((sum, behind)) = behind.split_first_chunk_mut::<4>() else {
            break;
        };
        *sum = crc32fast::hash(body).to_be_bytes();
        rest = behind;
    }
    bytes
}

fn beginning_with(bytes: &[u8], magic: &[u8]) -> Vec<u8> {
    let mut sealed = magic.to_vec();
    sealed.extend(bytes.get(magic.len()..).unwrap_or_default());
    sealed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_put_right_up_to_what_is_cut_off() {
        let chunk = b"\0\0\0\x01abcd!????";
        let file = [b"not yet ".as_slice(), chunk, b"\0\0\0\x09cut"].concat();
        let sum = crc32fast::hash(b"abcd!").to_be_bytes();
        let expected = [
            b"\x89PNG\r\n\x1a\n\0\0\0\x01abcd!",
            sum.as_slice(),
            b"\0\0\0\x09cut",
        ];
        assert_eq!(png(&file), expected.concat());
    }

    #[test]
    fn a_beginning_replaces_what_was_there() {
        assert_eq!(jpeg(b"ab"), b"\xff\xd8\xff");
        assert_eq!(webp(b"0123456789abcd"), b"RIFF4567WEBPcd");
    }
}
