//! The boolean entropy decoder: RFC 6386, section 7.
//!
//! The range is kept less one, as `split = 1 + ((range - 1) * p >> 8)` wants it. The next range is
//! looked up instead of counting leading zeros: the way from one range to the next is what the
//! decoder waits for, and the look-up is its shortest form.

/// How far a range has to be shifted left to be 128 or more.
const SHIFT: [u8; 256] = shifts();
/// A range after that shift, less one.
const NORMAL: [u8; 256] = normals();

/// Reads booleans from one partition. Past its end there are zeros, which are counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct BoolReader<'a> {
    /// What is not read yet.
    rest: &'a [u8],
    /// Bytes that had to be made up.
    missing: usize,
    /// The next bits, the first one on top.
    value: u64,
    /// How many bits of `value` are filled.
    filled: u32,
    range_less_one: u32,
    /// How far the last boolean shifted `value`.
    last_shift: u8,
}

/// Takes one of two ways, as the next boolean says, which is false with `$probability` / 256.
/// [`BoolReader::refill`] comes first.
///
/// The two ways meet only where the caller lets them: where they meet at once, the compiler chooses
/// between two results instead of guessing one, and whatever follows waits for the choice.
macro_rules! branch {
    ($reader:ident, $probability:expr, $if_false:expr, $if_true:expr $(,)?) => {{
        let split = $reader.split($probability);
        if $reader.is_true(split) {
            $reader.take_true(split);
            $if_true
        } else {
            $reader.take_false(split);
            $if_false
        }
    }};
}

pub(super) use branch;

impl<'a> BoolReader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        let mut reader = Self {
            rest: data,
            missing: 0,
            value: 0,
            filled: 0,
            range_less_one: 254,
            last_shift: 0,
        };
        reader.refill();
        reader
    }

    /// Fills up to 56 bits or more: enough for seven booleans, each of which takes at most seven.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        let count = ((63 - self.filled) >> 3 & 7) as usize;
        let bytes = if let Some(chunk) = self.rest.first_chunk() {
            self.rest = self.rest.get(count..).unwrap_or_default();
            u64::from_be_bytes(*chunk)
        } else {
            let (bytes, rest, missing) = last_bytes(self.rest, count);
            self.rest = rest;
            self.missing += missing;
            bytes
        };
        self.value |= bytes >> (self.filled & 63);
        self.filled |= 0x38;
    }

    /// What the range is split at, less one.
    #[inline(always)]
    pub(super) fn split(&self, probability: u8) -> u32 {
        (self.range_less_one * u32::from(probability)) >> 8
    }

    #[inline(always)]
    pub(super) fn is_true(&self, split: u32) -> bool {
        self.value >> 56 > u64::from(split)
    }

    #[inline(always)]
    pub(super) fn take_false(&mut self, split: u32) {
        self.normalize(split + 1);
    }

    #[inline(always)]
    pub(super) fn take_true(&mut self, split: u32) {
        self.value = self.value.wrapping_sub(u64::from(split + 1) << 56);
        self.normalize(self.range_less_one.wrapping_sub(split));
    }

    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a range is one byte")]
    fn normalize(&mut self, range: u32) {
        let shift = SHIFT[range as usize];
        self.range_less_one = NORMAL[range as usize].into();
        self.value <<= shift & 63;
        self.filled = self.filled.wrapping_sub(shift.into());
        self.last_shift = shift;
    }

    /// One boolean, which is false with `probability` / 256. [`Self::refill`] comes first.
    #[inline(always)]
    pub(super) fn bit(&mut self, probability: u8) -> bool {
        branch!(self, probability, false, true)
    }

    /// `value` with a sign whose probability is one half. [`Self::refill`] comes first, and so does
    /// another boolean: from then on the range is below 255, and halving it is a shift by one.
    #[inline(always)]
    pub(super) fn signed(&mut self, value: i32) -> i32 {
        let split = self.range_less_one >> 1;
        let negative = self.is_true(split);
        let mask = 0_u64.wrapping_sub(u64::from(negative));
        let big_split = u64::from(split + 1) << 56;
        self.value = (self.value.wrapping_sub(big_split & mask)) << 1;
        self.range_less_one = self.range_less_one.wrapping_sub(u32::from(negative)) | 1;
        self.filled = self.filled.wrapping_sub(1);
        self.last_shift = 1;
        (value ^ mask as i32).wrapping_sub(mask as i32)
    }

    /// Refills and reads one boolean: for what is not read often.
    pub(super) fn flag(&mut self, probability: u8) -> bool {
        self.refill();
        self.bit(probability)
    }

    /// An unsigned number of `bits` bits, the highest first.
    pub(super) fn number(&mut self, bits: u32) -> u32 {
        (0..bits).fold(0, |number, _| (number << 1) | u32::from(self.flag(128)))
    }

    /// A number of `bits` bits and its sign, or zero, as a flag in front of it says.
    pub(super) fn optional_signed(&mut self, bits: u32) -> i32 {
        if !self.flag(128) {
            return 0;
        }
        let number = i32::try_from(self.number(bits)).unwrap_or(0);
        if self.flag(128) { -number } else { number }
    }

    /// Were booleans read that the partition does not hold?
    pub(super) fn is_exhausted(&self) -> bool {
        // A boolean is decided by eight bits.
        let when_last_decided = self.filled as usize + usize::from(self.last_shift);
        when_last_decided < 8 * self.missing + 8
    }
}

/// Near the end: the last bytes with zeros after them, what is left after `count` of them, and how
/// many of those were not there.
#[cold]
#[inline(never)]
fn last_bytes(rest: &[u8], count: usize) -> (u64, &[u8], usize) {
    let mut bytes = [0; 8];
    for (byte, from) in bytes.iter_mut().zip(rest) {
        *byte = *from;
    }
    let left = rest.get(count..).unwrap_or_default();
    let missing = count.saturating_sub(rest.len());
    (u64::from_be_bytes(bytes), left, missing)
}

#[expect(clippy::indexing_slicing, reason = "at compile time")]
const fn shifts() -> [u8; 256] {
    let mut table = [0; 256];
    let mut range = 1;
    while range < 256 {
        table[range] = (range as u8).leading_zeros() as u8;
        range += 1;
    }
    table
}

#[expect(clippy::indexing_slicing, reason = "at compile time")]
const fn normals() -> [u8; 256] {
    let mut table = [0; 256];
    let mut range = 1;
    while range < 256 {
        table[range] = ((range << (range as u8).leading_zeros()) - 1) as u8;
        range += 1;
    }
    table
}
