//! What the operator chose of the encoders. It shapes bytes, so it is part of a variant's key, and
//! travels with the api's jobs: an api and a worker with different settings agree all the same.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::format::Format;

/// The encoders' settings. The defaults are the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Encoding {
    /// How a JPEG's coefficients are ordered.
    pub jpeg_scans: Scans,
    /// How many colour samples a JPEG has.
    pub jpeg_chroma: Chroma,
    /// zlib's, from 0 (fast) to 9 (small).
    pub png_level: Step<9, 6>,
    /// libwebp's method, from 0 (fast) to 6 (small).
    pub webp_effort: Step<6, 4>,
    /// From 0 (fast) to 9 (small).
    pub avif_effort: Step<9, 4>,
}

/// How a JPEG's coefficients are ordered (ITU T.81, 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scans {
    /// All of a block together.
    #[default]
    Baseline,
    /// The coarse ones of all blocks first.
    Progressive,
}

/// How many colour samples a JPEG has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
pub enum Chroma {
    /// One of each colour channel for 2 by 2 pixels.
    #[default]
    #[serde(rename = "4:2:0")]
    Quarter,
    /// One of each for every pixel.
    #[serde(rename = "4:4:4")]
    Full,
}

impl FromStr for Chroma {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "4:2:0" => Ok(Self::Quarter),
            "4:4:4" => Ok(Self::Full),
            _ => Err("one of 4:2:0, 4:4:4"),
        }
    }
}

/// A whole number from 0 to `MOST`, by default `DEFAULT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Step<const MOST: u8, const DEFAULT: u8>(u8);

impl<const MOST: u8, const DEFAULT: u8> Step<MOST, DEFAULT> {
    /// The number.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl<const MOST: u8, const DEFAULT: u8> Default for Step<MOST, DEFAULT> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<const MOST: u8, const DEFAULT: u8> TryFrom<u8> for Step<MOST, DEFAULT> {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        if number <= MOST {
            Ok(Self(number))
        } else {
            Err(format!("a whole number between 0 and {MOST}"))
        }
    }
}

impl<const MOST: u8, const DEFAULT: u8> From<Step<MOST, DEFAULT>> for u8 {
    fn from(step: Step<MOST, DEFAULT>) -> Self {
        step.0
    }
}

impl<const MOST: u8, const DEFAULT: u8> FromStr for Step<MOST, DEFAULT> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // What is no number is no number in the range either.
        text.parse().unwrap_or(u8::MAX).try_into()
    }
}

impl Encoding {
    /// The canonical text of what differs from the defaults and matters for `format`: part of a
    /// variant's key. Empty when nothing does.
    pub fn text(&self, format: Format) -> String {
        let default = Self::default();
        let mut text = String::new();
        let mut say = |name: &str| text = format!("{text} {name}");
        match format {
            Format::Jpeg => {
                match self.jpeg_scans {
                    Scans::Baseline => {}
                    Scans::Progressive => say("progressive"),
                }
                match self.jpeg_chroma {
                    Chroma::Quarter => {}
                    Chroma::Full => say("4:4:4"),
                }
            }
            Format::Png if self.png_level != default.png_level => {
                say(&format!("level{}", self.png_level.get()));
            }
            Format::Webp if self.webp_effort != default.webp_effort => {
                say(&format!("effort{}", self.webp_effort.get()));
            }
            Format::Avif if self.avif_effort != default.avif_effort => {
                say(&format!("effort{}", self.avif_effort.get()));
            }
            Format::Png | Format::Webp | Format::Avif => {}
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_and_matters_is_said() {
        let said = |json: &str, format| {
            let encoding: Encoding = serde_json::from_str(json).unwrap();
            encoding.text(format)
        };
        let all = r#"{"jpeg_scans":"progressive","jpeg_chroma":"4:4:4","png_level":9,"webp_effort":0,"avif_effort":7}"#;
        assert_eq!(said(all, Format::Jpeg), " progressive 4:4:4");
        assert_eq!(said(all, Format::Png), " level9");
        assert_eq!(said(all, Format::Webp), " effort0");
        assert_eq!(said(all, Format::Avif), " effort7");
        for format in Format::ALL {
            assert_eq!(said("{}", format), "");
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        for json in [
            r#"{"png_level":10}"#,
            r#"{"webp_effort":7}"#,
            r#"{"avif_effort":-1}"#,
            r#"{"jpeg_chroma":"4:2:2"}"#,
            r#"{"speed":1}"#,
        ] {
            assert!(serde_json::from_str::<Encoding>(json).is_err(), "{json}");
        }
        assert!("10".parse::<Step<9, 6>>().is_err());
        assert!("x".parse::<Step<9, 6>>().is_err());
        assert_eq!("0".parse::<Step<9, 6>>().unwrap().get(), 0);
    }
}
