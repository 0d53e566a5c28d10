//! About how much memory steps take: pure arithmetic, so that renders at a time can be limited by
//! it. Each decoder counts exactly what it takes, against a limit of its own.

use thumbmill_shared::format::Format;
use thumbmill_shared::transform::Transform;

use super::decode;
use super::plan::{Decoding, Size};
use super::probe::Header;

/// Tables, windows and the like.
const FIXED_BYTES: u64 = 1 << 20;
/// Of a pixel of what is decoded: its samples, twice for a moment, half as much for smaller levels,
/// and the coefficients of a progressive JPEG.
const DECODED_PIXEL_BYTES: u64 = 12;
/// Of a variant's pixel: up to four samples before and after a step, and the file that is made.
const VARIANT_PIXEL_BYTES: u64 = 12;
/// The same for WebP, whose encoder keeps several forms of the picture, and for AVIF.
const SLOW_PIXEL_BYTES: u64 = 48;
/// Of a pixel that is counted for a palette, of which there are at most so many.
const COUNTED_PIXEL_BYTES: u64 = 100;
const COUNTED_PIXELS: u64 = 1 << 20;
/// Of a pixel that is tilted or trimmed: copies of it.
const PREPARED_PIXEL_BYTES: u64 = 8;
/// A variant's file is no more than this part of what making it takes.
pub(super) const FILE_PART: u64 = 4;

/// What decoding takes.
pub(super) fn of_decode(header: &Header, decoding: &Decoding) -> u64 {
    let made = decode::pixels(header.format, decoding) * DECODED_PIXEL_BYTES;
    FIXED_BYTES + header.kept_bytes + made
}

/// What turning a picture by degrees and trimming it take.
pub(super) fn of_preparation(stored: Size, prepared: Size) -> u64 {
    (stored.area() as u64 + prepared.area() as u64) * PREPARED_PIXEL_BYTES
}

/// What making a variant takes that is `size` large.
pub(super) fn of_variant(size: Size, transform: &Transform) -> u64 {
    let pixels = size.area() as u64;
    match (transform.format, transform.quality) {
        (Format::Png, Some(_)) => {
            pixels * VARIANT_PIXEL_BYTES + pixels.min(COUNTED_PIXELS) * COUNTED_PIXEL_BYTES
        }
        (Format::Jpeg, _) | (Format::Png, None) => pixels * VARIANT_PIXEL_BYTES,
        (Format::Webp | Format::Avif, _) => pixels * SLOW_PIXEL_BYTES,
    }
}
