//! Numbers of the standard: the quantisation tables of T.81 Annex K.1 with libjpeg's quality scale,
//! and the zigzag order (T.81 Figure A.6). Knows nothing of pictures.

/// Quantisation table in natural order: row after row, each from low to high frequency across.
pub(crate) type QuantTable = [u8; 64];

/// Where the coefficient at each zigzag position lies in natural order.
pub(crate) const ZIGZAG: [u8; 64] = zigzag();

/// T.81 Table K.1.
const LUMA: [u16; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, //
    12, 12, 14, 19, 26, 58, 60, 55, //
    14, 13, 16, 24, 40, 57, 69, 56, //
    14, 17, 22, 29, 51, 87, 80, 62, //
    18, 22, 37, 56, 68, 109, 103, 77, //
    24, 35, 55, 64, 81, 104, 113, 92, //
    49, 64, 78, 87, 103, 121, 120, 101, //
    72, 92, 95, 98, 112, 100, 103, 99,
];

/// T.81 Table K.2.
const CHROMA: [u16; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, //
    18, 21, 26, 66, 99, 99, 99, 99, //
    24, 26, 56, 99, 99, 99, 99, 99, //
    47, 66, 99, 99, 99, 99, 99, 99, //
    99, 99, 99, 99, 99, 99, 99, 99, //
    99, 99, 99, 99, 99, 99, 99, 99, //
    99, 99, 99, 99, 99, 99, 99, 99, //
    99, 99, 99, 99, 99, 99, 99, 99,
];

/// Which of the two sets of tables a component uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Brightness.
    Luma,
    /// Either difference of colour.
    Chroma,
}

impl Class {
    /// The number by which the file calls this class's tables.
    pub(crate) const fn id(self) -> u8 {
        match self {
            Self::Luma => 0,
            Self::Chroma => 1,
        }
    }

    /// The quantisation table for a quality of 1 to 100, by libjpeg's rule: at 50 the tables of the
    /// standard, below it growing with 50/q, above it shrinking to nothing but ones at 100.
    pub(crate) fn quant_table(self, quality: u8) -> QuantTable {
        let quality = u16::from(quality.clamp(1, 100));
        let percent = if quality < 50 {
            5000 / quality
        } else {
            200 - 2 * quality
        };
        let standard = match self {
            Self::Luma => &LUMA,
            Self::Chroma => &CHROMA,
        };
        standard.map(|step| {
            let scaled = (u32::from(step) * u32::from(percent) + 50) / 100;
            u8::try_from(scaled.max(1)).unwrap_or(u8::MAX)
        })
    }
}

/// Walks the diagonals, turning at the edges.
#[expect(clippy::indexing_slicing, reason = "runs in the compiler")]
const fn zigzag() -> [u8; 64] {
    let mut order = [0; 64];
    let (mut row, mut column, mut position) = (0_u8, 0_u8, 0);
    while position < 64 {
        order[position] = row * 8 + column;
        let upwards = (row + column) % 2 == 0;
        if upwards && column == 7 || !upwards && row != 7 && column == 0 {
            row += 1;
        } else if !upwards && row == 7 || upwards && row == 0 {
            column += 1;
        } else if upwards {
            row -= 1;
            column += 1;
        } else {
            row += 1;
            column -= 1;
        }
        position += 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zigzag_is_the_one_that_the_standard_draws() {
        assert_eq!(ZIGZAG[..10], [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]);
        assert_eq!(ZIGZAG[28..36], [7, 14, 21, 28, 35, 42, 49, 56]);
        assert_eq!(ZIGZAG[58..], [61, 54, 47, 55, 62, 63]);
    }

    #[test]
    fn every_coefficient_has_its_place_in_the_zigzag() {
        let mut sorted = ZIGZAG;
        sorted.sort_unstable();
        assert!(sorted.iter().copied().eq(0..64));
    }

    #[test]
    fn quality_scales_the_standard_tables_as_libjpeg_does() {
        let first = |class: Class, quality| class.quant_table(quality)[..3].to_vec();
        assert_eq!(first(Class::Luma, 50), [16, 11, 10]);
        assert_eq!(first(Class::Luma, 80), [6, 4, 4]);
        assert_eq!(first(Class::Luma, 25), [32, 22, 20]);
        assert_eq!(first(Class::Luma, 1), [255, 255, 255]);
        assert_eq!(first(Class::Chroma, 95), [2, 2, 2]);
        assert_eq!(Class::Chroma.quant_table(100), [1; 64]);
        assert_eq!(Class::Luma.quant_table(0), Class::Luma.quant_table(1));
        assert_eq!(Class::Luma.quant_table(255), Class::Luma.quant_table(100));
    }
}
