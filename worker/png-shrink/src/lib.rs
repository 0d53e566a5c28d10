//! PNG rows, cut and averaged as they come.
//!
//! Thumbnails need few of a large picture's pixels. [`decode()`] inflates a PNG piece by piece,
//! unfilters each row only as far to the right as the crop reaches, adds it to the boxes it
//! belongs to, and stops after the crop's last row; whether the file is whole is found out before,
//! from its chunks. An interlaced picture is put together in memory first, as far as the crop
//! goes. It knows PNG (third edition), DEFLATE (RFC 1951) and nothing of what becomes of the
//! pixels; colour profiles and EXIF are handed out as they are by [`read_header`].

mod boxes;
mod chunks;
mod crop;
mod decode;
mod errors;
mod expand;
mod header;
mod inflate;
mod interlace;
mod rows;
mod unfilter;
mod window;

pub use crop::Crop;
pub use decode::{Alpha, Options, Picture, PictureChannels, decode};
pub use errors::Error;
pub use header::{Channels, Header};

/// Reads what stands before the picture's data. Takes little time and at most 5 MiB, whatever
/// the picture's size.
///
/// # Errors
///
/// [`Error::Corrupt`], [`Error::Truncated`] or [`Error::Unsupported`] for what is found so far;
/// the data are not looked at.
pub fn read_header(bytes: &[u8]) -> Result<Header, Error> {
    Ok(header::Front::read(bytes)?.header())
}

#[cfg(test)]
mod tests;
