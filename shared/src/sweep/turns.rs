//! Whose turn it is to sweep: one process at a time, now and then, and sooner when so much was
//! written that the store may have passed its bound. Kept where readiness is; all of it may vanish,
//! and then the next process that asks sweeps.

use std::time::Duration;

use super::{Bound, Sum};
use crate::readiness::{Readiness, ReadinessError};

mod embedded;
mod redis;

pub(crate) use embedded::Embedded;

/// How long others hold back for a process that sweeps and is not heard of.
const LEASE_FOR: Duration = Duration::from_mins(1);
/// How often a process that sweeps is to be heard of.
pub const KEEP_EVERY: Duration = Duration::from_secs(15);
/// The shortest time between two sweeps: a bound below what is written in that time must not keep
/// the store busy with lists.
const PAUSE: Duration = Duration::from_secs(10);

/// What a process is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Sweep now, and then say [`Turns::swept`]. Until this moment so many bytes were written: the
    /// sweep will find them.
    Sweep {
        /// By all processes, since the last sweep began.
        written_bytes: u64,
    },
    /// Nothing: no sweep is due, or another process has begun it.
    Wait,
}

/// How things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What this process is to do.
    pub turn: Turn,
    /// What the last sweep has left; `None` if it was too long ago.
    pub last: Option<Sum>,
}

/// The turns of all processes, as one of them sees them.
#[derive(Clone, Debug)]
pub struct Turns {
    readiness: Readiness,
    name: String,
    bound: Option<Bound>,
    every: Duration,
}

impl Turns {
    /// Those of the process `name`, which sweeps when its last sweep is `every` ago, and when more
    /// than `bound` may lie in the store.
    pub fn new(readiness: Readiness, name: &str, bound: Option<Bound>, every: Duration) -> Self {
        Self {
            readiness,
            name: name.to_owned(),
            bound,
            every,
        }
    }

    /// Says what this process has written since it asked before, and asks what it is to do.
    pub async fn next(&self, written_bytes: u64) -> Result<Standing, ReadinessError> {
        let most_bytes = self.bound.map(|bound| bound.most_bytes);
        match &self.readiness {
            Readiness::Embedded(embedded) => Ok(embedded.sweeps().next(written_bytes, most_bytes)),
            Readiness::Redis(redis) => {
                redis
                    .sweep_next(&self.name, written_bytes, most_bytes)
                    .await
            }
        }
    }

    /// Goes on sweeping.
    pub async fn keep(&self) -> Result<(), ReadinessError> {
        match &self.readiness {
            Readiness::Embedded(embedded) => {
                embedded.sweeps().keep();
                Ok(())
            }
            Readiness::Redis(redis) => redis.sweep_keep(&self.name).await,
        }
    }

    /// The sweep is done and has left `kept`; `written_bytes` are those of [`Turn::Sweep`].
    pub async fn swept(&self, kept: Sum, written_bytes: u64) -> Result<(), ReadinessError> {
        match &self.readiness {
            Readiness::Embedded(embedded) => {
                embedded.sweeps().swept(kept, written_bytes, self.every);
                Ok(())
            }
            Readiness::Redis(redis) => {
                redis
                    .sweep_done(&self.name, kept, written_bytes, self.every)
                    .await
            }
        }
    }
}
