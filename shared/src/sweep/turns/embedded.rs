//! Turns in this process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::{Duration, Instant};

use super::{LEASE_FOR, PAUSE, Standing, Turn};
use crate::sweep::Sum;

/// When this process has swept, and what it has written since.
#[derive(Debug, Default)]
pub(crate) struct Embedded(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What was left, and until when that counts.
    last: Option<(Sum, Instant)>,
    written_bytes: u64,
    /// Until when nobody begins another sweep.
    held: Option<Instant>,
}

impl Embedded {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn next(&self, written_bytes: u64, most_bytes: Option<u64>) -> Standing {
        let mut state = self.state();
        let now = Instant::now();
        state.written_bytes = state.written_bytes.saturating_add(written_bytes);
        let written_bytes = state.written_bytes;
        let last = state.last.filter(|(_, end)| *end > now).map(|(sum, _)| sum);
        let may_lie = |last: Sum| last.bytes.saturating_add(written_bytes);
        let due = last.is_none_or(|last| most_bytes.is_some_and(|most| may_lie(last) > most));
        let turn = if due && state.held.is_none_or(|end| end <= now) {
            state.held = Some(now + LEASE_FOR);
            Turn::Sweep { written_bytes }
        } else {
            Turn::Wait
        };
        Standing { turn, last }
    }

    pub(super) fn keep(&self) {
        self.state().held = Some(Instant::now() + LEASE_FOR);
    }

    pub(super) fn swept(&self, kept: Sum, written_bytes: u64, every: Duration) {
        let mut state = self.state();
        let now = Instant::now();
        // A time that is too far away for a clock never comes.
        state.last = now.checked_add(every).map(|end| (kept, end));
        state.written_bytes = state.written_bytes.saturating_sub(written_bytes);
        state.held = Some(now + PAUSE);
    }
}
