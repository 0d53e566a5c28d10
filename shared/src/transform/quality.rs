//! How much of a picture its encoder keeps.

use std::num::NonZeroU8;

use serde::{Deserialize, Serialize};

use crate::format::Format;

/// Encoder quality, 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Quality(NonZeroU8);

const LOSSLESS: u8 = 100;

impl Quality {
    /// What JPEG and WebP get when nothing is said.
    pub const DEFAULT: Self = Self(NonZeroU8::new(80).unwrap());
    /// What AVIF gets when nothing is said.
    pub const DEFAULT_AVIF: Self = Self(NonZeroU8::new(50).unwrap());

    /// 1 to 100.
    pub fn percent(self) -> u8 {
        self.0.get()
    }

    /// What `asked` means for `format`. A PNG has one only if it is to be a palette PNG: without
    /// one, or with 100, it is lossless.
    pub(super) fn of(format: Format, asked: Option<Self>) -> Option<Self> {
        match format {
            Format::Jpeg | Format::Webp => Some(asked.unwrap_or(Self::DEFAULT)),
            Format::Avif => Some(asked.unwrap_or(Self::DEFAULT_AVIF)),
            Format::Png => asked.filter(|quality| quality.percent() < LOSSLESS),
        }
    }
}

impl TryFrom<u8> for Quality {
    type Error = &'static str;

    fn try_from(percent: u8) -> Result<Self, &'static str> {
        NonZeroU8::new(percent)
            .filter(|p| p.get() <= 100)
            .map(Self)
            .ok_or("quality is 1 to 100")
    }
}

impl From<Quality> for u8 {
    fn from(quality: Quality) -> Self {
        quality.percent()
    }
}
