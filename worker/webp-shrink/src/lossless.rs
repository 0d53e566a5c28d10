//! Lossless pictures: RFC 9649, section 3.

use crate::Error;

/// What the first five bytes of a lossless picture say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) has_alpha: bool,
}

/// Reads the size of the picture in `bytes` (section 3.4).
pub(crate) fn read_size(bytes: &[u8]) -> Result<Size, Error> {
    let &[signature, b0, b1, b2, b3] = bytes.first_chunk::<5>().ok_or(Error::Truncated)?;
    let bits = u32::from_le_bytes([b0, b1, b2, b3]);
    if signature != 0x2f || bits >> 29 != 0 {
        return Err(Error::Corrupt("no lossless picture's signature"));
    }
    Ok(Size {
        width: 1 + (bits & 0x3fff),
        height: 1 + ((bits >> 14) & 0x3fff),
        has_alpha: bits >> 28 & 1 == 1,
    })
}
