//! Chunks: how a PNG is cut into named, checked pieces (PNG, third edition, clause 5). Knows no
//! contents.

use crate::errors::Error;

/// What every PNG begins with (PNG 5.2).
const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// Lengths are kept below 2^31 (PNG 5.3).
const MAX_BODY_BYTES: u32 = 0x7fff_ffff;
/// After how many chunks the cancel check is looked at.
const CANCEL_STRIDE: u32 = 1024;

/// One chunk, its CRC not yet looked at.
#[derive(Clone, Copy)]
pub(crate) struct Chunk<'a> {
    /// Four letters, whose case says how it may be treated.
    pub(crate) kind: [u8; 4],
    pub(crate) body: &'a [u8],
    crc: u32,
}

impl Chunk<'_> {
    /// Whether a reader that does not know it must give up.
    pub(crate) fn is_critical(&self) -> bool {
        self.kind.first().is_some_and(|letter| letter & 0x20 == 0)
    }

    /// Whether its CRC fits.
    pub(crate) fn is_sound(&self) -> bool {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&self.kind);
        crc.update(self.body);
        crc.finalize() == self.crc
    }
}

/// The chunks that follow one another in `rest`.
#[derive(Clone, Copy)]
pub(crate) struct Chunks<'a> {
    rest: &'a [u8],
}

impl<'a> Chunks<'a> {
    /// No chunks at all.
    pub(crate) fn none() -> Self {
        Self { rest: &[] }
    }

    /// The chunks of a file; an error if it does not begin as a PNG does.
    pub(crate) fn of_file(bytes: &'a [u8]) -> Result<Self, Error> {
        match bytes.strip_prefix(&SIGNATURE) {
            Some(rest) => Ok(Self { rest }),
            None if SIGNATURE.starts_with(bytes) => Err(Error::Truncated),
            None => Err(Error::Corrupt("it does not begin as a PNG does")),
        }
    }

    /// The next chunk, whole.
    pub(crate) fn next(&mut self) -> Result<Chunk<'a>, Error> {
        let (length, rest) = self.rest.split_first_chunk().ok_or(Error::Truncated)?;
        let length = u32::from_be_bytes(*length);
        if length > MAX_BODY_BYTES {
            return Err(Error::Corrupt("a chunk's length"));
        }
        let (kind, rest) = rest.split_first_chunk::<4>().ok_or(Error::Truncated)?;
        if !kind.iter().all(u8::is_ascii_alphabetic) {
            return Err(Error::Corrupt("a chunk's name"));
        }
        let length = usize::try_from(length).map_err(|_| Error::Truncated)?;
        let (body, rest) = rest.split_at_checked(length).ok_or(Error::Truncated)?;
        let (crc, rest) = rest.split_first_chunk().ok_or(Error::Truncated)?;
        self.rest = rest;
        Ok(Chunk {
            kind: *kind,
            body,
            crc: u32::from_be_bytes(*crc),
        })
    }

    /// The next chunk's body, if it is of this kind; else the chunk is left where it is.
    pub(crate) fn next_of(&mut self, kind: [u8; 4]) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let chunk = ahead.next().ok().filter(|chunk| chunk.kind == kind)?;
        *self = ahead;
        Some(chunk.body)
    }

    /// Checks that the file is whole: every chunk up to `IEND` is there, and the CRCs of those
    /// that matter fit. What follows `IEND` is not looked at.
    pub(crate) fn check_to_end(mut self, cancelled: &dyn Fn() -> bool) -> Result<(), Error> {
        for index in 1u32.. {
            let chunk = self.next()?;
            if chunk.is_critical() && !chunk.is_sound() {
                return Err(Error::Corrupt("the CRC of a chunk that matters"));
            }
            match &chunk.kind {
                b"IEND" => break,
                b"IDAT" | b"PLTE" => {}
                _ if chunk.is_critical() => return Err(Error::Unsupported("an unknown chunk")),
                _ => {}
            }
            if index % CANCEL_STRIDE == 0 && cancelled() {
                return Err(Error::Cancelled);
            }
        }
        Ok(())
    }
}
