//! The picture formats that thumbnails are made from and made in. Knows no pixels.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A format that thumbnails are made in.
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
    /// AVIF (AV1 Image File Format, version 1.1).
    Avif,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Jpeg, Self::Png, Self::Webp, Self::Avif];

    /// Its name in a query; `jpg` and `jpeg` are the same format.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "jpg" | "jpeg" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            "webp" => Some(Self::Webp),
            "avif" => Some(Self::Avif),
            _ => None,
        }
    }

    /// Its media type, as in `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
        }
    }

    /// The usual ending of its files' names, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Avif => "avif",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.extension())
    }
}

/// A format that thumbnails are made from. Originals in any other are served unchanged, AVIF
/// among them: it is written, not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourceFormat {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
}

impl SourceFormat {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Jpeg, Self::Png, Self::Webp];

    /// The format that a media type names, if thumbnails are made from it.
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|source| Format::from(*source).media_type() == media_type)
    }

    /// What `format=auto` gives to clients that name no modern format: for a WebP original it is
    /// PNG, since it may have alpha.
    pub fn plain(self) -> Format {
        match self {
            Self::Jpeg => Format::Jpeg,
            Self::Png | Self::Webp => Format::Png,
        }
    }
}

impl From<SourceFormat> for Format {
    fn from(source: SourceFormat) -> Self {
        match source {
            SourceFormat::Jpeg => Self::Jpeg,
            SourceFormat::Png => Self::Png,
            SourceFormat::Webp => Self::Webp,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn avif_is_written_and_not_read() {
        assert_eq!(SourceFormat::of_media_type("image/avif"), None);
        assert_eq!(
            SourceFormat::of_media_type("image/webp"),
            Some(SourceFormat::Webp)
        );
        for format in Format::ALL {
            assert_eq!(Format::parse(format.extension()), Some(format));
        }
    }

    #[test]
    fn the_plain_format_may_have_alpha_where_the_original_may() {
        assert_eq!(SourceFormat::Jpeg.plain(), Format::Jpeg);
        assert_eq!(SourceFormat::Png.plain(), Format::Png);
        assert_eq!(SourceFormat::Webp.plain(), Format::Png);
    }
}
