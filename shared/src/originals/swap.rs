//! Changing a description while others change it, too.
//!
//! Why a description never names bytes that have been deleted:
//!
//! 1. Every upload's bytes have a name of their own, and lie in the store before a description
//!    names them.
//! 2. A description only changes by compare-and-swap, and contains a new random revision each
//!    time. So its states form one chain, in which none comes back; even a write that the
//!    store carries out late only succeeds in the state it was meant for.
//! 3. Bytes are deleted by two parties only. The one is whoever moved the chain from the state
//!    that named them to one that does not; and only its uploader ever brings a name into the
//!    chain, with this one change, so it does not come back. An amendment carries the name on,
//!    but then fails, since the state it was meant for has passed.
//! 4. The other is the uploader whose change has certainly not happened: the store refused it,
//!    and it was not tried twice. After an answer that is missing, the change counts as made
//!    if its revision is found; otherwise it stays in doubt and the bytes stay.
//! 5. A deletion is a change of the chain as well, to a state that says "deleted", before the
//!    bytes go. A racing replacement finds it and gives up; a racing creation swaps it for its
//!    own, and deletes the bytes that it named. The marker stays in S3, where nothing could
//!    remove it safely; a folder can remove it under its lock.
//!
//! Bytes of other tools, at `originals/<id>`, may vanish at any time; a description that names
//! them is only believed after a look at them.

use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::description::{Current, Description, State, description_object};
use super::{Originals, OriginalsError};
use crate::asset::AssetId;
use crate::storage::{Condition, Source, StorageError, Tag};

const ATTEMPTS: u32 = 20;
const LONGEST_FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// A write without an answer.
struct Doubt {
    /// The state it was meant for.
    before: Current,
    error: StorageError,
}

impl Originals {
    /// Changes the description to what `decide` makes of the current one; gives what it
    /// replaced. `decide` is asked again when somebody else was faster.
    pub(super) async fn swap(
        &self,
        id: AssetId,
        decide: impl Fn(&Current) -> Result<State, OriginalsError>,
    ) -> Result<Current, OriginalsError> {
        let mut doubt = None;
        let swapped = self.try_swap(id, decide, &mut doubt).await;
        match (swapped, doubt) {
            // Whatever came later: the write without an answer may have happened.
            (Err(_), Some(Doubt { error, .. })) => Err(error.into()),
            (swapped, _) => swapped,
        }
    }

    async fn try_swap(
        &self,
        id: AssetId,
        decide: impl Fn(&Current) -> Result<State, OriginalsError>,
        doubt: &mut Option<Doubt>,
    ) -> Result<Current, OriginalsError> {
        let revision = Uuid::new_v4();
        for attempt in 0..ATTEMPTS {
            pause(attempt).await;
            let current = self.current(id).await?;
            if let Some(Doubt { before, .. }) = doubt.as_ref() {
                if current.revision() == Some(revision) {
                    return Ok(before.clone());
                }
                if current.tag() != before.tag() {
                    break;
                }
            }
            let state = decide(&current)?;
            let description = Description { revision, state };
            match self.write(id, &description, current.tag()).await {
                Ok(()) => return Ok(current),
                Err(OriginalsError::Storage(StorageError::Conflict { .. })) => {}
                Err(OriginalsError::Storage(error @ StorageError::Unavailable { .. })) => {
                    let before = current;
                    *doubt = Some(Doubt { before, error });
                }
                Err(error) => return Err(error),
            }
        }
        Err(OriginalsError::Contended(id))
    }

    async fn write(
        &self,
        id: AssetId,
        description: &Description,
        expected: Option<&Tag>,
    ) -> Result<(), OriginalsError> {
        let object = description_object(id);
        let json = serde_json::to_vec(description).map_err(|source| OriginalsError::Damaged {
            object: object.clone(),
            source,
        })?;
        let condition = expected.map_or(Condition::IfAbsent, |tag| Condition::IfTag(tag.clone()));
        let source = Source::Bytes(Bytes::from(json));
        self.storage
            .put(&object, source, "application/json", condition)
            .await?;
        Ok(())
    }
}

impl Current {
    fn revision(&self) -> Option<Uuid> {
        self.described
            .as_ref()
            .map(|(description, _)| description.revision)
    }
}

/// Random and growing, so that those who met do not meet again.
async fn pause(attempt: u32) {
    if attempt > 0 {
        let longest = LONGEST_FIRST_PAUSE
            .saturating_mul(attempt)
            .min(LONGEST_PAUSE);
        tokio::time::sleep(longest.mul_f64(rand::random())).await;
    }
}
