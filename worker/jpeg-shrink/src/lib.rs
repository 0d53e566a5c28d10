//! JPEG straight to 1/1, 1/2, 1/4 or 1/8 of its size.
//!
//! Made for thumbnails: what the wanted size does not need is not computed. At an eighth only the
//! DC coefficient of each 8x8 block is used (ITU T.81, A.3.3: it is the block's mean), at a
//! quarter the lowest 2x2, at a half the lowest 4x4. The other coefficients of a sequential file
//! are passed over, several at a look (annex F.2.2); whole scans of a progressive file are
//! (annex G). Blocks outside of a crop are not transformed, and what lies below it is not read.
//!
//! Baseline, extended sequential with 8 bits, and progressive, all with Huffman coding; grayscale,
//! YCbCr, RGB, CMYK and YCCK in any sampling; restart intervals; scans of one or more components.
//!
//! # Damage
//!
//! As other decoders do, this one paints over damaged entropy-coded data: a code that does not
//! exist ends its block, what is missing of a restart segment stays gray, and decoding goes on at
//! the next restart marker (annex B.1.1.5). Stray bytes between segments and behind the end marker
//! are passed over. A file that ends before its end marker is [`Error::Truncated`], unless
//! [`MissingEnd::Tolerate`] is asked for. Nonsense in a header is [`Error::Corrupt`]. Nothing
//! panics. Memory is counted against a budget before it is taken, and the caller can cancel at
//! each line of MCUs.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "samples, coefficients and bits are cut to their widths on purpose"
)]

mod bits;
mod canvas;
mod error;
mod frame;
mod geometry;
mod header;
mod huffman;
mod idct;
mod markers;
mod metadata;
mod picture;
mod progressive;
mod scan;
mod sequential;
#[cfg(test)]
mod tests;

pub use error::Error;
pub use frame::{Process, Sampling};
pub use header::{Colour, Header, read_header};
pub use picture::{Picture, Plane, Planes};

use canvas::Canvas;
use geometry::Geometry;
use header::State;
use idct::{Inverse, Transform};
use scan::Scan;
use sequential::Job;

/// How much smaller than the stored picture the decoded one is. Sides are rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// As stored.
    Full,
    /// Half of each side.
    Half,
    /// A quarter of each side.
    Quarter,
    /// An eighth of each side.
    Eighth,
}

impl Scale {
    /// Samples along a side of a block that is stored with 8.
    pub(crate) fn block_side(self) -> usize {
        match self {
            Self::Full => 8,
            Self::Half => 4,
            Self::Quarter => 2,
            Self::Eighth => 1,
        }
    }
}

/// A rectangle, in pixels of the scaled picture as it is stored (orientation is not applied).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crop {
    /// Pixels to the left of it.
    pub left: u32,
    /// Pixels above it.
    pub top: u32,
    /// Its width. What reaches beyond the picture is cut; nothing is read as one pixel.
    pub width: u32,
    /// Its height.
    pub height: u32,
}

/// What a file that ends before its end marker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingEnd {
    /// [`Error::Truncated`].
    Refuse,
    /// A picture, if there is as much of it as a first scan's header; the rest is gray.
    Tolerate,
}

/// What is wanted of a decode.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The size.
    pub scale: Scale,
    /// The part of it; `None` for all.
    pub crop: Option<Crop>,
    /// How many bytes may be allocated at a time, the result's included.
    pub budget_bytes: u64,
    /// What a file is that ends too soon.
    pub missing_end: MissingEnd,
}

/// What tables and small things take: an upper bound.
const TABLE_BYTES: u64 = 128 * 1024;

/// Decodes a picture. `cancelled` is asked once for each line of MCUs.
///
/// # Errors
///
/// See [`Error`] and the crate's documentation.
pub fn decode(
    bytes: &[u8],
    options: &Options,
    cancelled: &dyn Fn() -> bool,
) -> Result<Picture, Error> {
    let mut state = State::open(bytes)?;
    let (frame, first) = state.first_scan()?;
    let geometry = Geometry::new(&frame, options.scale, options.crop);
    let colour = state.metadata.colour(&frame);
    let inverted = state.metadata.inks_inverted();
    let fixed = TABLE_BYTES
        + bits::Feed::BYTES
        + sequential::line_bytes(&geometry)
        + Canvas::bytes(&geometry)
        + picture::spread_bytes(&geometry, colour);
    let job = Job {
        geometry: &geometry,
        missing_end: options.missing_end,
        budget_bytes: options.budget_bytes,
        fixed_bytes: fixed,
        cancelled,
    };
    job.afford(0)?;
    job.check()?;
    let header_bytes = state.cursor.position();
    let mut canvas = Canvas::new(&geometry);
    let kind = frame.process;
    let scan_bytes = match geometry.side {
        8 => run::<8, 64>(kind, &mut state, first, &job, &mut canvas),
        4 => run::<4, 16>(kind, &mut state, first, &job, &mut canvas),
        2 => run::<2, 4>(kind, &mut state, first, &job, &mut canvas),
        _ => run::<1, 1>(kind, &mut state, first, &job, &mut canvas),
    }?;
    let mut picture = Picture::new(&geometry, colour, inverted, canvas.finish());
    picture.bytes_read = header_bytes + scan_bytes;
    Ok(picture)
}

/// Decodes the scans, and sees to it that the file has an end.
fn run<const SIDE: usize, const COUNT: usize>(
    process: Process,
    state: &mut State<'_>,
    first: Scan,
    job: &Job<'_>,
    canvas: &mut Canvas,
) -> Result<usize, Error>
where
    Inverse: Transform<SIDE, COUNT>,
{
    match process {
        Process::Progressive => progressive::decode::<SIDE, COUNT>(state, first, job, canvas),
        Process::Baseline | Process::Extended => {
            let looked_at = sequential::decode::<SIDE, COUNT>(state, first, job, canvas)?;
            match job.missing_end {
                MissingEnd::Tolerate => Ok(looked_at),
                MissingEnd::Refuse => {
                    state.cursor.skip_entropy_coded();
                    state.cursor.walk_to_end()?;
                    Ok(looked_at)
                }
            }
        }
    }
}
