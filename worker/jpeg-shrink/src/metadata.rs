//! What application segments say: colour (JFIF, Adobe), orientation (Exif) and profile (ICC).

use crate::frame::Frame;
use crate::header::Colour;

/// What the application segments said so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metadata<'a> {
    jfif: bool,
    /// The transform that an Adobe segment names.
    adobe: Option<u8>,
    exif: Option<&'a [u8]>,
    /// Number, count and bytes of each part of the profile.
    icc: Vec<(u8, u8, &'a [u8])>,
}

impl<'a> Metadata<'a> {
    /// Reads an application segment; what is of no use here is passed over.
    pub(crate) fn read(&mut self, marker: u8, segment: &'a [u8]) {
        match (marker, segment) {
            (0xe0, [b'J', b'F', b'I', b'F', 0, rest @ ..]) if rest.len() >= 9 => self.jfif = true,
            (0xe1, [b'E', b'x', b'i', b'f', 0, 0, exif @ ..]) => {
                self.exif.get_or_insert(exif);
            }
            (0xe2, [name @ .., _, _]) if name.len() < ICC.len() => {}
            (0xe2, segment) => {
                if let Some([number, count, part @ ..]) = segment.strip_prefix(ICC) {
                    self.icc.push((*number, *count, part));
                }
            }
            (
                0xee,
                [
                    b'A',
                    b'd',
                    b'o',
                    b'b',
                    b'e',
                    _,
                    _,
                    _,
                    _,
                    _,
                    _,
                    transform,
                    ..,
                ],
            ) => {
                self.adobe = Some(*transform);
            }
            _ => {}
        }
    }

    /// Which colours the components are: the rules of libjpeg. `None` for Adobe's inks tells
    /// nothing; see [`Metadata::inks_inverted`].
    pub(crate) fn colour(&self, frame: &Frame) -> Colour {
        let ids = |wanted: &[u8]| {
            let found = frame.components.iter().map(|component| component.id);
            found.eq(wanted.iter().copied())
        };
        match (frame.components.len(), self.adobe) {
            (1, _) => Colour::Gray,
            (4, Some(0) | None) => Colour::Cmyk,
            (4, Some(_)) => Colour::Ycck,
            _ if self.jfif => Colour::Ycbcr,
            (_, Some(0)) => Colour::Rgb,
            (_, Some(_)) => Colour::Ycbcr,
            (_, None) if ids(b"RGB") => Colour::Rgb,
            (_, None) => Colour::Ycbcr,
        }
    }

    /// Adobe's programs store 255 for no ink.
    pub(crate) fn inks_inverted(&self) -> bool {
        self.adobe.is_some()
    }

    /// The TIFF structure of the first Exif segment.
    pub(crate) fn exif(&self) -> Option<Vec<u8>> {
        self.exif.map(<[u8]>::to_vec)
    }

    /// The profile, if all its parts are there, each once (ICC.1, B.4).
    pub(crate) fn icc(&self) -> Option<Vec<u8>> {
        let mut parts = self.icc.clone();
        parts.sort_by_key(|(number, ..)| *number);
        let count = parts.first()?.1;
        let expected = (1..=count).map(|number| (number, count));
        let found = parts.iter().map(|(number, count, _)| (*number, *count));
        let whole = count > 0 && found.eq(expected);
        whole.then(|| parts.iter().flat_map(|(.., part)| *part).copied().collect())
    }
}

const ICC: &[u8] = b"ICC_PROFILE\0";

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(all: &[(u8, u8, &[u8])]) -> Option<Vec<u8>> {
        let segments: Vec<Vec<u8>> = all
            .iter()
            .map(|(number, count, part)| [ICC, &[*number, *count], part].concat())
            .collect();
        let mut metadata = Metadata::default();
        for segment in &segments {
            metadata.read(0xe2, segment);
        }
        metadata.icc()
    }

    #[test]
    fn a_profile_is_joined_in_order_and_only_if_it_is_whole() {
        assert_eq!(parts(&[(2, 2, b"de"), (1, 2, b"abc")]).unwrap(), b"abcde");
        assert_eq!(parts(&[(1, 1, b"a")]).unwrap(), b"a");
        assert_eq!(parts(&[]), None);
        assert_eq!(parts(&[(2, 2, b"de")]), None);
        assert_eq!(parts(&[(1, 2, b"a"), (1, 2, b"a")]), None);
        assert_eq!(parts(&[(1, 0, b"a")]), None);
    }

    #[test]
    fn colours_follow_jfif_then_adobe_then_names() {
        let frame = |ids: &[u8]| {
            let mut segment = vec![8, 0, 1, 0, 1, u8::try_from(ids.len()).unwrap()];
            segment.extend(ids.iter().flat_map(|id| [*id, 0x11, 0]));
            Frame::parse(0xc0, &segment).unwrap()
        };
        let adobe = |transform| [b"Adobe\0\0\0\0\0\0", &[transform][..]].concat();
        let jfif = b"JFIF\0\x01\x01\0\0\0\0\0\0\0".to_vec();
        let cases: [(&[u8], Option<u8>, bool, Colour); 11] = [
            (&[1], None, true, Colour::Gray),
            (&[1, 2, 3], None, false, Colour::Ycbcr),
            (&[1, 2, 3], Some(0), false, Colour::Rgb),
            (&[1, 2, 3], Some(0), true, Colour::Ycbcr),
            (&[1, 2, 3], Some(1), false, Colour::Ycbcr),
            (b"RGB", None, false, Colour::Rgb),
            (b"RGB", None, true, Colour::Ycbcr),
            (&[0, 1, 2], None, false, Colour::Ycbcr),
            (&[1, 2, 3, 4], None, false, Colour::Cmyk),
            (&[1, 2, 3, 4], Some(0), false, Colour::Cmyk),
            (&[1, 2, 3, 4], Some(2), false, Colour::Ycck),
        ];
        for (ids, transform, is_jfif, colour) in cases {
            let adobe = transform.map(adobe);
            let mut metadata = Metadata::default();
            if is_jfif {
                metadata.read(0xe0, &jfif);
            }
            if let Some(adobe) = &adobe {
                metadata.read(0xee, adobe);
            }
            assert_eq!(metadata.colour(&frame(ids)), colour, "{ids:?}");
        }
    }
}
