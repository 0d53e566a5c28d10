//! The message on the queue: one original and the variants to make of it. Never pixels.
//! Anybody may publish one; what is wrong with it is said by [`JobError`].

use std::fmt;

use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::asset::{AssetId, OriginalVersion, hex};
use crate::campaigns::{CampaignName, MOST_JOBS};
use crate::encoding::Encoding;
use crate::shown::shown;
use crate::transform::VariantRequest;

mod schema;

/// The version of the message that this code writes, and the only one that it reads.
pub const JOB_VERSION: u32 = 1;

/// Renders variants of one original from one decode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenderJob {
    /// Always 1.
    #[schemars(extend("const" = JOB_VERSION))]
    pub version: u32,
    /// The original.
    pub asset: AssetId,
    /// The state of its bytes that was asked for; the current one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_version: Option<OriginalVersion>,
    /// What to make of it: at least one.
    #[schemars(length(min = 1))]
    pub variants: Vec<VariantRequest>,
    /// How they are encoded; as the worker's own settings say when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// The campaign that it counts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignName>,
    /// Its number within the campaign, from 0: a job with a number counts once, however often it is
    /// delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = MOST_JOBS))]
    pub number: Option<u32>,
    /// When the campaign was begun, as its ledger told the publisher. Should the ledger be lost and the
    /// campaign be begun anew, the job does not count in that, where others have its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_unix: Option<u64>,
    /// Whose slots, renderers and memory it gets, if not those of the lane that it waited on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}

/// Whose slots, renderers and memory a job gets on its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Those of jobs that a client waits for.
    Interactive,
    /// Those of jobs that nobody waits for. They give way to interactive jobs.
    Bulk,
}

impl Priority {
    /// Its name in arguments and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Bulk => "bulk",
        }
    }
}

/// Names a job by its content: the same job published twice has the same id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JobId(String);

impl JobId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Characters of the reason why JSON is no job: it is sent on with the message, and may quote it.
const WHY_CHARACTERS: usize = 400;

/// Why a message is not a job. Sent again it would be none either.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Not JSON, or a field is missing, unknown or out of range.
    #[error("the message is not a render job: {}", shown(&.0.to_string(), WHY_CHARACTERS))]
    Malformed(#[from] serde_json::Error),
    /// Written by a newer or a foreign publisher.
    #[error("the job has version {0}, this worker knows version {JOB_VERSION}")]
    UnknownVersion(u64),
    /// A ledger of so many would be too large.
    #[error("the job has number {0}, the largest is {MOST_JOBS}")]
    TooLargeNumber(u32),
    /// It asks for nothing.
    #[error("the job names no variants")]
    NoVariants,
    /// It asks for more than a worker does in one job.
    #[error(
        "the job names {named} variants, the limit is THUMBMILL_MAX_VARIANTS={most}: split it, or raise the limit"
    )]
    TooManyVariants {
        /// So many.
        named: usize,
        /// So many may be.
        most: u32,
    },
}

/// Most bytes of JSON for each variant that a job may have.
const MOST_VARIANT_BYTES: u64 = 16 << 10;

/// Most bytes of the message of a job that may have so many variants. A longer one is no job, and is not
/// parsed.
pub fn most_body_bytes(most_variants: u32) -> u64 {
    MOST_VARIANT_BYTES.saturating_mul(most_variants.into())
}

#[derive(Deserialize)]
struct VersionOnly {
    version: u64,
}

/// Counts without keeping anything: what a variant takes in memory is many times its JSON.
#[derive(Deserialize)]
struct VariantsOnly {
    #[serde(default)]
    variants: Vec<IgnoredAny>,
}

impl RenderJob {
    /// A job that says no more than it has to.
    pub fn new(asset: AssetId, variants: Vec<VariantRequest>) -> Self {
        Self {
            version: JOB_VERSION,
            asset,
            original_version: None,
            variants,
            encoding: None,
            campaign: None,
            number: None,
            begun_unix: None,
            priority: None,
        }
    }

    /// Reads a message's body of at most so many variants.
    pub fn parse(body: &[u8], most_variants: u32) -> Result<Self, JobError> {
        // The version first: the fields of another version are not this one's to judge.
        let VersionOnly { version } = serde_json::from_slice(body)?;
        if version != u64::from(JOB_VERSION) {
            return Err(JobError::UnknownVersion(version));
        }
        let VariantsOnly { variants } = serde_json::from_slice(body)?;
        let (named, most) = (variants.len(), most_variants);
        if named as u64 > u64::from(most) {
            return Err(JobError::TooManyVariants { named, most });
        }
        let job: Self = serde_json::from_slice(body)?;
        match job.number {
            Some(number) if number > MOST_JOBS => Err(JobError::TooLargeNumber(number)),
            _ if job.variants.is_empty() => Err(JobError::NoVariants),
            _ => Ok(job),
        }
    }

    /// The message's body.
    pub fn to_body(&self) -> Result<Vec<u8>, JobError> {
        Ok(serde_json::to_vec(self)?)
    }

    /// The id of the job with this body.
    pub fn id_of(body: &[u8]) -> JobId {
        let digest: [u8; 32] = Sha256::digest(body).into();
        JobId(hex(digest.get(..16).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u32 = 100;

    #[test]
    fn a_job_is_read_as_documented() {
        let body = br#"{"version":1,"asset":"3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f",
            "variants":[{"preset":"card"},{"fit":"inside","width":200,"format":"webp"}],
            "encoding":{"png_level":9},"campaign":"spring","number":7,"priority":"interactive"}"#;
        let job = RenderJob::parse(body, MOST).unwrap();
        assert_eq!(job.variants.len(), 2);
        assert_eq!(job.original_version, None);
        let again = job.to_body().unwrap();
        assert_eq!(RenderJob::parse(&again, MOST).unwrap(), job);
        assert_eq!(
            RenderJob::id_of(&again),
            RenderJob::id_of(&job.to_body().unwrap())
        );
    }

    // Sent on in a header, it would be larger than a frame, and so come back for ever.
    #[test]
    fn the_reason_is_short_however_long_the_message_is() {
        let name = "\\u0007n".repeat(1 << 18);
        let body = format!(r#"{{"version":1,"{name}":1}}"#);
        let error = RenderJob::parse(body.as_bytes(), MOST)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("the message is not a render job: unknown field `nn"));
        assert!(error.len() < 500, "{error}");
    }

    /// A job of 100 MB once took its worker to 2.9 GB.
    #[test]
    fn a_job_of_too_many_variants_names_the_limit_and_is_not_kept() {
        let asset = "3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f";
        let job = |count: usize| {
            let variants = vec!["{}"; count].join(",");
            format!(r#"{{"version":1,"asset":"{asset}","variants":[{variants}]}}"#)
        };
        assert!(RenderJob::parse(job(3).as_bytes(), 3).is_ok());
        let error = RenderJob::parse(job(4).as_bytes(), 3).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the job names 4 variants, the limit is THUMBMILL_MAX_VARIANTS=3: split it, or raise the limit"
        );
        assert_eq!(most_body_bytes(100), 1_638_400);
        assert_eq!(size_of::<IgnoredAny>(), 0);
    }

    #[test]
    fn a_message_that_is_no_job_says_what_is_wrong_with_it() {
        let table = [
            ("", "EOF"),
            ("{}", "missing field `version`"),
            (r#"{"version":2,"anything":[]}"#, "version 2"),
            (r#"{"version":1,"asset":"x","variants":[]}"#, "UUID"),
            (
                r#"{"version":1,"asset":"3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f","variants":[]}"#,
                "no variants",
            ),
            (
                r#"{"version":1,"asset":"3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f","variants":[{"witdh":1}]}"#,
                "witdh",
            ),
            (
                r#"{"version":1,"asset":"3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f","variants":[],"campaign":"a b"}"#,
                "a campaign's name is 1 to 64 letters",
            ),
            (
                r#"{"version":1,"asset":"3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f","variants":[{}],"number":4000000000}"#,
                "the job has number 4000000000",
            ),
            (
                r#"{"version":1,"asset":"3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f","variants":[{"fit":"fill"}]}"#,
                "fill",
            ),
        ];
        for (body, says) in table {
            let error = RenderJob::parse(body.as_bytes(), MOST)
                .unwrap_err()
                .to_string();
            assert!(error.contains(says), "{body}: {error}");
        }
    }
}
