//! How a setting's text becomes its value.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::access::SigningKeys;
use crate::asset::Access;
use crate::encoding::{Chroma, Step};
use crate::preset::Policy;
use crate::queue::QueueLocation;
use crate::readiness::ReadinessLocation;
use crate::storage::Location;
use crate::telemetry::{LogFilter, LogFormat};
use crate::transform::Ladder;

/// Reads a value; the error says what would be right, and does not repeat the text if that may hold
/// a secret.
pub(super) trait FromText: Sized {
    /// Whether the text may hold a password: then it is never shown, however it is mistyped.
    const SECRET: bool = false;

    fn from_text(text: &str) -> Result<Self, String>;
}

macro_rules! by_from_str {
    ($($type:ty)*) => {
        $(impl FromText for $type {
            fn from_text(text: &str) -> Result<Self, String> {
                text.parse().map_err(|error| format!("{error}"))
            }
        })*
    };
}

by_from_str!(SocketAddr Policy LogFormat LogFilter ByteSize Namespace Memory MissingEnd Chroma HeaderName Ladder Isolation FilesMode Connections Access WhoMay);

macro_rules! secret_by_from_str {
    ($($type:ty)*) => {
        $(impl FromText for $type {
            const SECRET: bool = true;

            fn from_text(text: &str) -> Result<Self, String> {
                text.parse().map_err(|error| format!("{error}"))
            }
        })*
    };
}

// Each is a key or a URL, and a URL has a place for a password.
secret_by_from_str!(Location QueueLocation ReadinessLocation Endpoint HttpUrl SigningKeys);

impl<const MOST: u8, const DEFAULT: u8> FromText for Step<MOST, DEFAULT> {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

impl<const SPARED: usize> FromText for Slots<SPARED> {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(str::to_owned)
    }
}

impl FromText for bool {
    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "true or false".to_owned())
    }
}

impl FromText for String {
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl FromText for PathBuf {
    fn from_text(text: &str) -> Result<Self, String> {
        if text.contains("://") {
            // Later errors show the path, and this may be a URL with a password.
            return Err("a path, not a URL".to_owned());
        }
        Ok(Self::from(text))
    }
}

impl<T: FromText> FromText for Option<T> {
    const SECRET: bool = T::SECRET;

    fn from_text(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            Ok(None)
        } else {
            T::from_text(text).map(Some)
        }
    }
}

impl FromText for Duration {
    fn from_text(text: &str) -> Result<Self, String> {
        humantime::parse_duration(text)
            .map_err(|_| "a duration such as 500ms, 10s or 2min".to_owned())
    }
}

/// Names, separated by commas; perhaps none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    /// The names, in their order.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

impl FromText for Names {
    fn from_text(text: &str) -> Result<Self, String> {
        let names = text.split(',').map(str::trim);
        let names = names.filter(|name| !name.is_empty());
        Ok(Self(names.map(str::to_owned).collect()))
    }
}

macro_rules! positive {
    ($($type:ty)*) => {
        $(impl FromText for $type {
            fn from_text(text: &str) -> Result<Self, String> {
                let number = text.parse::<Self>().ok().filter(|number| *number > 0);
                number.ok_or_else(|| "a whole number above 0".to_owned())
            }
        })*
    };
}

positive!(u32 u64);

/// A number of bytes, written as `500KB` (thousands) or `100MiB` (1024s).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

impl ByteSize {
    /// In bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let size = text
            .parse::<bytesize::ByteSize>()
            .ok()
            .filter(|size| size.as_u64() > 0);
        size.map(|size| Self(size.as_u64()))
            .ok_or("a size such as 500KB or 100MiB")
    }
}

/// Is this a URL with a host and one of these schemes? Not if a part of the password would be taken
/// for the port or the path, since later errors may show those.
pub(crate) fn is_url(text: &str, schemes: &[&str]) -> bool {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let users = rest.matches('@').count();
    schemes.contains(&scheme) && !host.is_empty() && users <= authority.matches('@').count().min(1)
}

/// The URL of a server that speaks S3. It has no place for credentials, so it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(String);

impl Endpoint {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Endpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        if !matches!(scheme, "http" | "https") || rest.is_empty() || rest.starts_with('/') {
            return Err("http://HOST:PORT or https://HOST:PORT");
        }
        if text.contains('@') {
            return Err(
                "http://HOST:PORT without a user: S3 credentials come from the AWS_* variables",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

/// A prefix for names on shared servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace(String);

impl Namespace {
    /// The prefix.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Namespace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err("1 to 64 letters, digits, - and _")
        }
    }
}

/// The name of an HTTP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderName(String);

impl HeaderName {
    /// In small letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HeaderName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if !text.is_empty() && text.bytes().all(allowed) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err("a header's name, such as x-forwarded-for")
        }
    }
}

/// How many renders run at a time; by itself as many as there are cores but `SPARED` ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots<const SPARED: usize>(NonZeroUsize);

impl<const SPARED: usize> Slots<SPARED> {
    /// At least 1.
    pub fn count(self) -> usize {
        self.0.get()
    }
}

impl<const SPARED: usize> FromStr for Slots<SPARED> {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text == "auto" {
            let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
            let used = NonZeroUsize::new(cores.get().saturating_sub(SPARED));
            return Ok(Self(used.unwrap_or(NonZeroUsize::MIN)));
        }
        text.parse()
            .map(Self)
            .map_err(|_| "auto, or a whole number above 0")
    }
}

/// Who may do what without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhoMay {
    /// As the address and the tokens say.
    Auto,
    /// Whoever calls this machine by a name of its own may do everything.
    Local,
    /// Everybody may do everything.
    Open,
}

impl FromStr for WhoMay {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "auto" => Ok(Self::Auto),
            "local" => Ok(Self::Local),
            "open" => Ok(Self::Open),
            _ => Err("one of auto, local, open"),
        }
    }
}

/// A URL of an HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl(String);

impl HttpUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HttpUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let rest = text
            .strip_prefix("http://")
            .or_else(|| text.strip_prefix("https://"));
        let host = rest.map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
        if host.is_some_and(|host| !host.is_empty() && !host.contains('@')) {
            Ok(Self(text.to_owned()))
        } else {
            Err("http://HOST:PORT/PATH or https://HOST:PORT/PATH, without a password")
        }
    }
}

/// How many connections may be open at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// As many as fit into the limit on open files.
    Auto,
    /// So many.
    Count(NonZeroU32),
}

impl FromStr for Connections {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "auto" => Ok(Self::Auto),
            count => match count.parse() {
                Ok(count) => Ok(Self::Count(count)),
                Err(_) => Err("auto, or a whole number above 0"),
            },
        }
    }
}

/// How much memory jobs may take at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Half of what the process may have.
    Auto,
    /// So much.
    Bytes(ByteSize),
}

impl FromStr for Memory {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "auto" => Ok(Self::Auto),
            size => match size.parse() {
                Ok(size) => Ok(Self::Bytes(size)),
                Err(_) => Err("auto, or a number of bytes such as 512MiB"),
            },
        }
    }
}

/// What becomes of a picture whose end is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingEnd {
    /// It is an error.
    Refuse,
    /// What is there is shown, the rest is gray.
    Tolerate,
}

impl FromStr for MissingEnd {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "tolerate" => Ok(Self::Tolerate),
            _ => Err("refuse or tolerate"),
        }
    }
}

/// What the worker does where the system does not let it lock its renderers in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// It refuses to start.
    Required,
    /// It says so, and renders all the same.
    Preferred,
    /// There are no renderers apart: it renders in its own process.
    Off,
}

impl FromStr for Isolation {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "required" => Ok(Self::Required),
            "preferred" => Ok(Self::Preferred),
            "off" => Ok(Self::Off),
            _ => Err("required, preferred or off"),
        }
    }
}

/// Who may read what lies in a folder store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilesMode {
    /// Only the user that the service runs as.
    Private,
    /// Whoever the process' umask lets.
    Umask,
}

impl FromStr for FilesMode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "private" => Ok(Self::Private),
            "umask" => Ok(Self::Umask),
            _ => Err("private or umask"),
        }
    }
}
