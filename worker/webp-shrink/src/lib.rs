//! WebP to planes, at a part of its size.
//!
//! A thumbnail needs a fraction of a picture's pixels. This decoder averages them over boxes while
//! it decodes, keeps a few rows in full size and never the whole picture, leaves out what lies below
//! the wanted part, and hands on luma and chroma as they are stored. It holds to a memory budget, asks
//! at every row whether it is still wanted, and contains no unsafe code.
//!
//! The container and lossless pictures are those of RFC 9649, lossy ones those of RFC 6386.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::inline_always,
    clippy::many_single_char_names,
    reason = "samples and bits are cut to their widths on purpose, the innermost steps must not \
              become calls, and pixels are named as the RFC names them"
)]

mod alpha;
mod budget;
mod container;
mod convert;
mod decode;
mod error;
mod header;
mod lossless;
mod lossy;
mod picture;
mod samples;
mod shrink;
mod window;

pub use decode::{Crop, Options, Scale, decode};
pub use error::Error;
pub use header::{Coding, Header, read_header};
pub use picture::{Picture, Pixels, Plane};
