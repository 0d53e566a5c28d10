//! The RIFF container: RFC 9649, section 2.
//!
//! It finds the picture's chunks and what is said about the whole picture. It knows no coding.

use crate::{Error, Header, header::Coding, lossless, lossy, window::Placed};

/// The flags of the extended header (section 2.7).
const ANIMATION: u8 = 0x02;
const ALPHA: u8 = 0x10;

/// A file, taken apart.
#[derive(Debug)]
pub(crate) struct File<'a> {
    pub(crate) header: Header,
    pub(crate) frame: Frame<'a>,
}

/// The only picture of a file, or the first of an animation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    /// Where on the canvas the frame begins.
    pub(crate) x: u32,
    pub(crate) y: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) image: Image<'a>,
}

/// The chunks of one picture.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Image<'a> {
    Lossy {
        frame: &'a [u8],
        alpha: Option<&'a [u8]>,
    },
    Lossless(&'a [u8]),
}

impl<'a> File<'a> {
    /// Takes `bytes` apart. What follows the RIFF chunk is ignored.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut chunks = riff(bytes)?;
        let (name, body) = chunks.next().ok_or(Error::Truncated)??;
        if name != *b"VP8X" {
            let frame = Frame::read([Ok((name, body))].into_iter())?;
            return Ok(Self {
                header: simple_header(&frame),
                frame,
            });
        }
        let &[flags, _, _, _, w0, w1, w2, h0, h1, h2] =
            body.first_chunk::<10>().ok_or(Error::Truncated)?;
        let (width, height) = (1 + number24([w0, w1, w2]), 1 + number24([h0, h1, h2]));
        let animated = flags & ANIMATION != 0;
        let mut found = Found::default();
        let mut own = Vec::new();
        for chunk in chunks {
            let (name, body) = match chunk {
                // Whatever is cut off after the picture does not matter to it.
                Err(Error::Truncated) if animated && found.first_frame.is_some() => break,
                other => other?,
            };
            match &name {
                b"ICCP" => found.icc = found.icc.or(Some(body)),
                b"EXIF" => found.exif = found.exif.or(Some(body)),
                b"ANMF" if animated => found.first_frame = found.first_frame.or(Some(body)),
                b"ALPH" | b"VP8 " | b"VP8L" if !animated => own.push(Ok((name, body))),
                _ => {}
            }
        }
        let frame = if animated {
            Frame::of_animation(found.first_frame.ok_or(Error::Truncated)?)?
        } else {
            Frame::read(own.into_iter())?
        };
        frame.check_place((width, height), animated)?;
        let header = Header {
            width,
            height,
            has_alpha: flags & ALPHA != 0 || frame.has_alpha(),
            coding: frame.coding(),
            animated,
            icc: found.icc.map(<[u8]>::to_vec),
            exif: found.exif.map(<[u8]>::to_vec),
        };
        Ok(Self { header, frame })
    }
}

#[derive(Default)]
struct Found<'a> {
    icc: Option<&'a [u8]>,
    exif: Option<&'a [u8]>,
    first_frame: Option<&'a [u8]>,
}

impl<'a> Frame<'a> {
    /// The frame of a file, of its image chunks. The first one counts.
    fn read(chunks: impl Iterator<Item = Result<Chunk<'a>, Error>>) -> Result<Self, Error> {
        let mut alpha = None;
        for chunk in chunks {
            let (name, body) = chunk?;
            let ((width, height), image) = match &name {
                b"ALPH" => {
                    alpha = alpha.or(Some(body));
                    continue;
                }
                b"VP8 " => (
                    lossy::frame_size(body)?,
                    Image::Lossy { frame: body, alpha },
                ),
                b"VP8L" => {
                    let size = lossless::read_size(body)?;
                    ((size.width, size.height), Image::Lossless(body))
                }
                _ => continue,
            };
            return Ok(Self {
                x: 0,
                y: 0,
                width,
                height,
                image,
            });
        }
        Err(Error::Corrupt("there is no picture in the file"))
    }

    /// The frame of an animation, of its `ANMF` chunk (section 2.7.1.1).
    fn of_animation(body: &'a [u8]) -> Result<Self, Error> {
        let (place, chunks) = body.split_first_chunk::<16>().ok_or(Error::Truncated)?;
        let &[x0, x1, x2, y0, y1, y2, w0, w1, w2, h0, h1, h2, ..] = place;
        let frame = Self::read(Chunks { rest: chunks })?;
        let said = (1 + number24([w0, w1, w2]), 1 + number24([h0, h1, h2]));
        if said != (frame.width, frame.height) {
            return Err(Error::Corrupt("a frame's size is not what is said of it"));
        }
        Ok(Self {
            x: 2 * number24([x0, x1, x2]),
            y: 2 * number24([y0, y1, y2]),
            ..frame
        })
    }

    fn check_place(&self, canvas: (u32, u32), animated: bool) -> Result<(), Error> {
        let (right, bottom) = (self.x + self.width, self.y + self.height);
        if right > canvas.0 || bottom > canvas.1 {
            return Err(Error::Corrupt("a frame is not inside of the canvas"));
        }
        if !animated && (self.width, self.height) != canvas {
            return Err(Error::Corrupt("the canvas is not as large as the picture"));
        }
        Ok(())
    }

    fn coding(&self) -> Coding {
        match self.image {
            Image::Lossy { .. } => Coding::Lossy,
            Image::Lossless(_) => Coding::Lossless,
        }
    }

    /// Where on the canvas the frame lies.
    pub(crate) fn placed(&self) -> Placed {
        Placed {
            left: self.x as usize,
            top: self.y as usize,
            width: self.width as usize,
            height: self.height as usize,
        }
    }

    /// May the frame have pixels that are not opaque?
    pub(crate) fn has_alpha(&self) -> bool {
        match self.image {
            Image::Lossy { alpha, .. } => alpha.is_some(),
            Image::Lossless(body) => lossless::read_size(body).is_ok_and(|size| size.has_alpha),
        }
    }
}

fn simple_header(frame: &Frame<'_>) -> Header {
    Header {
        width: frame.width,
        height: frame.height,
        has_alpha: frame.has_alpha(),
        coding: frame.coding(),
        animated: false,
        icc: None,
        exif: None,
    }
}

/// A chunk's name and its body.
type Chunk<'a> = ([u8; 4], &'a [u8]);

/// The chunks of the RIFF chunk that `bytes` begin with.
fn riff(bytes: &[u8]) -> Result<Chunks<'_>, Error> {
    let (head, rest) = bytes.split_at_checked(12).ok_or(Error::Truncated)?;
    let &[
        b'R',
        b'I',
        b'F',
        b'F',
        s0,
        s1,
        s2,
        s3,
        b'W',
        b'E',
        b'B',
        b'P',
    ] = head
    else {
        return Err(Error::Corrupt("not a WebP file"));
    };
    // The size counts the four bytes of the name as well.
    let size = (u32::from_le_bytes([s0, s1, s2, s3]) as usize)
        .checked_sub(4)
        .ok_or(Error::Corrupt("the RIFF chunk is too small"))?;
    // A file may do without the byte that fills its last chunk up.
    if size > rest.len() + 1 {
        return Err(Error::Truncated);
    }
    Ok(Chunks {
        rest: rest.get(..size).unwrap_or(rest),
    })
}

/// Goes through the chunks of a chunk. Its end is the end.
struct Chunks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let (head, rest) = self.rest.split_first_chunk::<8>()?;
        let &[n0, n1, n2, n3, s0, s1, s2, s3] = head;
        let size = u32::from_le_bytes([s0, s1, s2, s3]) as usize;
        let Some((body, rest)) = rest.split_at_checked(size) else {
            self.rest = &[];
            return Some(Err(Error::Truncated));
        };
        self.rest = rest.get(size & 1..).unwrap_or_default();
        Some(Ok(([n0, n1, n2, n3], body)))
    }
}

fn number24([low, middle, high]: [u8; 3]) -> u32 {
    u32::from_le_bytes([low, middle, high, 0])
}
