//! Converts to sRGB, so that a picture without its profile still looks the same.

use super::picture::Picture;
use super::pixels::{Channels, Pixels};

mod cmyk;
mod icc;
mod ycbcr;

pub(super) use icc::Profile;

/// The picture as gray, RGB or RGBA in sRGB, all chroma at full size.
pub(super) fn to_srgb(picture: Picture, profile: Option<&Profile>) -> Pixels {
    let pixels = match picture {
        Picture::Pixels(pixels) => pixels,
        Picture::Planes(planes) => ycbcr::to_rgb(&planes),
    };
    let pixels = match profile {
        Some(profile) => profile.to_srgb(pixels),
        None => pixels,
    };
    match pixels.channels() {
        Channels::Gray | Channels::Rgb | Channels::Rgba => pixels,
        Channels::Cmyk => cmyk::to_rgb(&pixels),
    }
}
