//! From bytes to a picture: which decoder, which part, which size.

use crate::{
    Error,
    budget::Budget,
    container::{File, Frame, Image},
    lossy,
    picture::{Picture, Pixels},
    window::Window,
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
    let pixels = match file.frame {
        Frame {
            image: Image::Lossy { frame, .. },
            ..
        } => {
            let [y, u, v] = lossy::decode(frame, &window, &mut budget, cancelled)?;
            Pixels::Ycbcr {
                y,
                u,
                v,
                alpha: None,
            }
        }
        _ => return Err(Error::Unsupported("lossless")),
    };
    Ok(Picture {
        full_width: options.scale.apply(header.width),
        full_height: options.scale.apply(header.height),
        crop: window.crop(),
        pixels,
    })
}
