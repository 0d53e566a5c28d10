//! What another reader finds in a variant.

use thumbmill_shared::format::Format;
use thumbmill_worker::render::Rendered;

/// The size of what another decoder makes of all of it; of an AVIF, the one that its header says.
pub(crate) fn size(variant: &Rendered, format: Format) -> (u32, u32) {
    let format = match format {
        Format::Jpeg => {
            let mut decoder = jpeg_decoder::Decoder::new(variant.bytes.as_slice());
            decoder.decode().expect("it is a JPEG");
            let info = decoder.info().expect("it has a header");
            return (info.width.into(), info.height.into());
        }
        Format::Avif => return spatial_extents(&variant.bytes).expect("it is an AVIF"),
        Format::Png => image::ImageFormat::Png,
        Format::Webp => image::ImageFormat::WebP,
    };
    let picture = image::load_from_memory_with_format(&variant.bytes, format);
    let picture = picture.expect("it is a picture in the format that was asked for");
    (picture.width(), picture.height())
}

/// Width and height in the first `ispe` (ISO/IEC 23008-12, 6.5.3).
fn spatial_extents(bytes: &[u8]) -> Option<(u32, u32)> {
    let at = bytes.windows(4).position(|name| name == b"ispe")?;
    let number = |at: usize| {
        let digits = bytes.get(at..)?.first_chunk()?;
        Some(u32::from_be_bytes(*digits))
    };
    Some((number(at + 8)?, number(at + 12)?))
}
