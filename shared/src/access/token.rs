//! Tokens: secrets that give whoever sends them a role. The file of tokens holds only their
//! SHA-256.

use std::collections::HashMap;
use std::fmt::Write;
use std::str::FromStr;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Begins every token, so that scanners for secrets know it.
const PREFIX: &str = "thumbmill_";
/// Random bytes of a token: nobody guesses 256 bits, so a fast hash of them does.
const RANDOM_BYTES: usize = 32;
/// No longer text is looked up.
const LONGEST: usize = 256;

/// What a token lets its holder do; each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// See private files.
    Read,
    /// Upload, change and delete files.
    Write,
    /// See campaigns, metrics, and whatever else is for operators.
    Admin,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// Its name in the file of tokens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let known = Self::ALL.into_iter().find(|role| role.name() == text);
        known.ok_or("one of read, write, admin")
    }
}

/// What is known of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Whose it is, as logs call it.
    pub name: String,
    /// What it is good for.
    pub role: Role,
    /// Until when; `None`: until it is removed from the file.
    pub expires: Option<SystemTime>,
}

/// All tokens.
#[derive(Debug, Default)]
pub struct Tokens {
    /// By the first bytes of their hash; whoever learns from the time of a look-up which of these exist
    /// learns nothing of a token.
    by_hash: HashMap<[u8; 8], Vec<(Hash, Token)>>,
    count: usize,
}

type Hash = [u8; 32];

/// The file of tokens cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// It is not TOML, or says something else than tokens do.
    #[error("not a file of tokens: {0}")]
    Malformed(#[from] toml::de::Error),
    /// A hash is not one.
    #[error(
        "token \"{0}\": sha256 has to be 64 hexadecimal digits, as `thumbmill tokens new` writes them"
    )]
    NotAHash(String),
    /// A date is not one.
    #[error("token \"{0}\": expires has to be a moment in UTC such as 2027-01-31T00:00:00Z")]
    NotAMoment(String),
    /// Two tokens have one name.
    #[error("there are two tokens of the name \"{0}\": remove one")]
    Duplicate(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    role: Role,
    sha256: String,
    expires: Option<toml::value::Datetime>,
}

impl Tokens {
    /// Reads the text of a file: a table `[[token]]` for each, with `name`, `role`, `sha256` and
    /// perhaps `expires`.
    pub fn parse(text: &str) -> Result<Self, TokenFileError> {
        let file: File = toml::from_str(text)?;
        let mut tokens = Self::default();
        let mut names = std::collections::HashSet::new();
        for entry in file.token {
            if !names.insert(entry.name.clone()) {
                return Err(TokenFileError::Duplicate(entry.name));
            }
            let Some(hash) = hash_of_hex(&entry.sha256) else {
                return Err(TokenFileError::NotAHash(entry.name));
            };
            let expires = match entry.expires {
                None => None,
                Some(moment) => Some(
                    humantime::parse_rfc3339(&moment.to_string())
                        .map_err(|_| TokenFileError::NotAMoment(entry.name.clone()))?,
                ),
            };
            let (name, role) = (entry.name, entry.role);
            let token = Token {
                name,
                role,
                expires,
            };
            tokens.add(hash, token);
        }
        Ok(tokens)
    }

    fn add(&mut self, hash: Hash, token: Token) {
        let alike = self.by_hash.entry(first_bytes(&hash)).or_default();
        alike.push((hash, token));
        self.count += 1;
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The token that `text` is, if it is one and good at the moment `now`.
    pub fn find(&self, text: &str, now: SystemTime) -> Option<&Token> {
        if text.len() > LONGEST {
            return None;
        }
        let hash: Hash = Sha256::digest(text.as_bytes()).into();
        let alike = self.by_hash.get(&first_bytes(&hash))?;
        let found = alike.iter().find(|(known, _)| known.ct_eq(&hash).into());
        let (_, token) = found?;
        token
            .expires
            .is_none_or(|expires| now < expires)
            .then_some(token)
    }
}

/// Makes a token: its text, which nobody can find out later, and its table for the file.
pub fn new_token(token: &Token) -> (String, String) {
    let random: [u8; RANDOM_BYTES] = rand::random();
    let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
    let sha256 = crate::asset::hex(&Sha256::digest(text.as_bytes()));
    // A string of JSON is one of TOML.
    let name = serde_json::Value::from(token.name.as_str());
    let role = token.role.name();
    let mut table = format!("[[token]]\nname = {name}\nrole = \"{role}\"\nsha256 = \"{sha256}\"\n");
    if let Some(expires) = token.expires {
        let moment = humantime::format_rfc3339_seconds(expires);
        // Writing to a String cannot fail.
        let _ = writeln!(table, "expires = {moment}");
    }
    (text, table)
}

fn first_bytes(hash: &Hash) -> [u8; 8] {
    hash.first_chunk().copied().unwrap_or_default()
}

fn hash_of_hex(text: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn token(name: &str, role: Role, expires: Option<u64>) -> (String, String) {
        new_token(&Token {
            name: name.to_owned(),
            role,
            expires: expires.map(|unix| UNIX_EPOCH + Duration::from_secs(unix)),
        })
    }

    #[test]
    fn a_token_is_found_by_its_text_until_it_expires() {
        let (reader, first) = token("a \"reader\"", Role::Read, Some(2_000_000_000));
        let (admin, second) = token("operators", Role::Admin, None);
        let tokens = Tokens::parse(&format!("{first}\n{second}")).unwrap();
        assert_eq!(tokens.count(), 2);
        let at = |unix| UNIX_EPOCH + Duration::from_secs(unix);
        let found = tokens.find(&reader, at(1_999_999_999)).unwrap();
        assert_eq!((&*found.name, found.role), ("a \"reader\"", Role::Read));
        assert_eq!(tokens.find(&reader, at(2_000_000_000)), None);
        assert_eq!(
            tokens.find(&admin, at(3_000_000_000)).unwrap().role,
            Role::Admin
        );
        for stranger in [
            "",
            "x",
            &reader[1..],
            &admin.to_lowercase(),
            &"x".repeat(1 << 20),
        ] {
            assert_eq!(tokens.find(stranger, at(0)), None);
        }
    }

    #[test]
    fn the_file_holds_no_token() {
        let (text, table) = token("a", Role::Write, None);
        assert!(!table.contains(&text) && text.len() > 50, "{text} {table}");
    }

    #[test]
    fn a_file_that_is_wrong_says_where() {
        let good = token("a", Role::Read, None).1;
        for (file, says) in [
            ("token = 1", "not a file of tokens"),
            ("[[token]]\nname = \"a\"", "role"),
            (
                "[[token]]\nname = \"a\"\nrole = \"owner\"\nsha256 = \"\"",
                "owner",
            ),
            (
                "[[token]]\nname = \"a\"\nrole = \"read\"\nsha256 = \"00\"",
                "64 hexadecimal",
            ),
            (
                &format!("{good}expires = 2027-01-31"),
                "2027-01-31T00:00:00Z",
            ),
            (&format!("{good}{good}"), "two tokens of the name \"a\""),
            (&format!("{good}scope = \"x\""), "scope"),
        ] {
            let error = Tokens::parse(file).unwrap_err().to_string();
            assert!(error.contains(says), "{file}: {error}");
        }
        assert_eq!(Tokens::parse("").unwrap().count(), 0);
    }

    #[test]
    fn roles_stand_in_their_order() {
        assert!(Role::Read < Role::Write && Role::Write < Role::Admin);
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
    }
}
