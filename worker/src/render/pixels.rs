//! Pixels between the steps: rows from top to bottom, 8 bits a sample, in as few channels as hold
//! the picture.

use fast_image_resize::PixelType;
use fast_image_resize::images::Image;

use super::geometry::Size;

/// What the samples of a pixel are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channels {
    /// Gray.
    Gray,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, and how opaque; not premultiplied.
    Rgba,
}

impl Channels {
    /// Samples, and so bytes, a pixel.
    pub(super) fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    /// What the resampler calls them.
    pub(super) fn pixel_type(self) -> PixelType {
        match self {
            Self::Gray => PixelType::U8,
            Self::Rgb => PixelType::U8x3,
            Self::Rgba => PixelType::U8x4,
        }
    }
}

/// A picture: `width * height * channels` bytes.
#[derive(Debug)]
pub(super) struct Pixels {
    image: Image<'static>,
    channels: Channels,
}

impl Pixels {
    /// A picture of `samples`; `None` when there are too few.
    pub(super) fn new(size: Size, samples: Vec<u8>, channels: Channels) -> Option<Self> {
        let image =
            Image::from_vec_u8(size.width, size.height, samples, channels.pixel_type()).ok()?;
        Some(Self { image, channels })
    }

    /// A picture with every sample 0.
    pub(super) fn black(size: Size, channels: Channels) -> Self {
        Self {
            image: Image::new(size.width, size.height, channels.pixel_type()),
            channels,
        }
    }

    pub(super) fn size(&self) -> Size {
        Size {
            width: self.image.width(),
            height: self.image.height(),
        }
    }

    pub(super) fn channels(&self) -> Channels {
        self.channels
    }

    pub(super) fn image(&self) -> &Image<'static> {
        &self.image
    }

    pub(super) fn image_mut(&mut self) -> &mut Image<'static> {
        &mut self.image
    }

    pub(super) fn samples(&self) -> &[u8] {
        self.image.buffer()
    }

    pub(super) fn samples_mut(&mut self) -> &mut [u8] {
        self.image.buffer_mut()
    }

    pub(super) fn into_samples(self) -> Vec<u8> {
        self.image.into_vec()
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
            (Channels::Gray, Channels::Gray) | (Channels::Rgb | Channels::Rgba, _) => return self,
        };
        Self::new(size, widened, channels).unwrap_or_else(|| Self::black(size, channels))
    }
}
