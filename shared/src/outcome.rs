//! How a variant and a job can end: what waiters are told and what the queue is told.
//! Knows no HTTP, no AMQP and no pixels.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How one variant ended, as told to everybody who waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It lies in the store.
    Ready(Ready),
    /// It does not, for this reason.
    Failed(Failure),
}

/// A variant that lies in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Its length.
    pub length_bytes: u64,
    /// How long the renderer worked on it; `None` when it was found in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub render_ms: Option<u64>,
    /// How long its job waited before a worker took it; `None` as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_ms: Option<u64>,
}

/// A variant that could not be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Failure {
    /// Whose fault it is and what can be done.
    pub reason: Reason,
    /// What is wrong, in words for the client.
    pub message: String,
}

/// Why a variant could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// There is no such original.
    OriginalMissing,
    /// The original has other bytes by now; asking again gives their variant.
    OriginalReplaced,
    /// The original is no picture that can be rendered.
    Unsupported,
    /// The original's bytes are damaged.
    Corrupt,
    /// The original ends too early.
    Truncated,
    /// The original or the result has more pixels than a limit allows.
    TooManyPixels,
    /// The original has more bytes, or decoding it takes more, than a limit allows.
    TooManyBytes,
    /// Rendering took longer than its limit.
    TooSlow,
    /// The renderer died of it, or hung, as often as is tried.
    RendererCrashed,
    /// A store, a queue or a worker failed more often than is tried again.
    AttemptsExhausted,
}

impl Reason {
    /// Every reason, for metrics and tests.
    pub const ALL: [Self; 10] = [
        Self::OriginalMissing,
        Self::OriginalReplaced,
        Self::Unsupported,
        Self::Corrupt,
        Self::Truncated,
        Self::TooManyPixels,
        Self::TooManyBytes,
        Self::TooSlow,
        Self::RendererCrashed,
        Self::AttemptsExhausted,
    ];

    /// Its name in metrics, logs and dead letters.
    pub fn name(self) -> &'static str {
        match self {
            Self::OriginalMissing => "original_missing",
            Self::OriginalReplaced => "original_replaced",
            Self::Unsupported => "unsupported",
            Self::Corrupt => "corrupt",
            Self::Truncated => "truncated",
            Self::TooManyPixels => "too_many_pixels",
            Self::TooManyBytes => "too_many_bytes",
            Self::TooSlow => "too_slow",
            Self::RendererCrashed => "renderer_crashed",
            Self::AttemptsExhausted => "attempts_exhausted",
        }
    }

    /// How long the failure is remembered, so that a picture that cannot be rendered is not
    /// tried at every request. Short where the cause may pass by itself. `None` where it says nothing of
    /// the variant, only of the moment: the same bytes may be the original's again in a second.
    pub fn remembered_for(self) -> Option<Duration> {
        let remembered = match self {
            Self::Unsupported
            | Self::Corrupt
            | Self::Truncated
            | Self::TooManyPixels
            | Self::TooManyBytes
            | Self::RendererCrashed => Duration::from_hours(1),
            Self::TooSlow => Duration::from_mins(1),
            Self::AttemptsExhausted => Duration::from_secs(30),
            Self::OriginalMissing | Self::OriginalReplaced => return None,
        };
        Some(remembered)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_one_name_everywhere() {
        for reason in Reason::ALL {
            let json = serde_json::to_value(reason).unwrap();
            assert_eq!(json, reason.name());
        }
    }
}
