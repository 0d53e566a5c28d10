//! Signed URLs: whoever has a key vouches for one path with all its parameters.
//!
//! The signature is an HMAC-SHA256 (RFC 2104) over this text, and `signature=KEY.BASE64URL` is the
//! parameter that carries it:
//!
//! ```text
//! /assets/3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f?expires=1800000000&width=200
//! ```
//!
//! It is the path, `?`, and all parameters but `signature` and `access_token`, sorted by name and
//! joined by `&`. Names, values and segments of the path are percent-encoded but for the unreserved
//! characters of RFC 3986, 2.3. A parameter that is given twice cannot be signed.

use std::fmt;
use std::fmt::Write;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::Sha256;

/// The parameter that carries a signature.
pub const SIGNATURE: &str = "signature";
/// Until when a signed URL is good, in seconds since 1970.
const EXPIRES: &str = "expires";
/// Parameters that are not signed.
const UNSIGNED: [&str; 2] = [SIGNATURE, "access_token"];
/// A secret is as long as its hash at least (RFC 2104, 3).
const SHORTEST_SECRET: usize = 32;
/// All characters but the unreserved ones of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Named secrets. The first signs; all are good for checking, so that they can be exchanged.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SigningKeys(Vec<Key>);

#[derive(Clone, PartialEq, Eq)]
struct Key {
    name: String,
    secret: String,
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|key| &key.name))
            .finish()
    }
}

impl FromStr for SigningKeys {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let error = "NAME:SECRET,NAME:SECRET…, where names are letters, digits, - and _, and each secret has \
                     32 characters or more, such as `openssl rand -hex 32` prints";
        let mut keys: Vec<Key> = Vec::new();
        for key in text.split(',').map(str::trim).filter(|key| !key.is_empty()) {
            let (name, secret) = key.split_once(':').ok_or(error)?;
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            let named = !name.is_empty() && name.bytes().all(allowed);
            let known = keys.iter().any(|key| key.name == name);
            if !named || known || secret.len() < SHORTEST_SECRET {
                return Err(error);
            }
            keys.push(Key {
                name: name.to_owned(),
                secret: secret.to_owned(),
            });
        }
        Ok(Self(keys))
    }
}

impl SigningKeys {
    /// Is there no key?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Key {
    fn hmac(&self, text: &str) -> Option<Hmac<Sha256>> {
        let mut hmac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).ok()?;
        hmac.update(text.as_bytes());
        Some(hmac)
    }
}

/// Why a URL's signature counts for nothing; the text is for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// It is not the path's and the parameters'.
    #[error("The signature does not belong to this path and these parameters")]
    Wrong,
    /// Its key is not known here.
    #[error("The signature's key is not known")]
    UnknownKey,
    /// Its time is over.
    #[error("The signed URL has expired")]
    Expired,
    /// A parameter is given twice, so that it is not clear which is meant.
    #[error("A signed URL names each parameter once")]
    Repeated,
}

/// A path and a query, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct SignedUrl {
    path: String,
    /// Decoded, sorted by name.
    parameters: Vec<(String, String)>,
}

impl SignedUrl {
    /// Takes a path and a raw query apart.
    pub fn of(path: &str, query: &str) -> Self {
        let path = path.split('/').map(|segment| {
            let decoded = percent_decode_str(segment).decode_utf8_lossy();
            utf8_percent_encode(&decoded, RESERVED).to_string()
        });
        let decoded = |text: &str| {
            let spaces = text.replace('+', " ");
            percent_decode_str(&spaces).decode_utf8_lossy().into_owned()
        };
        let mut parameters: Vec<_> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decoded(name), decoded(value))
            })
            .collect();
        parameters.sort();
        Self {
            path: path.collect::<Vec<_>>().join("/"),
            parameters,
        }
    }

    /// Checks its signature at the moment `now`. `None`: it has none. Otherwise it says until when the
    /// URL is good, if that has an end.
    pub fn verify(
        &self,
        keys: &SigningKeys,
        now: SystemTime,
    ) -> Option<Result<Option<SystemTime>, BadSignature>> {
        self.value(SIGNATURE)
            .map(|signature| self.check(signature, keys, now))
    }

    fn check(
        &self,
        signature: &str,
        keys: &SigningKeys,
        now: SystemTime,
    ) -> Result<Option<SystemTime>, BadSignature> {
        let twice = |pair: &[(String, String)]| matches!(pair, [(a, _), (b, _)] if a == b);
        if self.parameters.windows(2).any(twice) {
            return Err(BadSignature::Repeated);
        }
        let (name, code) = signature.split_once('.').ok_or(BadSignature::Wrong)?;
        let key = keys.0.iter().find(|key| key.name == name);
        let key = key.ok_or(BadSignature::UnknownKey)?;
        let code = URL_SAFE_NO_PAD
            .decode(code)
            .map_err(|_| BadSignature::Wrong)?;
        let hmac = key.hmac(&self.text()).ok_or(BadSignature::Wrong)?;
        // In constant time.
        hmac.verify_slice(&code).map_err(|_| BadSignature::Wrong)?;
        let Some(expires) = self.value(EXPIRES) else {
            return Ok(None);
        };
        let digits = expires.bytes().all(|b| b.is_ascii_digit());
        let seconds = expires.parse().map_err(|_| BadSignature::Wrong);
        let seconds = seconds.and_then(|seconds| {
            if digits {
                Ok(seconds)
            } else {
                Err(BadSignature::Wrong)
            }
        })?;
        let expires = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        let expires = expires.ok_or(BadSignature::Wrong)?;
        if now < expires {
            Ok(Some(expires))
        } else {
            Err(BadSignature::Expired)
        }
    }

    /// The same with a signature of the first key, good until `expires`. `None`: there is no key, or
    /// a parameter is given twice.
    #[must_use]
    pub fn signed(mut self, keys: &SigningKeys, expires: Option<SystemTime>) -> Option<String> {
        let key = keys.0.first()?;
        self.parameters
            .retain(|(name, _)| name != EXPIRES && !UNSIGNED.contains(&name.as_str()));
        if let Some(expires) = expires {
            let unix = expires.duration_since(UNIX_EPOCH).unwrap_or_default();
            let expires = (EXPIRES.to_owned(), unix.as_secs().to_string());
            self.parameters.push(expires);
            self.parameters.sort();
        }
        let text = self.text();
        let code = key.hmac(&text)?.finalize().into_bytes();
        let signature = format!("{}.{}", key.name, URL_SAFE_NO_PAD.encode(code));
        let joint = if text.ends_with('?') { "" } else { "&" };
        let url = format!("{text}{joint}{SIGNATURE}={signature}");
        matches!(
            Self::of(&self.path, url.split_once('?')?.1).verify(keys, UNIX_EPOCH),
            Some(Ok(_))
        )
        .then_some(url)
    }

    /// What is signed.
    fn text(&self) -> String {
        let mut text = format!("{}?", self.path);
        let signed = self.parameters.iter();
        let signed = signed.filter(|(name, _)| !UNSIGNED.contains(&name.as_str()));
        for (at, (name, value)) in signed.enumerate() {
            let joint = if at == 0 { "" } else { "&" };
            let name = utf8_percent_encode(name, RESERVED);
            let value = utf8_percent_encode(value, RESERVED);
            // Writing to a String cannot fail.
            let _ = write!(text, "{joint}{name}={value}");
        }
        text
    }

    fn value(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/assets/3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f";

    fn keys(text: &str) -> SigningKeys {
        text.parse().unwrap()
    }

    fn two_keys() -> SigningKeys {
        keys("new:0123456789abcdef0123456789abcdef, old:fedcba9876543210fedcba9876543210")
    }

    fn at(unix: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(unix)
    }

    fn verify(
        url: &str,
        keys: &SigningKeys,
        unix: u64,
    ) -> Option<Result<Option<SystemTime>, BadSignature>> {
        let (path, query) = url.split_once('?').unwrap();
        SignedUrl::of(path, query).verify(keys, at(unix))
    }

    /// As another program would have made it: `printf '/assets/…?expires=1800000000&width=200' |
    /// openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef -binary | basenc --base64url`.
    #[test]
    fn a_signature_is_what_others_make_of_the_same_text() {
        let url = SignedUrl::of(PATH, "width=200").signed(&two_keys(), Some(at(1_800_000_000)));
        let expected = format!(
            "{PATH}?expires=1800000000&width=200&signature=new.Tsh32-7VZYnr33LhfkmUiCFdRW8Zkdj6ejEx58wqTWE"
        );
        assert_eq!(url.unwrap(), expected);
    }

    #[test]
    fn a_signed_url_is_good_until_it_expires_and_with_every_key() {
        let keys = two_keys();
        let until = Some(at(2000));
        let url = SignedUrl::of(PATH, "transforms=[[\"blur\",5]]&width=9").signed(&keys, until);
        let url = url.unwrap();
        assert_eq!(verify(&url, &keys, 1999), Some(Ok(until)));
        assert_eq!(verify(&url, &keys, 2000), Some(Err(BadSignature::Expired)));
        let old = super::SigningKeys(vec![keys.0[1].clone()]);
        let by_old = SignedUrl::of(PATH, "").signed(&old, None).unwrap();
        assert_eq!(verify(&by_old, &keys, 0), Some(Ok(None)));
        assert_eq!(verify(&url, &old, 0), Some(Err(BadSignature::UnknownKey)));
        assert_eq!(verify(&format!("{PATH}?width=9"), &keys, 0), None);
    }

    #[test]
    fn what_is_changed_added_repeated_or_left_out_makes_a_signature_wrong() {
        let keys = two_keys();
        let url = SignedUrl::of(PATH, "width=200&height=100").signed(&keys, Some(at(2000)));
        let url = url.unwrap();
        let wrong = Some(Err(BadSignature::Wrong));
        let repeated = Some(Err(BadSignature::Repeated));
        for (changed, expected) in [
            (url.replace("width=200", "width=201"), wrong),
            (url.replace("expires=2000", "expires=3000"), wrong),
            (url.replace("expires=2000&", ""), wrong),
            (url.replace("&width=200", ""), wrong),
            (url.replace("/assets/3", "/assets/4"), wrong),
            (format!("{url}&quality=1"), wrong),
            (format!("{url}&anything"), wrong),
            (format!("{url}&width=201"), repeated),
            (format!("{url}&%77idth=201"), repeated),
            (format!("{url}&signature=new.x"), repeated),
            (url.replace("signature=new.", "signature=new"), wrong),
            (url.replace("signature=new.", "signature=new.AAAA"), wrong),
            (
                url.replace("signature=new.", "signature=none."),
                Some(Err(BadSignature::UnknownKey)),
            ),
            // The same in another spelling is the same.
            (
                url.replace("width=200", "%77idth=20%30"),
                Some(Ok(Some(at(2000)))),
            ),
            (format!("{url}&access_token=x"), Some(Ok(Some(at(2000))))),
        ] {
            assert_eq!(verify(&changed, &keys, 0), expected, "{changed}");
        }
        assert_eq!(SignedUrl::of(PATH, "a=1&a=2").signed(&keys, None), None);
    }

    #[test]
    fn keys_have_names_and_long_secrets_and_are_not_shown() {
        for bad in [
            "x",
            "a:short",
            "a b:0123456789abcdef0123456789abcdef",
            ":0123456789abcdef0123456789abcdef",
        ] {
            assert!(bad.parse::<SigningKeys>().is_err(), "{bad}");
        }
        let twice = "a:0123456789abcdef0123456789abcdef,a:0123456789abcdef0123456789abcdef";
        assert!(twice.parse::<SigningKeys>().is_err());
        assert_eq!(format!("{:?}", two_keys()), r#"["new", "old"]"#);
        assert_eq!(keys("").0.len(), 0);
    }

    proptest::proptest! {
        #[test]
        fn what_is_signed_is_good_whatever_it_is(path in "/[^?#]*", name in "[^&=]*", value in "[^&]*") {
            let keys = two_keys();
            let query = format!("{}={}", utf8_percent_encode(&name, RESERVED), utf8_percent_encode(&value, RESERVED));
            let unsigned = !UNSIGNED.contains(&name.as_str()) && name != EXPIRES;
            if let Some(url) = SignedUrl::of(&path, &query).signed(&keys, Some(at(5))) {
                let (path, query) = url.split_once('?').unwrap();
                proptest::prop_assert_eq!(
                    SignedUrl::of(path, query).verify(&keys, at(4)),
                    Some(Ok(Some(at(5))))
                );
            } else {
                proptest::prop_assert!(!unsigned);
            }
        }
    }
}
