//! From bytes to a picture: which decoder, which part, which size.

use crate::{
    Error, alpha,
    budget::Budget,
    container::{File, Image},
    lossless::{self, Limits},
    lossy,
    picture::{Picture, Pixels, Plane},
    samples::Samples,
    shrink::Shrinker,
    window::{Placed, Window},
};

/// How much smaller than the file's the picture becomes.
///
/// Every pixel is the rounded mean of a box of the whole picture's samples. Boxes that reach over the
/// right or lower edge are the mean of what is inside, so that sizes are rounded up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// As large as the file's.
    #[default]
    Full,
    /// Half of each side.
    Half,
    /// A quarter of each side.
    Quarter,
    /// An eighth of each side.
    Eighth,
}

/// A part of a picture, in pixels of the scaled picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crop {
    /// Columns on the left of it.
    pub x: u32,
    /// Rows above it.
    pub y: u32,
    /// Its columns.
    pub width: u32,
    /// Its rows.
    pub height: u32,
}

/// What is wanted of a file, and what it may cost.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The size of the picture.
    pub scale: Scale,
    /// The part of the scaled picture; all of it if there is none.
    pub crop: Option<Crop>,
    /// How many bytes decoding may allocate, its result included.
    pub budget_bytes: u64,
}

/// Decodes the picture in `bytes`, of an animation the first frame on its canvas.
///
/// The picture is that of the crop or a little more: see [`Picture::crop`].
///
/// # Errors
/// [`Error::Truncated`] and [`Error::Corrupt`] for damaged files, [`Error::OverBudget`] before too
/// much is allocated, and [`Error::Cancelled`] soon after `cancelled` says so.
pub fn decode(
    bytes: &[u8],
    options: &Options,
    cancelled: &dyn Fn() -> bool,
) -> Result<Picture, Error> {
    let file = File::read(bytes)?;
    let header = &file.header;
    let window = Window::new((header.width, header.height), options.scale, options.crop)?;
    let mut budget = Budget::new(options.budget_bytes);
    let task = Task {
        placed: file.frame.placed(),
        window,
        has_alpha: header.has_alpha,
        cancelled,
    };
    let pixels = match file.frame.image {
        Image::Lossy { frame, alpha } => task.lossy(frame, alpha, &mut budget)?,
        Image::Lossless(image) => task.lossless(image, &mut budget)?,
    };
    Ok(Picture {
        full_width: options.scale.apply(header.width),
        full_height: options.scale.apply(header.height),
        crop: task.window.crop(),
        pixels,
    })
}

/// What is to be decoded, apart from the bytes.
struct Task<'a> {
    window: Window,
    placed: Placed,
    has_alpha: bool,
    cancelled: &'a dyn Fn() -> bool,
}

impl Task<'_> {
    fn lossy(
        &self,
        frame: &[u8],
        alpha: Option<&[u8]>,
        budget: &mut Budget,
    ) -> Result<Pixels, Error> {
        let place = (&self.window, &self.placed);
        let [y, u, v] = lossy::decode(frame, place, budget, self.cancelled)?;
        let alpha = self.opacity(alpha, budget)?;
        Ok(Pixels::Ycbcr { y, u, v, alpha })
    }

    /// The plane of opacity, if there is one or the canvas is not covered.
    fn opacity(&self, chunk: Option<&[u8]>, budget: &mut Budget) -> Result<Option<Plane>, Error> {
        let Self {
            window,
            placed,
            cancelled,
            ..
        } = self;
        if chunk.is_none() && placed.covers(window) {
            return Ok(None);
        }
        let mut plane = Shrinker::new(window.clone(), placed.clone(), 0, budget)?;
        let rows = window.needed_rows(placed);
        if let Some(chunk) = chunk {
            let size = (placed.width, placed.height);
            alpha::decode(
                chunk,
                (size, rows),
                Limits { budget, cancelled },
                &mut plane,
            )?;
        } else {
            let opaque = budget.vec(255, placed.width)?;
            (0..rows).for_each(|_| plane.push(&opaque));
        }
        Ok(Some(plane.into_plane()))
    }

    fn lossless(&self, image: &[u8], budget: &mut Budget) -> Result<Pixels, Error> {
        let Self {
            window,
            placed,
            cancelled,
            ..
        } = self;
        let has_alpha = self.has_alpha || !placed.covers(window);
        let mut samples = Samples::new(window.clone(), placed.clone(), has_alpha, budget)?;
        let rows = window.needed_rows(placed);
        lossless::decode(image, rows, Limits { budget, cancelled }, &mut |row| {
            samples.push(row);
        })?;
        Ok(samples.into_pixels())
    }
}
