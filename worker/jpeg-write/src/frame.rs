//! The geometry of a picture (T.81 A.1, A.2): its components, how many blocks each has, how many
//! blocks make an MCU. All sizes are checked here, once.

use crate::tables::Class;
use crate::{Components, Error, Plane};

/// A picture whose planes have the sizes that they say.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// One or three; the first has the picture's size.
    pub(crate) components: Vec<Component<'a>>,
    /// MCUs of an interleaved scan, from left to right.
    pub(crate) mcus_across: usize,
    /// MCUs of an interleaved scan, from top to bottom.
    pub(crate) mcus_down: usize,
}

/// One plane and its place in the picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Component<'a> {
    /// The name in the file: 1, 2, 3 as JFIF demands.
    pub(crate) id: u8,
    pub(crate) class: Class,
    samples: &'a [u8],
    width: usize,
    height: usize,
    /// Blocks in an MCU, across and down.
    pub(crate) factors: (u8, u8),
    /// Blocks that hold samples, from left to right.
    pub(crate) blocks_across: usize,
    /// Blocks that hold samples, from top to bottom.
    pub(crate) blocks_down: usize,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(components: &Components<'a>) -> Result<Self, Error> {
        match *components {
            Components::Gray(plane) => {
                let luma = Component::new(1, Class::Luma, &plane)?;
                Self::of(vec![luma], &plane)
            }
            Components::Ycbcr {
                y,
                cb,
                cr,
                sampling,
            } => {
                let expected = sampling.chroma_size(y.width, y.height);
                for plane in [cb, cr] {
                    let found = (plane.width, plane.height);
                    if found != expected {
                        return Err(Error::ChromaSize { expected, found });
                    }
                }
                let mut luma = Component::new(1, Class::Luma, &y)?;
                luma.factors = sampling.factors();
                let cb = Component::new(2, Class::Chroma, &cb)?;
                let cr = Component::new(3, Class::Chroma, &cr)?;
                Self::of(vec![luma, cb, cr], &y)
            }
        }
    }

    fn of(components: Vec<Component<'a>>, first: &Plane) -> Result<Self, Error> {
        let (width, height) = sides(first.width, first.height)?;
        let (across, down) = components.first().map_or((1, 1), |luma| luma.factors);
        Ok(Self {
            width,
            height,
            components,
            mcus_across: usize::from(width).div_ceil(8 * usize::from(across)),
            mcus_down: usize::from(height).div_ceil(8 * usize::from(down)),
        })
    }

    /// Blocks of all components that hold samples.
    pub(crate) fn blocks(&self) -> usize {
        self.components
            .iter()
            .map(|component| component.blocks_across * component.blocks_down)
            .sum()
    }
}

impl<'a> Component<'a> {
    fn new(id: u8, class: Class, plane: &Plane<'a>) -> Result<Self, Error> {
        let (width, height) = sides(plane.width, plane.height)?;
        let (width, height) = (usize::from(width), usize::from(height));
        if width.checked_mul(height) != Some(plane.samples.len()) {
            return Err(Error::Length {
                width: plane.width,
                height: plane.height,
                found: plane.samples.len(),
            });
        }
        Ok(Self {
            id,
            class,
            samples: plane.samples,
            width,
            height,
            factors: (1, 1),
            blocks_across: width.div_ceil(8),
            blocks_down: height.div_ceil(8),
        })
    }

    /// The blocks of an MCU in their order, as indices of blocks counted row after row; none for
    /// those beyond the picture.
    #[inline]
    pub(crate) fn blocks_of_mcu(
        &self,
        mcu_row: usize,
        mcu: usize,
    ) -> impl Iterator<Item = Option<usize>> + use<> {
        let (across, down) = (usize::from(self.factors.0), usize::from(self.factors.1));
        let (blocks_across, blocks_down) = (self.blocks_across, self.blocks_down);
        (mcu_row * down..(mcu_row + 1) * down).flat_map(move |row| {
            (mcu * across..(mcu + 1) * across).map(move |column| {
                (row < blocks_down && column < blocks_across).then(|| row * blocks_across + column)
            })
        })
    }

    /// The eight rows of samples of a row of blocks; below the picture its last row goes on.
    pub(crate) fn rows(&self, block_row: usize) -> [&'a [u8]; 8] {
        std::array::from_fn(|row| {
            let row = (block_row * 8 + row).min(self.height - 1);
            self.samples
                .get(row * self.width..(row + 1) * self.width)
                .unwrap_or_default()
        })
    }
}

/// Both sides as the frame header counts them (T.81 B.2.2).
pub(crate) fn sides(width: u32, height: u32) -> Result<(u16, u16), Error> {
    match (u16::try_from(width), u16::try_from(height)) {
        (Ok(w @ 1..), Ok(h @ 1..)) => Ok((w, h)),
        _ => Err(Error::Side { width, height }),
    }
}
