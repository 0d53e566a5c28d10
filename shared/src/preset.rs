//! Named transforms, and which transforms clients may ask for. Knows no HTTP.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use crate::format::FormatChoice;
use crate::shown::{VALUE_CHARACTERS, shown};
use crate::transform::{Fit, Ladder, VariantRequest};

/// Which transforms clients may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Any, and presets with anything overridden.
    All,
    /// Presets, exactly as configured.
    Presets,
    /// Only the built-in presets.
    None,
    /// Presets, exactly as configured, and anything in a signed URL.
    Signed,
}

impl FromStr for Policy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "all" => Ok(Self::All),
            "presets" => Ok(Self::Presets),
            "none" => Ok(Self::None),
            "signed" => Ok(Self::Signed),
            _ => Err("one of all, presets, none, signed"),
        }
    }
}

/// Why a request is not allowed or not known.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PresetError {
    /// No preset of that name.
    #[error("Key \"{}\" isn't configured", shown(.0, VALUE_CHARACTERS))]
    Unknown(String),
    /// The policy is `presets`.
    #[error("Only configured presets can be used in asset generation")]
    PresetsOnly,
    /// The policy is `none`.
    #[error("Dynamic asset generation has been disabled for this project")]
    Disabled,
}

/// The presets file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PresetFileError {
    /// It cannot be read.
    #[error("read presets file {path}: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML, or a preset says something that is not allowed.
    #[error("presets file: {0}")]
    Malformed(#[from] toml::de::Error),
    /// A preset cannot stand on another preset.
    #[error("presets file: preset \"{0}\" refers to another preset, which is not possible")]
    Nested(String),
}

/// All presets by key: the built-in ones and those of the presets file.
#[derive(Clone, Debug)]
pub struct Presets {
    built_in: BTreeMap<String, VariantRequest>,
    configured: BTreeMap<String, VariantRequest>,
    ladder: Option<Ladder>,
}

impl Default for Presets {
    fn default() -> Self {
        Self {
            built_in: built_in(),
            configured: BTreeMap::new(),
            ladder: None,
        }
    }
}

impl Presets {
    /// Reads a file of tables such as `[card]` with `width = 200` and `height = 150`.
    pub fn read(path: &Path) -> Result<Self, PresetFileError> {
        let text = std::fs::read_to_string(path).map_err(|source| PresetFileError::Unreadable {
            path: path.display().to_string(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Reads the text of a presets file.
    pub fn parse(text: &str) -> Result<Self, PresetFileError> {
        let configured: BTreeMap<String, VariantRequest> = toml::from_str(text)?;
        match configured
            .iter()
            .find(|(_, request)| request.preset.is_some())
        {
            Some((key, _)) => Err(PresetFileError::Nested(key.clone())),
            None => Ok(Self {
                built_in: built_in(),
                configured,
                ladder: None,
            }),
        }
    }

    /// These presets, beside which clients have their sizes rounded.
    #[must_use]
    pub fn with_ladder(self, ladder: Option<Ladder>) -> Self {
        Self { ladder, ..self }
    }

    /// What `request` means with its preset filled in, taken literally: jobs name exact sizes.
    pub fn expand(&self, request: VariantRequest) -> Result<VariantRequest, PresetError> {
        match &request.preset {
            None => Ok(request),
            Some(key) => {
                let preset = self.configured.get(key).or_else(|| self.built_in.get(key));
                let preset = preset.ok_or_else(|| PresetError::Unknown(key.clone()))?;
                Ok(request.over(preset))
            }
        }
    }

    /// `request` with the sizes that it names itself on the ladder; its preset is not filled in.
    /// Whoever makes pictures in advance publishes this: clients are never given others.
    #[must_use]
    pub fn rounded(&self, request: VariantRequest) -> VariantRequest {
        match &self.ladder {
            Some(ladder) => ladder.round(request),
            None => request,
        }
    }

    /// Is it a preset that is known here, exactly as it is configured?
    pub fn is_exact(&self, request: &VariantRequest) -> bool {
        let Some(key) = &request.preset else {
            return false;
        };
        let exact = VariantRequest {
            preset: Some(key.clone()),
            ..VariantRequest::default()
        };
        *request == exact && (self.configured.contains_key(key) || self.built_in.contains_key(key))
    }

    /// What `request` of a client means who is held to `policy`: as [`Presets::expand`], of
    /// [`Presets::rounded`].
    pub fn allow(
        &self,
        request: VariantRequest,
        policy: Policy,
    ) -> Result<VariantRequest, PresetError> {
        let exact = self.is_exact(&request);
        let built_in = || {
            let key = request.preset.as_ref();
            key.is_some_and(|key| self.built_in.contains_key(key))
        };
        match policy {
            // Who is asked for more has a signature.
            Policy::All | Policy::Signed => self.expand(self.rounded(request)),
            _ if request == VariantRequest::default() => Ok(request),
            Policy::Presets if exact => self.expand(request),
            Policy::None if exact && built_in() => self.expand(request),
            Policy::Presets => Err(PresetError::PresetsOnly),
            Policy::None => Err(PresetError::Disabled),
        }
    }
}

/// `system-{small,medium,large}-{cover,contain}`: 64, 300 and 800 pixels, format auto.
fn built_in() -> BTreeMap<String, VariantRequest> {
    let sizes = [("small", 64u32), ("medium", 300), ("large", 800)];
    let mut presets = BTreeMap::new();
    for (name, px) in sizes {
        let width = std::num::NonZeroU32::new(px);
        let cover = VariantRequest {
            fit: Some(Fit::Cover),
            width,
            height: width,
            format: Some(FormatChoice::Auto),
            ..VariantRequest::default()
        };
        let contain = VariantRequest {
            fit: Some(Fit::Contain),
            height: None,
            ..cover.clone()
        };
        presets.insert(format!("system-{name}-cover"), cover);
        presets.insert(format!("system-{name}-contain"), contain);
    }
    presets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(json: &str) -> VariantRequest {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn each_policy_allows_what_its_name_says() {
        let presets = Presets::parse("[card]\nwidth = 200\nheight = 150").unwrap();
        let table = [
            // request, all, presets, none
            ("{}", true, true, true),
            (r#"{"preset":"card"}"#, true, true, false),
            (r#"{"preset":"system-small-cover"}"#, true, true, true),
            (r#"{"preset":"card","width":20}"#, true, false, false),
            (r#"{"width":20}"#, true, false, false),
            (r#"{"fit":"cover"}"#, true, false, false),
            (r#"{"preset":"nope"}"#, false, false, false),
        ];
        for (json, all, only_presets, none) in table {
            for (policy, allowed) in [
                (Policy::All, all),
                (Policy::Presets, only_presets),
                (Policy::None, none),
            ] {
                assert_eq!(
                    presets.allow(request(json), policy).is_ok(),
                    allowed,
                    "{json} under {policy:?}"
                );
            }
        }
    }

    #[test]
    fn a_size_is_rounded_for_clients_if_no_preset_brings_it() {
        let presets = Presets::parse("[card]\nwidth = 150\nheight = 90").unwrap();
        let presets = presets.with_ladder("100,200".parse().ok());
        let table = [
            (r#"{"preset":"card"}"#, r#"{"width":150,"height":90}"#),
            (
                r#"{"preset":"card","quality":50}"#,
                r#"{"width":150,"height":90,"quality":50}"#,
            ),
            (
                r#"{"preset":"card","width":101}"#,
                r#"{"width":200,"height":90}"#,
            ),
            (
                r#"{"preset":"card","width":160,"height":80}"#,
                r#"{"width":200,"height":100}"#,
            ),
            (r#"{"width":7}"#, r#"{"width":100}"#),
            ("{}", "{}"),
        ];
        for (asked, made) in table {
            let allowed = presets.allow(request(asked), Policy::All);
            assert_eq!(allowed, Ok(request(made)), "{asked}");
            let published = presets.rounded(request(asked));
            assert_eq!(presets.expand(published), allowed, "{asked}");
        }
        let literal = presets.expand(request(r#"{"width":7}"#));
        assert_eq!(literal, Ok(request(r#"{"width":7}"#)));
    }

    #[test]
    fn a_presets_file_with_a_mistake_is_refused() {
        for (text, says) in [
            ("[card]\nwidht = 3", "widht"),
            ("[card]\nwidth = 0", "width"),
            ("[card]\npreset = \"other\"", "card"),
            ("nonsense", "nonsense"),
        ] {
            let error = Presets::parse(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
