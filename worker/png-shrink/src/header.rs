//! What stands before the picture's data: its shape, its palette and transparent colour, its
//! colour profile and its EXIF (PNG, third edition, clause 11).

use crate::chunks::Chunks;
use crate::errors::Error;
use crate::inflate::inflate_all;

/// Profiles of pictures are a few hundred bytes to two megabytes.
const MAX_PROFILE_BYTES: usize = 4 << 20;
/// In JPEG, where EXIF comes from, it cannot be larger than 64 KiB.
const MAX_EXIF_BYTES: usize = 1 << 20;

/// What the samples of a pixel are, once palettes and transparent colours are resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// Gray.
    Gray,
    /// Gray, and how opaque; not premultiplied.
    GrayAlpha,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, and how opaque; not premultiplied.
    Rgba,
}

impl Channels {
    /// Samples a pixel.
    pub fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// What a PNG says of itself before its pixels. gAMA, cHRM and sRGB are left out on purpose:
/// the service takes a picture without a profile for sRGB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Pixels across, 1 to 2^31 - 1.
    pub width: u32,
    /// Pixels down, 1 to 2^31 - 1.
    pub height: u32,
    /// What a pixel is once it is expanded: a palette is RGB, a `tRNS` chunk counts as alpha.
    pub channels: Channels,
    /// Bits a stored sample (or palette index): 1, 2, 4, 8 or 16.
    pub bit_depth: u8,
    /// Whether the rows are stored in the seven passes of Adam7.
    pub interlaced: bool,
    /// The colour profile of `iCCP`; a damaged one, or one over 4 MiB, counts as none.
    pub icc: Option<Vec<u8>>,
    /// The EXIF block of `eXIf`, beginning with its byte order; one over 1 MiB counts as none.
    pub exif: Option<Vec<u8>>,
}

/// How pixels are stored (PNG 11.2.1, table 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Gray,
    Rgb,
    Indexed,
    GrayAlpha,
    Rgba,
}

impl Colour {
    pub(crate) fn samples_per_pixel(self) -> usize {
        match self {
            Self::Gray | Self::Indexed => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// The `IHDR` chunk.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) colour: Colour,
    pub(crate) bit_depth: u8,
    pub(crate) interlaced: bool,
}

impl Shape {
    fn read(body: &[u8]) -> Result<Self, Error> {
        let [
            w0,
            w1,
            w2,
            w3,
            h0,
            h1,
            h2,
            h3,
            bit_depth,
            colour,
            compression,
            filter,
            interlace,
        ]: [u8; 13] = body
            .try_into()
            .map_err(|_| Error::Corrupt("the length of IHDR"))?;
        let side = |bytes| match u32::from_be_bytes(bytes) {
            side @ 1..=0x7fff_ffff => Ok(side),
            _ => Err(Error::Corrupt("a side of no or too many pixels")),
        };
        let colour = match (colour, bit_depth) {
            (0, 1 | 2 | 4 | 8 | 16) => Colour::Gray,
            (2, 8 | 16) => Colour::Rgb,
            (3, 1 | 2 | 4 | 8) => Colour::Indexed,
            (4, 8 | 16) => Colour::GrayAlpha,
            (6, 8 | 16) => Colour::Rgba,
            _ => return Err(Error::Corrupt("its colour type and bit depth")),
        };
        if compression != 0 || filter != 0 || interlace > 1 {
            return Err(Error::Unsupported(
                "a method of compression, filter or interlace",
            ));
        }
        Ok(Self {
            width: side([w0, w1, w2, w3])?,
            height: side([h0, h1, h2, h3])?,
            colour,
            bit_depth,
            interlaced: interlace == 1,
        })
    }

    /// Bits of a stored pixel: 1 to 64.
    pub(crate) fn bits_per_pixel(&self) -> usize {
        self.colour.samples_per_pixel() * usize::from(self.bit_depth)
    }
}

/// A file, read up to its data.
pub(crate) struct Front<'a> {
    pub(crate) shape: Shape,
    /// RGB, three bytes an entry; only of indexed pictures.
    pub(crate) palette: &'a [u8],
    /// `tRNS`: alpha of the palette's first entries, or the one colour that is transparent.
    pub(crate) transparency: Option<&'a [u8]>,
    icc: Option<&'a [u8]>,
    exif: Option<&'a [u8]>,
    /// Begins at the first `IDAT`.
    pub(crate) data: Chunks<'a>,
}

impl<'a> Front<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut chunks = Chunks::of_file(bytes)?;
        let first = chunks.next()?;
        if first.kind != *b"IHDR" {
            return Err(Error::Corrupt("it does not begin with IHDR"));
        }
        if !first.is_sound() {
            return Err(Error::Corrupt("the CRC of IHDR"));
        }
        let mut front = Self {
            shape: Shape::read(first.body)?,
            palette: &[],
            transparency: None,
            icc: None,
            exif: None,
            data: Chunks::none(),
        };
        loop {
            let here = chunks;
            let chunk = chunks.next()?;
            match &chunk.kind {
                b"IDAT" => {
                    front.data = here;
                    break;
                }
                b"PLTE" if !chunk.is_sound() => return Err(Error::Corrupt("the CRC of PLTE")),
                b"PLTE" => front.take_palette(chunk.body)?,
                b"IEND" => return Err(Error::Corrupt("it has no data")),
                _ if chunk.is_critical() => return Err(Error::Unsupported("an unknown chunk")),
                b"tRNS" if front.transparency.is_none() && chunk.is_sound() => {
                    front.take_transparency(chunk.body);
                }
                b"iCCP" if front.icc.is_none() && chunk.is_sound() => front.icc = Some(chunk.body),
                b"eXIf" if front.exif.is_none() && chunk.is_sound() => {
                    front.exif = Some(chunk.body);
                }
                _ => {}
            }
        }
        if front.shape.colour == Colour::Indexed && front.palette.is_empty() {
            return Err(Error::Corrupt("it has no palette"));
        }
        Ok(front)
    }

    /// True colour may suggest a palette, which is of no use here.
    fn take_palette(&mut self, body: &'a [u8]) -> Result<(), Error> {
        if self.shape.colour != Colour::Indexed {
            return Ok(());
        }
        if !self.palette.is_empty() {
            return Err(Error::Corrupt("it has two palettes"));
        }
        if body.is_empty() || body.len() > 256 * 3 || !body.len().is_multiple_of(3) {
            return Err(Error::Corrupt("the length of PLTE"));
        }
        self.palette = body;
        Ok(())
    }

    /// A `tRNS` chunk that does not fit the picture is left out, like other damaged ancillary
    /// chunks.
    fn take_transparency(&mut self, body: &'a [u8]) {
        let fits = match self.shape.colour {
            Colour::Gray => body.len() == 2,
            Colour::Rgb => body.len() == 6,
            Colour::Indexed => !body.is_empty() && body.len() <= self.palette.len() / 3,
            Colour::GrayAlpha | Colour::Rgba => false,
        };
        if fits {
            self.transparency = Some(body);
        }
    }

    /// What a pixel is once it is expanded.
    pub(crate) fn channels(&self) -> Channels {
        match (self.shape.colour, self.transparency) {
            (Colour::Gray, None) => Channels::Gray,
            (Colour::Gray, Some(_)) | (Colour::GrayAlpha, _) => Channels::GrayAlpha,
            (Colour::Rgb | Colour::Indexed, None) => Channels::Rgb,
            (Colour::Rgb | Colour::Indexed, Some(_)) | (Colour::Rgba, _) => Channels::Rgba,
        }
    }

    pub(crate) fn header(&self) -> Header {
        Header {
            width: self.shape.width,
            height: self.shape.height,
            channels: self.channels(),
            bit_depth: self.shape.bit_depth,
            interlaced: self.shape.interlaced,
            icc: self.icc.and_then(profile),
            exif: self
                .exif
                .filter(|exif| exif.len() <= MAX_EXIF_BYTES)
                .map(<[u8]>::to_vec),
        }
    }
}

/// The profile in an `iCCP` chunk: a name of 1 to 79 bytes, a zero, a zero for zlib, the data.
fn profile(body: &[u8]) -> Option<Vec<u8>> {
    let name_bytes = body.iter().take(80).position(|byte| *byte == 0)?;
    let (name, rest) = body.split_at_checked(name_bytes)?;
    match rest {
        [0, 0, data @ ..] if !name.is_empty() => inflate_all(data, MAX_PROFILE_BYTES),
        _ => None,
    }
}
