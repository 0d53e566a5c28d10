//! Puts an EXIF orientation into pictures, byte by byte (Exif 2.3; TIFF 6.0 for the block).

use super::damage::png_chunk;

/// A TIFF block with one entry: tag 0x0112, type SHORT, count 1.
fn block(orientation: u16) -> Vec<u8> {
    let mut block = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01".to_vec();
    block.extend(orientation.to_be_bytes());
    block.extend([0; 6]);
    block
}

/// An APP1 segment behind the start of a JPEG.
pub fn jpeg(bytes: &[u8], orientation: u16) -> Vec<u8> {
    let block = block(orientation);
    let length = u16::try_from(2 + 6 + block.len()).unwrap();
    let segment = [
        b"\xff\xe1".as_slice(),
        &length.to_be_bytes(),
        b"Exif\0\0",
        &block,
    ]
    .concat();
    [&bytes[..2], &segment, &bytes[2..]].concat()
}

/// An `eXIf` chunk behind the header of a PNG.
pub fn png(bytes: &[u8], orientation: u16) -> Vec<u8> {
    const HEADER_END: usize = 8 + 25;
    [
        &bytes[..HEADER_END],
        &png_chunk(*b"eXIf", &block(orientation)),
        &bytes[HEADER_END..],
    ]
    .concat()
}

/// An `EXIF` chunk in a lossless WebP, which thereby becomes an extended one (RFC 9649, 2.7).
pub fn webp(bytes: &[u8], (width, height): (u32, u32), orientation: u16) -> Vec<u8> {
    const EXIF_FLAG: u8 = 0x08;
    let mut extended = vec![EXIF_FLAG, 0, 0, 0];
    extended.extend(&(width - 1).to_le_bytes()[..3]);
    extended.extend(&(height - 1).to_le_bytes()[..3]);
    let chunk = |name: &[u8; 4], data: &[u8]| {
        let length = u32::try_from(data.len()).unwrap().to_le_bytes();
        [name.as_slice(), &length, data, &vec![0; data.len() % 2]].concat()
    };
    let picture = &bytes[12..];
    let body = [
        b"WEBP".as_slice(),
        &chunk(b"VP8X", &extended),
        picture,
        &chunk(b"EXIF", &block(orientation)),
    ]
    .concat();
    [
        b"RIFF".as_slice(),
        &u32::try_from(body.len()).unwrap().to_le_bytes(),
        &body,
    ]
    .concat()
}
