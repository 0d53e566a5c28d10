//! Makes pixels of a picture whose header has passed: only the part that its variants need, and
//! no larger than the largest of them needs.

use thumbmill_shared::format::SourceFormat;

use super::picture::Source;
use super::plan::Decoding;
use super::probe::Header;
use super::{Deadline, Limits, RenderError};

mod jpeg;
mod png;
mod webp;

/// What decoders get beside the plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds<'a> {
    pub(super) limits: &'a Limits,
    pub(super) deadline: Deadline,
}

/// Decodes the stored picture as planned; it is not upright yet.
pub(super) fn decode(
    bytes: &[u8],
    header: &Header,
    decoding: &Decoding,
    bounds: Bounds<'_>,
) -> Result<Source, RenderError> {
    match header.format {
        SourceFormat::Jpeg => jpeg::decode(bytes, decoding, bounds),
        SourceFormat::Png => png::decode(bytes, decoding, bounds),
        SourceFormat::Webp => webp::decode(bytes, decoding, bounds),
    }
}

/// How many pixels [`decode`] makes.
pub(super) fn pixels(format: SourceFormat, decoding: &Decoding) -> u64 {
    let (across, down) = match format {
        SourceFormat::Jpeg => {
            let (_, shrink) = jpeg::scale(decoding.shrink());
            (shrink, shrink)
        }
        SourceFormat::Png => png::shrink(decoding),
        SourceFormat::Webp => {
            let (_, shrink) = webp::scale(decoding.shrink());
            (shrink, shrink)
        }
    };
    let side = |length: f64, shrink: u32| u64::from(to_px(length / f64::from(shrink)) + 2);
    side(decoding.area.width, across) * side(decoding.area.height, down)
}

/// What is left for the resampler when boxes have done their part: at least so many pixels for
/// one, so that the filter still decides.
const LEFT: f64 = 2.0;

/// The whole pixels that an area touches, when each is `shrink` stored pixels wide and high:
/// left, top, width, height.
fn whole_px(decoding: &Decoding, shrink: u32) -> (u32, u32, u32, u32) {
    let area = decoding.area;
    let shrink = f64::from(shrink);
    let first = |at: f64| (at / shrink).floor();
    let behind = |at: f64| (at / shrink).ceil();
    let (left, top) = (first(area.left), first(area.top));
    let width = behind(area.left + area.width) - left;
    let height = behind(area.top + area.height) - top;
    (
        to_px(left),
        to_px(top),
        to_px(width).max(1),
        to_px(height).max(1),
    )
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates"
)]
fn to_px(length: f64) -> u32 {
    length as u32
}
