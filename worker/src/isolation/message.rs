//! What a worker and its child say to each other: a frame, which is the length of a JSON text
//! (4 bytes, lowest first) and the text, and after it the bytes that the text tells of.

use std::fmt;
use std::io::{Error, ErrorKind, Read, Result};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::transform::VariantRequest;

use crate::render::{Limits, RenderError};

/// What a child says first: how it is locked in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    /// Of its memory, and of core dumps.
    pub(super) limits: Layer,
    /// System calls.
    pub(super) seccomp: Layer,
    /// Files, connections and signals, once more.
    pub(super) landlock: Layer,
}

/// One of the layers that lock a child in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Layer {
    /// It is in force: what it forbids was tried.
    Whole,
    /// The kernel knows a part of it.
    Partly,
    /// It is not in force, for this reason.
    Missing(String),
}

impl fmt::Display for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            limits,
            seccomp,
            landlock,
        } = self;
        write!(f, "limits {limits}, seccomp {seccomp}, landlock {landlock}")
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("whole"),
            Self::Partly => f.write_str("partly"),
            Self::Missing(why) => write!(f, "missing ({why})"),
        }
    }
}

/// An original to render; its bytes follow.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) original_bytes: usize,
    /// Each is one transform taken literally, whatever the original.
    pub(super) variants: Vec<VariantRequest>,
    pub(super) limits: Limits,
    pub(super) encoding: Encoding,
    pub(super) timeout_ms: u64,
}

/// How much memory it takes, besides the original. The worker answers with a byte, whatever it is,
/// when there is as much.
pub(super) type Needs = std::result::Result<u64, RenderError>;

/// Whether the original is decoded. If so, the worker asks for variants, one after the other.
pub(super) type Decoded = std::result::Result<(), RenderError>;

/// What the worker wants next.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ask {
    /// The variant with this index in the request.
    Variant(usize),
    /// No more of this original.
    End,
}

/// What became of a variant; its bytes follow.
pub(super) type Answer = std::result::Result<Made, RenderError>;

/// A variant that was made.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Made {
    pub(super) width_px: u32,
    pub(super) height_px: u32,
    pub(super) bytes: usize,
}

/// A frame of this text.
pub(super) fn frame(message: &impl Serialize) -> Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = u32::try_from(frame.len() - 4).map_err(Error::other)?;
    if let Some(first) = frame.first_chunk_mut() {
        *first = length.to_le_bytes();
    }
    Ok(frame)
}

/// The length of the text that `first` announces, of at most `most` bytes.
pub(super) fn text_bytes(first: [u8; 4], most: usize) -> Result<usize> {
    usize::try_from(u32::from_le_bytes(first))
        .ok()
        .filter(|length| *length <= most)
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, "a frame that is too long"))
}

/// Reads a frame of the worker, which is believed; `None` if there is none any more.
pub(super) fn read<M: DeserializeOwned>(from: &mut impl Read) -> Result<Option<M>> {
    let mut first = [0; 4];
    match from.read_exact(&mut first) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let mut text = vec![0; text_bytes(first, usize::MAX)?];
    from.read_exact(&mut text)?;
    Ok(Some(serde_json::from_slice(&text)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        let hello = Hello {
            limits: Layer::Whole,
            seccomp: Layer::Missing("no such call".to_owned()),
            landlock: Layer::Partly,
        };
        let frame = frame(&hello).unwrap();
        let read: Hello = read(&mut frame.as_slice()).unwrap().unwrap();
        assert_eq!(read, hello);
    }

    #[test]
    fn a_frame_that_is_too_long_or_cut_off_is_an_error_and_none_is_the_end() {
        assert!(text_bytes(u32::MAX.to_le_bytes(), 1 << 20).is_err());
        assert!(text_bytes([0, 0, 16, 0], 1 << 20).is_ok());
        assert!(read::<Hello>(&mut [9, 0, 0, 0, b'{'].as_slice()).is_err());
        assert!(read::<Hello>(&mut [].as_slice()).unwrap().is_none());
    }
}
