//! Pictures that are wrong in one exact way.

/// A PNG chunk with its CRC (W3C PNG, 5.3).
pub fn png_chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    let body = [name.as_slice(), data].concat();
    [length.as_slice(), &body, &crc(&body).to_be_bytes()].concat()
}

/// The CRC of W3C PNG, annex D.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                0xedb8_8320 ^ (crc >> 1)
            } else {
                crc >> 1
            }
        })
    };
    !bytes.iter().fold(!0, step)
}

/// A PNG header that announces these sides, and next to nothing behind it.
pub fn png_bomb(width: u32, height: u32) -> Vec<u8> {
    let header = [
        &width.to_be_bytes()[..],
        &height.to_be_bytes(),
        &[8, 2, 0, 0, 0],
    ]
    .concat();
    let chunks = [
        png_chunk(*b"IHDR", &header),
        png_chunk(*b"IDAT", &[]),
        png_chunk(*b"IEND", &[]),
    ];
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat()
}

/// The first `percent` of the bytes.
pub fn truncated(bytes: &[u8], percent: usize) -> Vec<u8> {
    bytes[..bytes.len() * percent / 100].to_vec()
}

/// One bit flipped in the middle of a PNG's picture data, whose CRC no longer holds.
pub fn png_with_corrupt_data(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let data = find(&bytes, b"IDAT") + 4;
    let middle = usize::midpoint(data, bytes.len() - 16);
    bytes[middle] ^= 0x10;
    bytes
}

/// Where `needle` begins.
pub fn find(bytes: &[u8], needle: &[u8]) -> usize {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
        .unwrap()
}
