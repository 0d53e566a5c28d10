//! From a file to a picture: what is wanted, what it may take, and the order of the steps.

use crate::boxes::Boxes;
use crate::crop::Crop;
use crate::errors::Error;
use crate::expand::Expander;
use crate::header::{Channels, Front};
use crate::interlace::PASSES;
use crate::rows::{AT_ONCE, RowBytes, Rows};
use crate::window::Window;

/// What is wanted of a picture.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many pixels across and down become one; at least 1, 0 is taken for 1.
    pub shrink: (u32, u32),
    /// Which part is wanted, all if `None`. Boxes begin in its top left corner.
    pub crop: Option<Crop>,
    /// How much memory reading may take, the picture included.
    pub budget_bytes: u64,
}

/// What the samples of a [`Picture`]'s pixel are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureChannels {
    /// Gray.
    Gray,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha. Gray with alpha becomes this too.
    Rgba,
}

/// What the alpha channel of a [`Picture`] is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpha {
    /// There is none.
    None,
    /// There is one, and it is 255 everywhere.
    Opaque,
    /// Colours are not premultiplied. In a box they count as much as they are opaque; a box
    /// that is wholly transparent is black.
    Straight,
}

/// A picture, cut and shrunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across: the crop's width over the shrink, rounded up.
    pub width: u32,
    /// Pixels down: the crop's height over the shrink, rounded up.
    pub height: u32,
    /// What a pixel's samples are.
    pub channels: PictureChannels,
    /// `width * height` pixels from the top left, 8 bits a sample. Without shrink they are the
    /// stored ones (16 bits: their high byte), else averages rounded to the nearest.
    pub samples: Vec<u8>,
    /// What the alpha channel is like.
    pub alpha: Alpha,
}

/// Reads a picture. `cancelled` is asked for every row, and every few thousand bytes.
///
/// An animated PNG gives its default image. Rows below the crop are not inflated.
///
/// # Errors
///
/// [`Error::Truncated`] if the file ends before `IEND`; [`Error::Corrupt`] for a damaged chunk
/// that matters or damaged rows down to the crop's last; [`Error::OverBudget`] before the memory
/// is taken; [`Error::Cancelled`] soon after `cancelled` says so.
pub fn decode(
    bytes: &[u8],
    options: &Options,
    cancelled: &dyn Fn() -> bool,
) -> Result<Picture, Error> {
    let front = Front::read(bytes)?;
    let plan = Plan::new(&front, options)?;
    front.data.check_to_end(cancelled)?;
    let (samples, opaque) = if front.shape.interlaced {
        plan.interlaced(&front, cancelled)?
    } else {
        plan.progressive(&front, cancelled)?
    };
    Ok(plan.picture(samples, opaque))
}

/// What is to be done, within the budget.
struct Plan {
    crop: Crop,
    shrink: (u32, u32),
    channels: Channels,
    bits_per_pixel: usize,
}

impl Plan {
    fn new(front: &Front<'_>, options: &Options) -> Result<Self, Error> {
        let shape = front.shape;
        let plan = Self {
            crop: Crop::within(options.crop, shape.width, shape.height)?,
            shrink: (options.shrink.0.max(1), options.shrink.1.max(1)),
            channels: front.channels(),
            bits_per_pixel: shape.bits_per_pixel(),
        };
        let needed_bytes = plan.needed_bytes(shape.width, shape.interlaced);
        if needed_bytes > options.budget_bytes {
            return Err(Error::OverBudget {
                needed_bytes,
                budget_bytes: options.budget_bytes,
            });
        }
        Ok(plan)
    }

    fn size(&self) -> (u32, u32) {
        (
            self.crop.width.div_ceil(self.shrink.0),
            self.crop.height.div_ceil(self.shrink.1),
        )
    }

    /// Everything that is allocated: window, rows, boxes, the picture, the tables.
    fn needed_bytes(&self, width: u32, interlaced: bool) -> u64 {
        const FIXED_BYTES: u64 = 64 << 10;
        let channels = self.channels.count() as u64;
        let row_samples = u64::from(self.crop.width) * channels;
        let (across, down) = self.size();
        let pixels = u64::from(across) * u64::from(down);
        // Gray with alpha is kept twice for a moment, with two and with four samples.
        let per_pixel = if self.channels == Channels::GrayAlpha {
            6
        } else {
            channels
        };
        let stored_row = (u64::from(width) * self.bits_per_pixel as u64).div_ceil(8) + 1;
        let whole = if interlaced {
            u64::from(self.crop.height)
        } else {
            0
        };
        // The last pass is as wide as the picture, so its expanded row too; it may grow by doubling.
        let expanded = u64::from(width) * channels * 2;
        [
            FIXED_BYTES,
            Window::size_bytes(stored_row * AT_ONCE as u64),
            Rows::size_bytes(stored_row),
            expanded,
            Boxes::size_bytes(row_samples, self.shrink.0),
            pixels.saturating_mul(per_pixel),
            row_samples.saturating_mul(whole),
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }

    /// Where rows of `width` pixels end if the first `wanted` of them are.
    fn row_bytes(&self, width: u32, wanted: u32) -> Result<RowBytes, Error> {
        let bytes = |pixels: u32| {
            let bits = u64::from(pixels) * self.bits_per_pixel as u64;
            usize::try_from(bits.div_ceil(8)).map_err(|_| Error::Corrupt("the length of its rows"))
        };
        Ok(RowBytes {
            whole: bytes(width)?,
            wanted: bytes(wanted)?,
            pixel: (self.bits_per_pixel / 8).max(1),
        })
    }

    fn boxes(&self) -> Boxes {
        let (across, down) = self.size();
        let boxes = across as usize * down as usize;
        Boxes::new(
            self.channels.count(),
            self.crop.width as usize,
            self.shrink,
            boxes,
        )
    }

    fn progressive(
        &self,
        front: &Front<'_>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(Vec<u8>, bool), Error> {
        let bytes = self.row_bytes(front.shape.width, self.crop.x + self.crop.width)?;
        let mut window = Window::new(front.data, AT_ONCE * (bytes.whole + 1))?;
        let end = self.crop.y + self.crop.height;
        let expansion = Expander::new(front);
        let columns = (self.crop.x as usize, self.crop.width as usize);
        let (mut boxes, mut scratch) = (self.boxes(), Vec::new());
        Rows::new(bytes, end).for_each(&mut window, cancelled, |y, row| {
            if y >= self.crop.y {
                boxes.add(expansion.expand(row, columns, &mut scratch));
            }
        })?;
        Ok(boxes.finish())
    }

    fn interlaced(
        &self,
        front: &Front<'_>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(Vec<u8>, bool), Error> {
        let (shape, crop) = (front.shape, self.crop);
        let channels = self.channels.count();
        let row_samples = crop.width as usize * channels;
        let widest = self.row_bytes(shape.width, shape.width)?;
        let mut window = Window::new(front.data, AT_ONCE * (widest.whole + 1))?;
        let expansion = Expander::new(front);
        let mut picture = vec![0; row_samples * crop.height as usize];
        let mut scratch = Vec::new();
        for pass in PASSES {
            let (width, height) = pass.size(shape.width, shape.height);
            if width == 0 {
                continue;
            }
            let rows = Rows::new(self.row_bytes(width, width)?, height);
            rows.for_each(&mut window, cancelled, |y, row| {
                let from = pass.row_in(&crop, y).map(|y| y as usize * row_samples);
                let out = from.and_then(|from| picture.get_mut(from..from + row_samples));
                if let Some(out) = out {
                    let row = expansion.expand(row, (0, width as usize), &mut scratch);
                    pass.scatter(&crop, channels, row, out);
                }
            })?;
        }
        let mut boxes = self.boxes();
        for row in picture.chunks_exact(row_samples) {
            boxes.add(row);
        }
        Ok(boxes.finish())
    }

    fn picture(&self, samples: Vec<u8>, opaque: bool) -> Picture {
        let (width, height) = self.size();
        let alpha = if opaque {
            Alpha::Opaque
        } else {
            Alpha::Straight
        };
        let (channels, alpha, samples) = match self.channels {
            Channels::Gray => (PictureChannels::Gray, Alpha::None, samples),
            Channels::Rgb => (PictureChannels::Rgb, Alpha::None, samples),
            Channels::Rgba => (PictureChannels::Rgba, alpha, samples),
            Channels::GrayAlpha => {
                let (pixels, _) = samples.as_chunks::<2>();
                let mut wide = Vec::with_capacity(pixels.len() * 4);
                wide.extend(
                    pixels
                        .iter()
                        .flat_map(|[gray, alpha]| [*gray, *gray, *gray, *alpha]),
                );
                (PictureChannels::Rgba, alpha, wide)
            }
        };
        Picture {
            width,
            height,
            channels,
            samples,
            alpha,
        }
    }
}
