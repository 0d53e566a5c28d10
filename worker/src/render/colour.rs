//! Converts to sRGB, so that a picture without its profile still looks the same.

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use super::pixels::{Channels, Pixels};

/// Applies an ICC profile. One that is broken, or not for these channels, is ignored.
pub(super) fn to_srgb(pixels: Pixels, profile: Option<&[u8]>) -> Pixels {
    let Some(profile) = profile.and_then(|bytes| ColorProfile::new_from_slice(bytes).ok()) else {
        return pixels;
    };
    let (from, to, channels) = match (profile.color_space, pixels.channels()) {
        (DataColorSpace::Rgb, Channels::Rgb) => (Layout::Rgb, Layout::Rgb, Channels::Rgb),
        (DataColorSpace::Rgb, Channels::Rgba) => (Layout::Rgba, Layout::Rgba, Channels::Rgba),
        (DataColorSpace::Gray, Channels::Gray) => (Layout::Gray, Layout::Rgb, Channels::Rgb),
        _ => return pixels,
    };
    let srgb = ColorProfile::new_srgb();
    let Ok(transform) = profile.create_transform_8bit(from, &srgb, to, TransformOptions::default())
    else {
        return pixels;
    };
    let mut converted = Pixels::black(pixels.size(), channels);
    match transform.transform(pixels.samples(), converted.samples_mut()) {
        Ok(()) => converted,
        Err(_) => pixels,
    }
}
