//! The picture formats that thumbnails are made from and made in. Knows no pixels.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A format that can be rendered from and to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JPEG (ITU T.81).
    #[serde(rename = "jpg", alias = "jpeg")]
    Jpeg,
    /// PNG (W3C PNG, third edition).
    Png,
    /// WebP (RFC 9649).
    Webp,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Jpeg, Self::Png, Self::Webp];

    /// Its name in a query; `jpg` and `jpeg` are the same format.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            "webp" => Some(Self::Webp),
            _ => None,
        }
    }

    /// The format that a media type names, if it can be rendered.
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.media_type() == media_type)
    }

    /// Its media type, as in `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }

    /// The usual ending of its files' names, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

/// What a client asks for as `format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FormatChoice {
    /// The best that the client's `Accept` names.
    Auto,
    /// This one.
    #[serde(untagged)]
    Is(Format),
}
