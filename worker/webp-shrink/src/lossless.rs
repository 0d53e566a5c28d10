//! Lossless pictures: RFC 9649, section 3.
//!
//! Decoding may copy from anywhere above, so that all rows that are needed are kept as they are
//! stored. Transforms are undone for each row as soon as it is decoded.

use self::{bits::BitReader, image::Decoder, transforms::Transform};
use crate::{Error, budget::Budget};

mod bits;
mod codes;
mod image;
mod near;
mod predict;
mod prefix;
mod transforms;

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

/// Takes each row of ARGB pixels.
pub(crate) type RowSink<'a> = dyn FnMut(&[u32]) + 'a;

/// What decoding may cost, and whether it is still wanted.
pub(crate) struct Limits<'a> {
    pub(crate) budget: &'a mut Budget,
    pub(crate) cancelled: &'a dyn Fn() -> bool,
}

/// Decodes the first `rows` rows of the picture in `bytes`, header included.
pub(crate) fn decode(
    bytes: &[u8],
    rows: usize,
    limits: Limits<'_>,
    sink: &mut RowSink<'_>,
) -> Result<(), Error> {
    let size = read_size(bytes)?;
    let stream = bytes.get(5..).ok_or(Error::Truncated)?;
    let size = (size.width as usize, size.height as usize);
    decode_stream(stream, (size, rows), limits, sink)
}

/// Decodes the first `rows` rows of a picture of `size`, whose header was left out.
pub(crate) fn decode_stream(
    bytes: &[u8],
    (mut size, rows): ((usize, usize), usize),
    limits: Limits<'_>,
    sink: &mut RowSink<'_>,
) -> Result<(), Error> {
    let Limits { budget, cancelled } = limits;
    let mut reader = BitReader::new(bytes);
    let width = size.0;
    let mut transforms = Vec::new();
    while reader.flag() {
        let transform = Transform::read(&mut reader, &mut size, budget)?;
        if transforms
            .iter()
            .any(|other: &Transform| other.kind() == transform.kind())
        {
            return Err(Error::Corrupt("a transform is there twice"));
        }
        transforms.push(transform);
    }
    let decoder = Decoder::read(&mut reader, size, budget)?;
    reader.check()?;
    budget.take(4 * width as u64)?;
    let mut undone = Vec::with_capacity(width);
    decoder.pixels(&mut reader, rows, budget, &mut |row, y| {
        if cancelled() {
            return Err(Error::Cancelled);
        }
        undone.clear();
        undone.extend_from_slice(row);
        for transform in transforms.iter_mut().rev() {
            transform.undo(&mut undone, y);
        }
        sink(&undone);
        Ok(())
    })?;
    Ok(())
}
