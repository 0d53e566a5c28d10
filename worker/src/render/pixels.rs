//! Pixels between the steps: rows from top to bottom, 8 bits a sample, in as few channels as hold
//! the picture.

use fast_image_resize::PixelType;
use fast_image_resize::images::Image;

use super::plan::Size;

/// What the samples of a pixel are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channels {
    /// Gray.
    Gray,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, and how opaque; not premultiplied.
    Rgba,
    /// Cyan, magenta, yellow, black: 255 is full ink.
    Cmyk,
}

impl Channels {
    /// Samples, and so bytes, a pixel.
    pub(super) fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }

    /// What the resampler calls them.
    pub(super) fn pixel_type(self) -> PixelType {
        match self {
            Self::Gray => PixelType::U8,
            Self::Rgb => PixelType::U8x3,
            Self::Rgba | Self::Cmyk => PixelType::U8x4,
        }
    }
}

/// A picture: `width * height * channels` bytes.
#[derive(Clone, Debug)]
pub(super) struct Pixels {
    size: Size,
    channels: Channels,
    samples: Vec<u8>,
}

impl Pixels {
    /// A picture of `samples`; `None` when there are too few.
    pub(super) fn new(size: Size, mut samples: Vec<u8>, channels: Channels) -> Option<Self> {
        let length = size.area().checked_mul(channels.count())?;
        if samples.len() < length {
            return None;
        }
        samples.truncate(length);
        Some(Self {
            size,
            channels,
            samples,
        })
    }

    /// A picture with every sample 0.
    pub(super) fn black(size: Size, channels: Channels) -> Self {
        Self {
            size,
            channels,
            samples: vec![0; size.area() * channels.count()],
        }
    }

    /// A picture of one colour, given as red, green, blue and how opaque.
    pub(super) fn filled(size: Size, channels: Channels, colour: [u8; 4]) -> Self {
        let mut filled = Self::black(size, channels);
        let [first, ..] = colour;
        match channels {
            Channels::Gray => filled.samples.fill(first),
            Channels::Rgb => {
                let [red, green, blue, _] = colour;
                let (pixels, _) = filled.samples.as_chunks_mut::<3>();
                pixels.fill([red, green, blue]);
            }
            Channels::Rgba | Channels::Cmyk => {
                let (pixels, _) = filled.samples.as_chunks_mut::<4>();
                pixels.fill(colour);
            }
        }
        filled
    }

    pub(super) fn size(&self) -> Size {
        self.size
    }

    pub(super) fn channels(&self) -> Channels {
        self.channels
    }

    pub(super) fn samples(&self) -> &[u8] {
        &self.samples
    }

    pub(super) fn samples_mut(&mut self) -> &mut [u8] {
        &mut self.samples
    }

    pub(super) fn into_samples(self) -> Vec<u8> {
        self.samples
    }

    /// The samples as the resampler takes them.
    pub(super) fn image_mut(&mut self) -> Option<Image<'_>> {
        let Size { width, height } = self.size;
        let kind = self.channels.pixel_type();
        Image::from_slice_u8(width, height, &mut self.samples, kind).ok()
    }

    /// One row after the other.
    pub(super) fn rows(&self) -> std::slice::ChunksExact<'_, u8> {
        self.samples
            .chunks_exact(self.row_bytes(self.size.width).max(1))
    }

    /// As [`Pixels::rows`], to be written.
    pub(super) fn rows_mut(&mut self) -> std::slice::ChunksExactMut<'_, u8> {
        let bytes = self.row_bytes(self.size.width).max(1);
        self.samples.chunks_exact_mut(bytes)
    }

    /// How many bytes `px` pixels of a row are.
    pub(super) fn row_bytes(&self, px: u32) -> usize {
        px as usize * self.channels.count()
    }

    /// The same picture with more channels: gray becomes RGB, RGB becomes opaque RGBA.
    pub(super) fn widened(self, channels: Channels) -> Self {
        let size = self.size();
        let widened: Vec<u8> = match (self.channels, channels) {
            (Channels::Gray, Channels::Rgb) => {
                self.samples().iter().flat_map(|gray| [*gray; 3]).collect()
            }
            (Channels::Gray, Channels::Rgba) => self
                .samples()
                .iter()
                .flat_map(|gray| [*gray, *gray, *gray, 255])
                .collect(),
            (Channels::Rgb, Channels::Rgba) => {
                let (pixels, _) = self.samples().as_chunks::<3>();
                pixels
                    .iter()
                    .flat_map(|[red, green, blue]| [*red, *green, *blue, 255])
                    .collect()
            }
            (Channels::Gray | Channels::Rgb | Channels::Rgba | Channels::Cmyk, _) => return self,
        };
        Self {
            size,
            channels,
            samples: widened,
        }
    }
}
