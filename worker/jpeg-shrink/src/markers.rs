//! Markers and segments (ITU T.81, B.1): where they are and how long they are. Knows nothing of
//! what is in them.

use memchr::memchr;

use crate::Error;

/// Start of image.
pub(crate) const SOI: u8 = 0xd8;
/// End of image.
pub(crate) const EOI: u8 = 0xd9;
/// Start of scan.
pub(crate) const SOS: u8 = 0xda;
/// Quantisation tables.
pub(crate) const DQT: u8 = 0xdb;
/// Huffman tables.
pub(crate) const DHT: u8 = 0xc4;
/// Restart interval.
pub(crate) const DRI: u8 = 0xdd;
/// The first marker that is not reserved, apart from TEM.
pub(crate) const SOF0: u8 = 0xc0;
/// The first of eight restart markers.
pub(crate) const RST0: u8 = 0xd0;
/// The last of eight restart markers.
pub(crate) const RST7: u8 = 0xd7;
/// For temporary use in arithmetic coding: a marker without a segment.
const TEM: u8 = 0x01;

/// A place in the bytes of a JPEG.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Behind SOI, with which every JPEG begins.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, Error> {
        match bytes {
            [0xff, SOI, ..] => Ok(Self { bytes, at: 2 }),
            [] | [0xff] => Err(Error::Truncated),
            _ => Err(Error::Corrupt("it does not begin with SOI")),
        }
    }

    /// How many bytes lie before this place.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// What lies behind this place.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Moves to a place counted from the first byte.
    pub(crate) fn seek(&mut self, position: usize) {
        self.at = position.min(self.bytes.len());
    }

    /// The next marker that has a segment or is SOI or EOI. Stray bytes before it, fill bytes and
    /// markers without a meaning here (restarts, TEM) are passed over.
    pub(crate) fn next_marker(&mut self) -> Result<u8, Error> {
        loop {
            let marker = self.any_marker().ok_or(Error::Truncated)?;
            if !matches!(marker, RST0..=RST7 | TEM) {
                return Ok(marker);
            }
        }
    }

    fn any_marker(&mut self) -> Option<u8> {
        loop {
            let rest = self.rest();
            self.at += memchr(0xff, rest)?;
            match self.rest() {
                [_, 0xff, ..] => self.at += 1,
                [_, 0x00, ..] => self.at += 2,
                [_, marker, ..] => {
                    self.at += 2;
                    return Some(*marker);
                }
                _ => return None,
            }
        }
    }

    /// The segment of the marker just read, without its length; moves behind it. A length below
    /// two, which counts itself, is read as two, as other decoders do.
    pub(crate) fn segment(&mut self) -> Result<&'a [u8], Error> {
        let rest = self.rest();
        let [high, low, ..] = rest else {
            return Err(Error::Truncated);
        };
        let length = usize::from(u16::from_be_bytes([*high, *low])).max(2);
        let payload = rest.get(2..length).ok_or(Error::Truncated)?;
        self.at += length;
        Ok(payload)
    }

    /// Moves behind a scan's entropy-coded data: to the next marker that is neither stuffing nor
    /// a restart nor reserved, which in such data is damage. At the end of the bytes if there is
    /// none.
    pub(crate) fn skip_entropy_coded(&mut self) {
        while let Some(at) = memchr(0xff, self.rest()) {
            self.at += at;
            match self.rest() {
                [_, ..SOF0 | RST0..=RST7, ..] => self.at += 2,
                [_, 0xff, ..] => self.at += 1,
                [_, _, ..] => return,
                _ => break,
            }
        }
        self.at = self.bytes.len();
    }

    /// Walks to EOI without a look into any segment.
    pub(crate) fn walk_to_end(&mut self) -> Result<(), Error> {
        loop {
            match self.next_marker()? {
                EOI => return Ok(()),
                SOI => {}
                SOS => {
                    self.segment()?;
                    self.skip_entropy_coded();
                }
                _ => {
                    self.segment()?;
                }
            }
        }
    }
}

/// Reads big-endian numbers off the front of a segment.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn byte(&mut self) -> Result<u8, Error> {
        let (first, rest) = self.0.split_first().ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(*first)
    }

    /// A byte's two halves.
    pub(crate) fn nibbles(&mut self) -> Result<(u8, u8), Error> {
        let byte = self.byte()?;
        Ok((byte >> 4, byte & 15))
    }

    pub(crate) fn short(&mut self) -> Result<u16, Error> {
        Ok(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(TOO_SHORT)?;
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

const TOO_SHORT: Error = Error::Corrupt("a segment is shorter than what it holds");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stray_bytes_and_fill_bytes_before_a_marker_are_passed_over() {
        let bytes = [0xff, SOI, 7, 0xff, 0, 0xff, RST0, 0xff, 0xff, 0xff, EOI];
        let mut cursor = Cursor::open(&bytes).unwrap();
        assert_eq!(cursor.next_marker(), Ok(EOI));
        assert_eq!(cursor.position(), bytes.len());
        assert_eq!(cursor.next_marker(), Err(Error::Truncated));
    }

    // A reader that goes on at restarts passes reserved markers. One that needs no more of the scan
    // took them for the segment behind it, so that a part differed from the whole.
    #[test]
    fn a_reserved_marker_does_not_end_entropy_coded_data() {
        let bytes = [0xff, SOI, 1, 0xff, 0x4f, 0xff, 0xbf, 2, 0xff, SOS];
        let mut cursor = Cursor::open(&bytes).unwrap();
        cursor.skip_entropy_coded();
        assert_eq!(cursor.position(), 8);
    }

    #[test]
    fn the_walk_ends_at_the_end_marker_and_nowhere_before() {
        let whole = [
            0xff, SOI, 0xff, 0xe0, 0, 4, 0xff, EOI, 0xff, SOS, 0, 2, 1, 0xff, 0, 0xff, RST0, 2,
            0xff, EOI,
        ];
        assert_eq!(Cursor::open(&whole).unwrap().walk_to_end(), Ok(()));
        for length in 2..whole.len() {
            let mut cursor = Cursor::open(&whole[..length]).unwrap();
            assert_eq!(cursor.walk_to_end(), Err(Error::Truncated), "{length}");
        }
    }
}
