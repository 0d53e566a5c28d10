//! How much memory steps take: pure arithmetic, rounded up, so that renders at a time can be
//! limited by it. Each decoder counts exactly what it takes, against a limit of its own.

use thumbmill_shared::format::{Format, SourceFormat};

use super::decode;
use super::plan::{Decoding, Size};
use super::probe::Header;

/// Tables, windows and the like.
const FIXED_BYTES: u64 = 1 << 20;
/// Of a pixel of what is decoded: its samples, twice for a moment, half as much for smaller levels,
/// and the coefficients of a progressive JPEG.
const DECODED_PIXEL_BYTES: u64 = 16;
/// Of a pixel as it is stored, in formats whose decoders keep all of them: WebP.
const STORED_PIXEL_BYTES: u64 = 6;
/// Of a variant's pixel: up to four samples before and after a step, and the file that is made.
const VARIANT_PIXEL_BYTES: u64 = 16;
/// The same for AVIF, whose encoder took 20 to 40.
const AVIF_PIXEL_BYTES: u64 = 48;

/// What decoding takes.
pub(super) fn of_decode(header: &Header, decoding: &Decoding) -> u64 {
    let kept = match header.format {
        SourceFormat::Jpeg | SourceFormat::Png => 0,
        SourceFormat::Webp => header.stored.area() as u64 * STORED_PIXEL_BYTES,
    };
    FIXED_BYTES + kept + decode::pixels(header.format, decoding) * DECODED_PIXEL_BYTES
}

/// What making a variant takes that is `size` large.
pub(super) fn of_variant(size: Size, format: Format) -> u64 {
    let pixel_bytes = match format {
        Format::Jpeg | Format::Png | Format::Webp => VARIANT_PIXEL_BYTES,
        Format::Avif => AVIF_PIXEL_BYTES,
    };
    size.area() as u64 * pixel_bytes
}
