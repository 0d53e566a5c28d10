//! Memory is counted before it is allocated.

use crate::Error;

/// What may still be allocated.
#[derive(Debug)]
pub(crate) struct Budget {
    left_bytes: u64,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        Self { left_bytes: bytes }
    }

    /// A vector of `len` copies of `value`, if the budget allows it.
    pub(crate) fn vec<T: Clone>(&mut self, value: T, len: usize) -> Result<Vec<T>, Error> {
        let needed_bytes = (len as u64).saturating_mul(size_of::<T>() as u64);
        self.take(needed_bytes)?;
        Ok(vec![value; len])
    }

    /// Counts `needed_bytes` that the caller is about to allocate.
    pub(crate) fn take(&mut self, needed_bytes: u64) -> Result<(), Error> {
        match self.left_bytes.checked_sub(needed_bytes) {
            Some(left_bytes) => {
                self.left_bytes = left_bytes;
                Ok(())
            }
            None => Err(Error::OverBudget {
                needed_bytes,
                left_bytes: self.left_bytes,
            }),
        }
    }
}
