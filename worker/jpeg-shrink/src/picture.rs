//! What a decode delivers: planes, each in its own density, and RGB made of them.

mod colour;
mod upsample;

use crate::Crop;
use crate::geometry::{Extent, Geometry};

/// What the delivered planes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planes {
    /// Luminance.
    Gray,
    /// Luminance, blue and red difference (ITU T.871: full range).
    Ycbcr,
    /// Red, green and blue.
    Rgb,
    /// Cyan, magenta, yellow and black: 0 is no ink, 255 is all of it. All have the size of the
    /// picture.
    Cmyk,
}

/// One component of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plane {
    /// Samples in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Row by row, without gaps.
    pub samples: Vec<u8>,
    /// The picture's pixels to a sample, across, as a fraction: 2 of 1 for halved chroma. The
    /// last sample of a row may reach beyond the picture.
    pub across: (u8, u8),
    /// The same, down.
    pub down: (u8, u8),
}

/// A decoded picture, or the part of it that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width of the whole scaled picture, in pixels.
    pub full_width: u32,
    /// Height of the whole scaled picture, in pixels.
    pub full_height: u32,
    /// The part of it that was delivered: at least what was asked for, and whole MCUs, so that it
    /// begins at a sample of every plane.
    pub crop: Crop,
    /// What the planes are.
    pub colour: Planes,
    /// The components.
    pub planes: Vec<Plane>,
    /// How many bytes were looked at: headers, tables and entropy-coded data, without the walk to
    /// the end marker.
    pub bytes_read: usize,
}

impl Picture {
    /// The delivered part as RGB, row by row, 3 bytes a pixel; chroma is interpolated linearly.
    /// Inks are shown as if they were ideal; a picture that has a profile deserves better.
    pub fn to_rgb(&self) -> Vec<u8> {
        let (width, height) = (self.crop.width as usize, self.crop.height as usize);
        let mut rgb = Vec::with_capacity(width * height * 3);
        let mut rows = vec![vec![0; width]; self.planes.len()];
        for y in 0..height {
            for (plane, row) in self.planes.iter().zip(&mut rows) {
                upsample::row(plane, y, row);
            }
            colour::append_rgb(self.colour, &rows, &mut rgb);
        }
        rgb
    }

    /// Puts finished planes into a picture.
    pub(crate) fn new(
        geometry: &Geometry,
        stored: crate::Colour,
        inverted: bool,
        planes: Vec<Vec<u8>>,
    ) -> Self {
        let planes = planes.into_iter().zip(&geometry.components);
        let planes = planes
            .map(|(samples, extent)| plane(geometry, extent, samples))
            .collect();
        let mut picture = Self {
            full_width: geometry.width as u32,
            full_height: geometry.height as u32,
            crop: geometry.crop(),
            colour: match stored {
                crate::Colour::Gray => Planes::Gray,
                crate::Colour::Ycbcr => Planes::Ycbcr,
                crate::Colour::Rgb => Planes::Rgb,
                crate::Colour::Cmyk | crate::Colour::Ycck => Planes::Cmyk,
            },
            planes,
            bytes_read: 0,
        };
        if picture.colour == Planes::Cmyk {
            picture.spread_inks();
            colour::to_inks(&mut picture.planes, stored, inverted);
        }
        picture
    }

    /// Gives every plane the size of the picture.
    fn spread_inks(&mut self) {
        let (width, height) = (self.crop.width as usize, self.crop.height as usize);
        for plane in &mut self.planes {
            if plane.across.0 != plane.across.1 || plane.down.0 != plane.down.1 {
                let mut samples = vec![0; width * height];
                for (y, row) in samples.chunks_exact_mut(width).enumerate() {
                    upsample::row(plane, y, row);
                }
                *plane = Plane {
                    width,
                    height,
                    samples,
                    across: (1, 1),
                    down: (1, 1),
                };
            }
        }
    }
}

/// What [`Picture::new`] allocates besides the planes.
pub(crate) fn spread_bytes(geometry: &Geometry, stored: crate::Colour) -> u64 {
    match stored {
        crate::Colour::Gray | crate::Colour::Ycbcr | crate::Colour::Rgb => 0,
        crate::Colour::Cmyk | crate::Colour::Ycck => {
            let crop = geometry.crop();
            4 * u64::from(crop.width) * u64::from(crop.height)
        }
    }
}

fn plane(geometry: &Geometry, extent: &Extent, samples: Vec<u8>) -> Plane {
    Plane {
        width: extent.width,
        height: extent.height,
        samples,
        across: (geometry.densest.horizontal, extent.sampling.horizontal),
        down: (geometry.densest.vertical, extent.sampling.vertical),
    }
}
