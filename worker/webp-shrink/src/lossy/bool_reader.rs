//! The boolean entropy decoder: RFC 6386, section 7.
//!
//! The range is kept less one, as `split = 1 + ((range - 1) * p >> 8)` wants it. The next range is
//! looked up instead of counting leading zeros: the way from one range to the next is what the
//! decoder waits for, and the look-up is its shortest form.

/// How far a range less one has to be shifted left to be 127 or more.
const SHIFT: [u8; 256] = shifts();
/// A range less one, after that shift.
const NORMAL: [u8; 256] = normals();

/// Reads booleans from one partition. Past its end there are zeros, which are counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct BoolReader<'a> {
    data: &'a [u8],
    /// Bytes taken from `data`; more than there are once zeros had to stand in.
    position: usize,
    /// The next bits, the first one on top.
    value: u64,
    /// How many bits of `value` are filled.
    filled: u32,
    range_less_one: u8,
}

impl<'a> BoolReader<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        let mut reader = Self {
            data,
            position: 0,
            value: 0,
            filled: 0,
            range_less_one: 254,
        };
        reader.refill();
        reader
    }

    /// Fills up to 57 bits or more: enough for eight booleans, each of which takes at most seven.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        let bytes = match self.data.get(self.position..).and_then(<[u8]>::first_chunk) {
            Some(chunk) => u64::from_be_bytes(*chunk),
            None => self.last_bytes(),
        };
        self.value |= bytes >> (self.filled & 63);
        self.position += ((63 - self.filled) >> 3) as usize;
        self.filled |= 56;
    }

    #[cold]
    #[inline(never)]
    fn last_bytes(&self) -> u64 {
        let mut bytes = [0; 8];
        let rest = self.data.get(self.position..).unwrap_or_default();
        for (byte, from) in bytes.iter_mut().zip(rest) {
            *byte = *from;
        }
        u64::from_be_bytes(bytes)
    }

    /// One boolean, which is false with `probability` / 256. [`Self::refill`] comes first.
    #[inline(always)]
    pub(super) fn bit(&mut self, probability: u8) -> bool {
        let less_one = u32::from(self.range_less_one);
        let split_less_one = (less_one * u32::from(probability)) >> 8;
        let big_split = u64::from(split_less_one + 1) << 56;
        let bit = self.value >= big_split;
        let rest = if bit {
            self.value -= big_split;
            (less_one - split_less_one).wrapping_sub(1) as u8
        } else {
            split_less_one as u8
        };
        let shift = SHIFT[usize::from(rest)];
        self.range_less_one = NORMAL[usize::from(rest)];
        self.value <<= shift;
        self.filled -= u32::from(shift);
        bit
    }

    /// `value` with a sign whose probability is one half. [`Self::refill`] comes first, and so does
    /// another boolean: from then on the range is below 255, and halving it is a shift by one.
    #[inline(always)]
    pub(super) fn signed(&mut self, value: i32) -> i32 {
        let less_one = self.range_less_one;
        let big_split = u64::from((less_one >> 1) + 1) << 56;
        let negative = self.value >= big_split;
        let mask = 0_u64.wrapping_sub(u64::from(negative));
        self.value = (self.value.wrapping_sub(big_split & mask)) << 1;
        self.range_less_one = less_one.wrapping_sub(u8::from(negative)) | 1;
        self.filled = self.filled.wrapping_sub(1);
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
        // Of the last boolean up to seven bits may have been shifted in after it was decided.
        let missing = self.position.saturating_sub(self.data.len()) * 8;
        missing >= self.filled as usize
    }
}

const fn shift_of(less_one: u8) -> u32 {
    if less_one == 255 {
        return 0;
    }
    (less_one + 1).leading_zeros()
}

const fn shifts() -> [u8; 256] {
    let mut table = [0; 256];
    let mut less_one = 0_u8;
    loop {
        table[less_one as usize] = shift_of(less_one) as u8;
        if less_one == 255 {
            return table;
        }
        less_one += 1;
    }
}

const fn normals() -> [u8; 256] {
    let mut table = [0; 256];
    let mut less_one = 0_u8;
    while less_one < 255 {
        table[less_one as usize] = (((less_one as u32 + 1) << shift_of(less_one)) - 1) as u8;
        less_one += 1;
    }
    table[255] = 255;
    table
}
