//! ICC profiles, by moxcms.

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use crate::render::pixels::{Channels, Pixels};

/// A profile that makes a difference.
#[derive(Debug)]
pub(in crate::render) struct Profile(ColorProfile);

impl Profile {
    /// Reads a profile. `None` for one that is broken, and for one that says sRGB with other
    /// words: both are ignored.
    pub(in crate::render) fn read(bytes: &[u8]) -> Option<Self> {
        let profile = Self(ColorProfile::new_from_slice(bytes).ok()?);
        let probe = probe();
        let same = match profile.0.color_space {
            DataColorSpace::Rgb => profile
                .to_srgb(probe.clone())
                .samples()
                .iter()
                .zip(probe.samples())
                .all(|(converted, sample)| converted.abs_diff(*sample) <= 1),
            _ => false,
        };
        (!same).then_some(profile)
    }

    /// Converts pixels whose channels the profile is for; others stay as they are.
    pub(in crate::render) fn to_srgb(&self, pixels: Pixels) -> Pixels {
        let (from, to, channels) = match (self.0.color_space, pixels.channels()) {
            (DataColorSpace::Rgb, Channels::Rgb) => (Layout::Rgb, Layout::Rgb, Channels::Rgb),
            (DataColorSpace::Rgb, Channels::Rgba) => (Layout::Rgba, Layout::Rgba, Channels::Rgba),
            (DataColorSpace::Gray, Channels::Gray) => (Layout::Gray, Layout::Rgb, Channels::Rgb),
            // moxcms calls four inks by the name of four channels.
            (DataColorSpace::Cmyk, Channels::Cmyk) => (Layout::Rgba, Layout::Rgb, Channels::Rgb),
            _ => return pixels,
        };
        let srgb = ColorProfile::new_srgb();
        let options = TransformOptions::default();
        let Ok(transform) = self.0.create_transform_8bit(from, &srgb, to, options) else {
            return pixels;
        };
        let mut converted = Pixels::black(pixels.size(), channels);
        match transform.transform(pixels.samples(), converted.samples_mut()) {
            Ok(()) => converted,
            Err(_) => pixels,
        }
    }
}

/// Colours from all over the cube.
fn probe() -> Pixels {
    let levels = [0, 64, 128, 192, 255];
    let colours = levels.into_iter().flat_map(|red| {
        let greens = levels.into_iter();
        greens.flat_map(move |green| levels.into_iter().flat_map(move |blue| [red, green, blue]))
    });
    let size = crate::render::plan::Size {
        width: 125,
        height: 1,
    };
    Pixels::new(size, colours.collect(), Channels::Rgb)
        .unwrap_or_else(|| Pixels::black(size, Channels::Rgb))
}
