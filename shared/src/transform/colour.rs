//! Colours, as clients write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A colour in sRGB with its alpha, not premultiplied. Full transparency has no colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour {
    red: u8,
    green: u8,
    blue: u8,
    alpha: u8,
}

/// The text is no colour.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a colour is RGB, RGBA, RRGGBB or RRGGBBAA in hexadecimal digits, or transparent")]
pub struct NotAColour;

impl Colour {
    /// Opaque black.
    pub const BLACK: Self = Self::new([0, 0, 0, 255]);
    /// Opaque red.
    pub(super) const RED: Self = Self::new([255, 0, 0, 255]);
    /// Nothing at all.
    pub const TRANSPARENT: Self = Self::new([0, 0, 0, 0]);

    /// Red, green, blue and alpha.
    pub const fn new([red, green, blue, alpha]: [u8; 4]) -> Self {
        if alpha == 0 {
            Self {
                red: 0,
                green: 0,
                blue: 0,
                alpha,
            }
        } else {
            Self {
                red,
                green,
                blue,
                alpha,
            }
        }
    }

    /// Red, green, blue and alpha.
    pub fn rgba(self) -> [u8; 4] {
        [self.red, self.green, self.blue, self.alpha]
    }

    /// Can nothing be seen through it?
    pub fn is_opaque(self) -> bool {
        self.alpha == u8::MAX
    }

    /// The same without its alpha.
    pub(super) fn opaque(self) -> Self {
        let alpha = u8::MAX;
        Self { alpha, ..self }
    }

    /// What is seen of it before black.
    #[must_use]
    pub fn over_black(self) -> Self {
        let dimmed = |sample: u8| {
            let product = u16::from(sample) * u16::from(self.alpha);
            u8::try_from((product + 127) / 255).unwrap_or(u8::MAX)
        };
        Self::new([dimmed(self.red), dimmed(self.green), dimmed(self.blue), 255])
    }
}

impl FromStr for Colour {
    type Err = NotAColour;

    /// Reads `f80`, `f808`, `ff8800`, `ff880080` with or without a `#`, and `transparent`.
    fn from_str(text: &str) -> Result<Self, NotAColour> {
        if text.eq_ignore_ascii_case("transparent") {
            return Ok(Self::TRANSPARENT);
        }
        let digits = text.strip_prefix('#').unwrap_or(text);
        let digits: Option<Vec<u8>> = digits.chars().map(nibble).collect();
        let digits = digits.ok_or(NotAColour)?;
        // One digit stands for two of the same.
        let samples: Vec<u8> = match digits.len() {
            3 | 4 => digits.iter().map(|digit| digit * 0x11).collect(),
            6 | 8 => {
                let (pairs, _) = digits.as_chunks::<2>();
                pairs.iter().map(|[high, low]| (high << 4) | low).collect()
            }
            _ => return Err(NotAColour),
        };
        match samples[..] {
            [red, green, blue] => Ok(Self::new([red, green, blue, 255])),
            [red, green, blue, alpha] => Ok(Self::new([red, green, blue, alpha])),
            _ => Err(NotAColour),
        }
    }
}

fn nibble(digit: char) -> Option<u8> {
    digit
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

impl TryFrom<String> for Colour {
    type Error = NotAColour;

    fn try_from(text: String) -> Result<Self, NotAColour> {
        text.parse()
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.to_string()
    }
}

impl fmt::Display for Colour {
    /// `rrggbb`, with its alpha unless it is opaque.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue, alpha] = self.rgba();
        write!(f, "{red:02x}{green:02x}{blue:02x}")?;
        if self.is_opaque() {
            Ok(())
        } else {
            write!(f, "{alpha:02x}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_read_as_css_writes_it() {
        for (text, canonical) in [
            ("f80", "ff8800"),
            ("#F80", "ff8800"),
            ("ff8800", "ff8800"),
            ("#ff8800ff", "ff8800"),
            ("f808", "ff880088"),
            ("12345678", "12345678"),
            ("12345600", "00000000"),
            ("transparent", "00000000"),
        ] {
            assert_eq!(text.parse::<Colour>().unwrap().to_string(), canonical);
        }
        for bad in [
            "", "#", "f", "ff", "fffff", "ff88zz", "##fff", "reddish", "ｆ80",
        ] {
            assert_eq!(bad.parse::<Colour>(), Err(NotAColour), "{bad}");
        }
    }

    #[test]
    fn what_shines_through_is_darker_before_black() {
        let half = Colour::new([255, 100, 0, 128]);
        assert_eq!(half.over_black(), Colour::new([128, 50, 0, 255]));
        assert_eq!(Colour::TRANSPARENT.over_black(), Colour::BLACK);
    }
}
