//! What is asked of an original, as the last bytes of an input say: most decoders do not look at
//! them, and choosing moves nothing that comes before.

use std::num::NonZeroU32;

use thumbmill_shared::encoding::{Chroma, Encoding, Scans};
use thumbmill_shared::format::{Format, FormatChoice};
use thumbmill_shared::transform::{Colour, Coordinate, Fit, Operations, Quality, VariantRequest};

/// Bytes that choose, the last one first; zeros when there are no more.
pub(crate) struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub(crate) fn at_the_end_of(input: &'a [u8]) -> Self {
        Self(input)
    }

    fn byte(&mut self) -> u8 {
        let Some((last, before)) = self.0.split_last() else {
            return 0;
        };
        self.0 = before;
        *last
    }

    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()]
    }
}

/// The longest side that is asked for.
const MOST_PX: u8 = 64;

const FORMATS: [Option<Format>; 8] = [
    Some(Format::Jpeg),
    Some(Format::Png),
    Some(Format::Webp),
    None,
    Some(Format::Jpeg),
    Some(Format::Png),
    Some(Format::Webp),
    Some(Format::Avif),
];

const FITS: [Fit; 4] = [Fit::Cover, Fit::Contain, Fit::Inside, Fit::Outside];

const BACKGROUNDS: [Option<[u8; 4]>; 4] = [
    None,
    Some([255, 136, 0, 255]),
    Some([10, 20, 30, 128]),
    Some([0; 4]),
];

/// One for each that there is, and for each way through it.
const OPERATIONS: [&str; 26] = [
    r#"["flip"]"#,
    r#"["flop"]"#,
    r#"["rotate",90]"#,
    r#"["rotate",180]"#,
    r##"["rotate",33.3,{"background":"#f808"}]"##,
    r#"["rotate",-0.5]"#,
    r#"["trim"]"#,
    r##"["trim",{"background":"#000","threshold":200}]"##,
    r#"["extract",{"left":1,"top":2,"width":3,"height":4}]"#,
    r#"["grayscale"]"#,
    r#"["blur"]"#,
    r#"["blur",9]"#,
    r#"["sharpen"]"#,
    r#"["sharpen",2,3,4]"#,
    r##"["tint","#f80"]"##,
    r#"["negate"]"#,
    r#"["negate",{"alpha":false}]"#,
    r#"["modulate",{"brightness":1.5,"saturation":0.2,"hue":77,"lightness":-9}]"#,
    r#"["normalise"]"#,
    r#"["threshold",99]"#,
    r#"["threshold",99,{"grayscale":false}]"#,
    r#"["linear",1.5,-20]"#,
    r##"["flatten",{"background":"#123"}]"##,
    r#"["removeAlpha"]"#,
    r#"["ensureAlpha",0.5]"#,
    r##"["extend",{"top":1,"left":30,"background":"#0f08"}]"##,
];

/// A request in which everything is chosen.
pub(crate) fn request(choices: &mut Choices) -> VariantRequest {
    let format = choices.one_of(&FORMATS);
    let side = |byte: u8| NonZeroU32::new(u32::from(byte % (MOST_PX + 1)));
    let (width, height) = (side(choices.byte()), side(choices.byte()));
    let operations = operations(choices);
    let quality = choices.one_of(&[None, None, Some(1), Some(50), Some(100)]);
    let quality = quality.and_then(|percent| Quality::try_from(percent).ok());
    let coordinate = |byte: u8| match byte {
        0 => None,
        1 => Some(Coordinate::NONE),
        px => Some(Coordinate::Px(u32::from(px))),
    };
    VariantRequest {
        preset: None,
        fit: Some(choices.one_of(&FITS)),
        width,
        height,
        quality,
        without_enlargement: choices.one_of(&[None, Some(false), Some(true)]),
        format: format.map(FormatChoice::Is),
        background: choices.one_of(&BACKGROUNDS).map(Colour::new),
        transforms: Some(operations),
        focal_point_x: coordinate(choices.byte()),
        focal_point_y: coordinate(choices.byte()),
    }
}

fn operations(choices: &mut Choices) -> Operations {
    let count = choices.one_of(&[0, 1, 2, 3]);
    let chosen: Vec<_> = (0..count).map(|_| choices.one_of(&OPERATIONS)).collect();
    let json = format!("[{}]", chosen.join(","));
    Operations::parse(&json).expect("operations are written right here")
}

/// Settings of the encoders. AVIF's is always the quickest.
pub(crate) fn encoding(choices: &mut Choices) -> Encoding {
    let steps = choices.byte();
    Encoding {
        jpeg_scans: choices.one_of(&[Scans::Baseline, Scans::Progressive]),
        jpeg_chroma: choices.one_of(&[Chroma::Quarter, Chroma::Full]),
        png_level: (steps % 10).try_into().unwrap_or_default(),
        webp_effort: (steps % 7).try_into().unwrap_or_default(),
        avif_effort: 0.try_into().unwrap_or_default(),
    }
}
