//! What a campaign is called: part of keys in Redis and of queues' names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const LONGEST_NAME: usize = 64;

/// A campaign's name: 1 to 64 letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CampaignName(String);

/// The text is no name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a campaign's name is 1 to 64 letters, digits, `-`, `_` and `.`")]
pub struct NotACampaignName;

impl CampaignName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CampaignName {
    type Err = NotACampaignName;

    fn from_str(text: &str) -> Result<Self, NotACampaignName> {
        let fits = (1..=LONGEST_NAME).contains(&text.len());
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if fits && text.chars().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotACampaignName)
        }
    }
}

impl TryFrom<String> for CampaignName {
    type Error = NotACampaignName;

    fn try_from(text: String) -> Result<Self, NotACampaignName> {
        text.parse()
    }
}

impl From<CampaignName> for String {
    fn from(name: CampaignName) -> Self {
        name.0
    }
}

impl fmt::Display for CampaignName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
