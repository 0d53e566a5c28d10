//! One rendering of one state of one original, and the names that follow from it.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::asset::{AssetId, OriginalVersion, hex};
use crate::encoding::Encoding;
use crate::format::Format;
use crate::transform::Transform;

/// Raised whenever the renderer makes other pixels of the same transform, so that
/// pictures of an older renderer are not served as this one's.
pub const RENDERER_VERSION: u32 = 4;

/// Names one variant: 32 hexadecimal digits of a SHA-256 over everything that shapes its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VariantKey(String);

impl VariantKey {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VariantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One rendering of one state of one original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The original.
    pub asset: AssetId,
    /// The state of its bytes that is rendered.
    pub original_version: OriginalVersion,
    /// What is done to it.
    pub transform: Transform,
    /// How it is encoded.
    pub encoding: Encoding,
}

impl Variant {
    /// Its name: the same for everybody who asks for the same picture.
    pub fn key(&self) -> VariantKey {
        let text = format!(
            "{} {} {}{} r{RENDERER_VERSION}",
            self.asset,
            self.original_version,
            self.transform,
            self.encoding.text(self.transform.format)
        );
        let digest = Sha256::digest(text.as_bytes());
        VariantKey(hex(digest.get(..16).unwrap_or_default()))
    }

    /// Where it lies in the store.
    pub fn object(&self) -> String {
        let folder = variants_of_version(self.asset, &self.original_version);
        format!(
            "{folder}{}.{}",
            self.key(),
            self.transform.format.extension()
        )
    }
}

/// Where all variants lie in the store.
pub const VARIANTS: &str = "variants/";

/// Where all variants of one original lie in the store; ends with `/`.
pub fn variants_of(asset: AssetId) -> String {
    format!("{VARIANTS}{asset}/")
}

/// Where the variants of one state of an original lie in the store; ends with `/`.
pub fn variants_of_version(asset: AssetId, version: &OriginalVersion) -> String {
    format!("{}{version}/", variants_of(asset))
}

/// What the name of an object says of the variant that it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VariantName {
    /// The original.
    pub asset: AssetId,
    /// The state of its bytes that was rendered.
    pub version: OriginalVersion,
    /// The key and the format, such as `0123456789abcdef0123456789abcdef.webp`.
    pub file: String,
}

impl VariantName {
    /// `None` for an object that is no variant.
    pub fn of_object(object: &str) -> Option<Self> {
        let (asset, rest) = object.strip_prefix(VARIANTS)?.split_once('/')?;
        let (version, file) = rest.split_once('/')?;
        let (key, ending) = file.split_once('.')?;
        Format::parse(ending)?;
        // A key is as long as a version, and of the same digits.
        OriginalVersion::try_from(key.to_owned()).ok()?;
        let name = Self {
            asset: asset.parse().ok()?,
            version: version.to_owned().try_into().ok()?,
            file: file.to_owned(),
        };
        (name.object() == object).then_some(name)
    }

    /// Where it lies in the store.
    pub fn object(&self) -> String {
        let folder = variants_of_version(self.asset, &self.version);
        format!("{folder}{}", self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::VariantRequest;

    fn variant(version: &str, quality: &str) -> Variant {
        let request: VariantRequest = serde_json::from_str(quality).unwrap();
        Variant {
            asset: "3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f".parse().unwrap(),
            original_version: OriginalVersion::of_store_tag(version),
            transform: request.resolve(Format::Jpeg, Format::Jpeg),
            encoding: Encoding::default(),
        }
    }

    #[test]
    fn a_replaced_original_has_other_variants() {
        assert_ne!(variant("a", "{}").key(), variant("b", "{}").key());
        assert_ne!(
            variant("a", "{}").key(),
            variant("a", r#"{"quality":81}"#).key()
        );
        assert_eq!(
            variant("a", "{}").key(),
            variant("a", r#"{"quality":80}"#).key()
        );
    }

    #[test]
    fn the_encoders_settings_are_part_of_the_name_where_they_matter() {
        let plain = variant("a", "{}");
        let encoding: Encoding =
            serde_json::from_str(r#"{"jpeg_scans":"progressive","png_level":9}"#).unwrap();
        let with = |variant: &Variant| Variant {
            encoding,
            ..variant.clone()
        };
        assert_ne!(with(&plain).key(), plain.key());
        let webp = variant("a", r#"{"format":"webp"}"#);
        assert_eq!(with(&webp).key(), webp.key());
    }

    #[test]
    fn the_object_names_original_version_and_format() {
        let variant = variant("a", r#"{"format":"webp"}"#);
        let (version, key) = (&variant.original_version, variant.key());
        let expected =
            format!("variants/3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f/{version}/{key}.webp");
        assert_eq!(variant.object(), expected);
        let name = VariantName::of_object(&expected).unwrap();
        assert_eq!((name.asset, &name.version), (variant.asset, version));
        assert_eq!(
            (&name.file, name.object()),
            (&format!("{key}.webp"), expected)
        );
    }

    #[test]
    fn what_lies_among_variants_need_not_be_one() {
        let asset = "3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f";
        let digits = "0123456789abcdef0123456789abcdef";
        for other in [
            format!("variants/{asset}/{digits}"),
            format!("variants/{asset}/{digits}/{digits}"),
            format!("variants/{asset}/{digits}/{digits}.txt"),
            format!("variants/{asset}/{digits}/{digits}.jpg/x"),
            format!("variants/{asset}/{digits}/x.jpg"),
            format!("variants/{asset}/x/{digits}.jpg"),
            format!("variants/{}/{digits}/{digits}.jpg", asset.to_uppercase()),
            format!("uploads/{asset}/{digits}/{digits}.jpg"),
        ] {
            assert_eq!(VariantName::of_object(&other), None, "{other}");
        }
    }
}
