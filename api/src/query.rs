//! The query of `/assets`: text becomes a [`Query`], or an error that names the parameter.
//! Names are case-sensitive, unknown ones are ignored, an empty value counts as absent.

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZeroU32;

use percent_encoding::percent_decode_str;
use thumbmill_shared::format::{Format, FormatChoice};
use thumbmill_shared::shown::{VALUE_CHARACTERS, shown};
use thumbmill_shared::transform::{Coordinate, Fit, Operations, Quality, VariantRequest};

/// What a request for an asset asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// The picture.
    pub(crate) variant: VariantRequest,
    /// What the browser shall do with it.
    pub(crate) disposition: Disposition,
}

/// What the browser shall do with a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// Show it.
    #[default]
    Inline,
    /// Save it.
    Attachment,
}

/// A parameter that cannot be understood; the text is for the client.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub(crate) struct QueryError(String);

impl Query {
    /// Reads a raw query string, without the `?`.
    pub(crate) fn parse(raw: &str) -> Result<Self, QueryError> {
        let parameters = Parameters::split(raw)?;
        let variant = VariantRequest {
            preset: parameters.value("key").map(str::to_owned),
            fit: parameters.read("fit", "one of cover, contain, inside, outside", Fit::parse)?,
            width: parameters.read("width", SIZE, size)?,
            height: parameters.read("height", SIZE, size)?,
            quality: parameters.read("quality", "a whole number between 1 and 100", quality)?,
            without_enlargement: parameters.read("withoutEnlargement", "true or false", boolean)?,
            format: parameters.read("format", "one of jpg, jpeg, png, webp, avif, auto", format)?,
            focal_point_x: parameters.read("focal_point_x", COORDINATE, coordinate)?,
            focal_point_y: parameters.read("focal_point_y", COORDINATE, coordinate)?,
            background: parameters.read("background", COLOUR, |text| text.parse().ok())?,
            transforms: parameters.transforms()?,
        };
        let download = parameters.0.contains_key("download");
        let disposition = if download {
            Disposition::Attachment
        } else {
            Disposition::Inline
        };
        Ok(Self {
            variant,
            disposition,
        })
    }
}

const SIZE: &str = "a positive whole number";

const COORDINATE: &str = "a whole number or none";
const COLOUR: &str = "a colour such as ff8800, f80, ff880080 or transparent";

fn coordinate(text: &str) -> Option<Coordinate> {
    match text {
        "none" => Some(Coordinate::NONE),
        _ => decimal(text)?.parse().ok().map(Coordinate::Px),
    }
}

fn size(text: &str) -> Option<NonZeroU32> {
    decimal(text)?.parse().ok()
}

fn quality(text: &str) -> Option<Quality> {
    Quality::try_from(decimal(text)?.parse::<u8>().ok()?).ok()
}

/// Only digits: no sign, no space, no exponent.
fn decimal(text: &str) -> Option<&str> {
    text.bytes().all(|b| b.is_ascii_digit()).then_some(text)
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn format(text: &str) -> Option<FormatChoice> {
    match text {
        "auto" => Some(FormatChoice::Auto),
        _ => Format::parse(text).map(FormatChoice::Is),
    }
}

/// The known parameters by name, decoded.
struct Parameters<'a>(HashMap<&'static str, Cow<'a, str>>);

const KNOWN: [&str; 12] = [
    "key",
    "fit",
    "width",
    "height",
    "quality",
    "withoutEnlargement",
    "format",
    "focal_point_x",
    "focal_point_y",
    "background",
    "transforms",
    "download",
];

impl<'a> Parameters<'a> {
    fn split(raw: &'a str) -> Result<Self, QueryError> {
        let mut known = HashMap::new();
        for pair in raw.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = percent_decode_str(name).decode_utf8_lossy();
            let Some(name) = KNOWN.into_iter().find(|known| *known == name) else {
                continue;
            };
            let spaces = value.replace('+', " ");
            let value = percent_decode_str(&spaces).decode_utf8_lossy().into_owned();
            if known.insert(name, Cow::Owned(value)).is_some() {
                return Err(QueryError(format!("\"{name}\" is given more than once")));
            }
        }
        Ok(Self(known))
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(AsRef::as_ref)
            .filter(|value| !value.is_empty())
    }

    /// Unlike the others, an empty one is not absent: it is no JSON.
    fn transforms(&self) -> Result<Option<Operations>, QueryError> {
        let json = self.0.get("transforms");
        json.map(|json| Operations::parse(json))
            .transpose()
            .map_err(|error| QueryError(error.to_string()))
    }

    fn read<T>(
        &self,
        name: &str,
        expected: &str,
        read: fn(&str) -> Option<T>,
    ) -> Result<Option<T>, QueryError> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let shown = shown(value, VALUE_CHARACTERS);
        let error = || {
            QueryError(format!(
                "Expected {expected} for {name} but received \"{shown}\""
            ))
        };
        read(value).map(Some).ok_or_else(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(raw: &str) -> String {
        serde_json::to_string(&Query::parse(raw).unwrap().variant).unwrap()
    }

    #[test]
    fn parameters_are_read_as_documented() {
        let table = [
            ("", "{}"),
            ("foo=bar&WIDTH=3&w=4&width[]=200", "{}"),
            ("width=&height=&fit=&format=&quality=&key=", "{}"),
            ("&width=%31%30%30&", r#"{"width":100}"#),
            (
                "fit=inside&width=1&height=2",
                r#"{"fit":"inside","width":1,"height":2}"#,
            ),
            (
                "withoutEnlargement=true&quality=007",
                r#"{"quality":7,"withoutEnlargement":true}"#,
            ),
            (
                "withoutEnlargement=false",
                r#"{"withoutEnlargement":false}"#,
            ),
            ("format=jpeg", r#"{"format":"jpg"}"#),
            ("format=avif", r#"{"format":"avif"}"#),
            (
                "focal_point_x=007&focal_point_y=none",
                r#"{"focal_point_x":7,"focal_point_y":"none"}"#,
            ),
            ("focal_point_x=&background=", "{}"),
            ("background=%23F80", r#"{"background":"ff8800"}"#),
            ("background=transparent", r#"{"background":"00000000"}"#),
            ("transforms=[]", r#"{"transforms":[]}"#),
            (
                "transforms=%5B%5B%22blur%22%2C%205%5D,[%22flip%22]]",
                r#"{"transforms":[["blur",5],["flip"]]}"#,
            ),
            (
                "format=auto&key=card",
                r#"{"preset":"card","format":"auto"}"#,
            ),
        ];
        for (raw, expected) in table {
            assert_eq!(json(raw), expected, "{raw}");
        }
        assert_eq!(
            Query::parse("download").unwrap().disposition,
            Disposition::Attachment
        );
        assert_eq!(
            Query::parse("download=false").unwrap().disposition,
            Disposition::Attachment
        );
        assert_eq!(
            Query::parse("width=1").unwrap().disposition,
            Disposition::Inline
        );
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        for (raw, says) in [
            ("width=0", "positive whole number for width"),
            ("height=-1", "height"),
            ("width=1.5", "\"1.5\""),
            ("width=1e3", "1e3"),
            ("width=0x10", "0x10"),
            ("width=%20200", "\" 200\""),
            ("width=%2B200", "+200"),
            ("width=99999999999999999999", "width"),
            ("width=١٠", "width"),
            ("width=1&width=2", "\"width\" is given more than once"),
            ("fit=fill", "fit"),
            ("fit=COVER", "fit"),
            ("quality=0", "quality"),
            ("quality=101", "quality"),
            ("withoutEnlargement=1", "withoutEnlargement"),
            ("format=gif", "format"),
            ("focal_point_x=-1", "whole number or none for focal_point_x"),
            ("focal_point_y=1.5", "focal_point_y"),
            ("focal_point_x=1&focal_point_x=2", "more than once"),
            ("background=reddish", "a colour such as ff8800"),
            ("background=%23ff", "\"#ff\""),
            (
                "transforms=",
                "\"transforms\" Parameter needs to be a JSON array of allowed transformations",
            ),
            ("transforms=blur", "a JSON array"),
            ("transforms=[[%22explode%22]]", "explode"),
            ("transforms=[[%22blur%22,0]]", "blur: sigma"),
        ] {
            let error = Query::parse(raw).unwrap_err().to_string();
            assert!(error.contains(says), "{raw}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_query_panics(raw in ".*") {
            let _ = Query::parse(&raw);
        }
    }
}
