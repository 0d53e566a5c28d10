//! What an original is called and what is known of it. Knows no storage, no HTTP, no pixels.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

mod names;

pub use names::{FILENAME_CHARACTERS, Filename, TITLE_CHARACTERS, Title, TitleTooLong};

/// Names one original for ever: a UUID (RFC 9562), written in lower case with hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AssetId(Uuid);

/// The text is not a UUID.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an asset's id is a UUID such as 3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f")]
pub struct NotAnAssetId;

impl AssetId {
    /// A new, random id (UUID version 4).
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl FromStr for AssetId {
    type Err = NotAnAssetId;

    /// Accepts the hyphenated form only, in either case.
    fn from_str(text: &str) -> Result<Self, NotAnAssetId> {
        let uuid = Uuid::try_parse(text).map_err(|_| NotAnAssetId)?;
        let mut buffer = Uuid::encode_buffer();
        let canonical: &str = uuid.hyphenated().encode_lower(&mut buffer);
        if canonical.eq_ignore_ascii_case(text) {
            Ok(Self(uuid))
        } else {
            Err(NotAnAssetId)
        }
    }
}

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Tells one state of an original's bytes from another; a new state has a new version.
///
/// 32 lower-case hexadecimal digits of the SHA-256 of the bytes. For objects that another
/// tool put into the store it is a hash of the store's own tag (S3's `ETag`) instead.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OriginalVersion(String);

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an original's version is 32 lower-case hexadecimal digits")]
pub struct NotAVersion;

impl OriginalVersion {
    /// The version of bytes whose SHA-256 is `digest`.
    pub fn of_digest(digest: &[u8; 32]) -> Self {
        Self(hex(digest.get(..16).unwrap_or_default()))
    }

    /// The version of an object that carries only its store's own tag.
    pub fn of_store_tag(tag: &str) -> Self {
        Self::of_digest(&Sha256::digest(tag.as_bytes()).into())
    }

    /// The digits, safe in a path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for OriginalVersion {
    type Error = NotAVersion;

    fn try_from(text: String) -> Result<Self, NotAVersion> {
        let digits =
            text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if digits {
            Ok(Self(text))
        } else {
            Err(NotAVersion)
        }
    }
}

impl From<OriginalVersion> for String {
    fn from(version: OriginalVersion) -> Self {
        version.0
    }
}

impl fmt::Display for OriginalVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who may see an original and its variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Everybody.
    Public,
    /// Whoever has a token, a signature, or the application's leave.
    Private,
}

impl Access {
    /// Its name in records, fields and settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

impl FromStr for Access {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "public" => Ok(Self::Public),
            "private" => Ok(Self::Private),
            _ => Err("public or private"),
        }
    }
}

/// What is known of one original, apart from its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Original {
    /// Its name.
    pub id: AssetId,
    /// The state of its bytes.
    pub version: OriginalVersion,
    /// Where the bytes lie in the store.
    pub object: String,
    /// Media type found from the bytes, for example `image/jpeg`.
    pub media_type: String,
    /// What a browser saves it as.
    pub filename: Filename,
    /// A name for people.
    pub title: Title,
    /// Who may see it; `None`: whoever the operator's default lets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Its length.
    pub length_bytes: u64,
    /// What a cut keeps, in pixels from the left of the upright picture; with the next one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focal_point_x: Option<u32>,
    /// The same from the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focal_point_y: Option<u32>,
    /// When it was first uploaded, in seconds since 1970.
    pub uploaded_unix: u64,
    /// When its bytes last changed, in seconds since 1970.
    pub modified_unix: u64,
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_in_its_hyphenated_form_only() {
        let text = "3F2B8C1E-0d4a-4c58-9a55-0b7c1f1d2e3f";
        assert_eq!(
            text.parse::<AssetId>().unwrap().to_string(),
            text.to_lowercase()
        );
        for bad in [
            "",
            "x",
            "3f2b8c1e0d4a4c589a550b7c1f1d2e3f",
            "{3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f}",
            "../etc/passwd",
        ] {
            assert_eq!(bad.parse::<AssetId>(), Err(NotAnAssetId), "{bad}");
        }
    }

    #[test]
    fn a_version_from_outside_cannot_name_another_path() {
        for bad in [
            "",
            "..",
            "../../etc/passwd",
            "ABCDEF00ABCDEF00ABCDEF00ABCDEF00",
        ] {
            assert_eq!(
                OriginalVersion::try_from(bad.to_owned()),
                Err(NotAVersion),
                "{bad}"
            );
        }
        let version = OriginalVersion::of_store_tag("\"etag\"");
        assert_eq!(OriginalVersion::try_from(version.to_string()), Ok(version));
    }
}
