//! The picture's filtered bytes as they come out of the stream: a piece of them, long enough for
//! matches to reach back and for the rows at hand.

use crate::chunks::Chunks;
use crate::errors::Error;
use crate::inflate::{HISTORY_BYTES, Inflate, SLACK_BYTES};

/// How much more than the rows at hand the window has, so that it seldom moves.
const SPARE_BYTES: usize = 64 << 10;

/// A stream and the last bytes of it.
pub(crate) struct Window<'a> {
    inflate: Inflate<'a>,
    bytes: Vec<u8>,
    /// Up to here the bytes were handed out.
    taken: usize,
    /// Up to here they are inflated.
    filled: usize,
}

impl<'a> Window<'a> {
    /// How large a window is that hands out up to `most_bytes` at once.
    pub(crate) fn size_bytes(most_bytes: u64) -> u64 {
        let fixed = HISTORY_BYTES + SPARE_BYTES + SLACK_BYTES;
        most_bytes.saturating_mul(2).saturating_add(fixed as u64)
    }

    pub(crate) fn new(chunks: Chunks<'a>, most_bytes: usize) -> Result<Self, Error> {
        let size = Self::size_bytes(most_bytes as u64);
        let size = usize::try_from(size).map_err(|_| Error::Corrupt("the length of its rows"))?;
        Ok(Self {
            inflate: Inflate::of_data(chunks)?,
            bytes: vec![0; size],
            taken: 0,
            filled: 0,
        })
    }

    /// The next `wanted` bytes of the stream, at most as many as were agreed on.
    pub(crate) fn take(
        &mut self,
        wanted: usize,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<&[u8], Error> {
        let mut end = self.taken.saturating_add(wanted);
        if end.saturating_add(SLACK_BYTES) > self.bytes.len() {
            let kept = self.taken.min(self.filled.saturating_sub(HISTORY_BYTES));
            self.bytes.copy_within(kept..self.filled, 0);
            self.taken -= kept;
            self.filled -= kept;
            end -= kept;
        }
        self.filled = self
            .inflate
            .run(&mut self.bytes, self.filled, end, cancelled)?;
        let taken = self.bytes.get(self.taken..end);
        self.taken = end;
        match taken {
            Some(taken) if end <= self.filled => Ok(taken),
            _ => Err(Error::Corrupt("it has too few rows")),
        }
    }
}
