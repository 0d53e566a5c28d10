//! What a connection is doing, and until when it may: the pure part of its time limits.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long each part of a connection's life may last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// From the first byte of a request's head, or the connection's begin, to the head's end.
    pub(crate) header: Duration,
    /// Between an answer and the next request.
    pub(crate) idle: Duration,
    /// For which the other end may take none of an answer's bytes.
    pub(crate) write: Duration,
}

/// What has lasted too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    Header,
    Idle,
    Write,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// A head is expected, or has begun.
    Head,
    /// A request is being answered.
    Busy,
    /// The last request has been answered.
    Idle,
}

/// What a request has behind its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    None,
    Unread,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// Since when the other end has taken nothing.
    blocked: Option<Instant>,
    /// Has the present request a body that was not read to its end?
    unread: bool,
}

/// One connection's.
#[derive(Debug)]
pub(crate) struct Activity(Mutex<State>);

impl Activity {
    /// The connection begins.
    pub(crate) fn begin(now: Instant) -> Self {
        Self(Mutex::new(State {
            phase: Phase::Head,
            since: now,
            blocked: None,
            unread: false,
        }))
    }

    /// Bytes came in.
    pub(crate) fn read(&self, now: Instant) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            state.enter(Phase::Head, now);
        }
    }

    /// A head is complete.
    pub(crate) fn asked(&self, now: Instant, body: Body) {
        let mut state = self.state();
        state.enter(Phase::Busy, now);
        state.unread = body == Body::Unread;
    }

    /// The request's body was read to its end.
    pub(crate) fn body_ended(&self) {
        self.state().unread = false;
    }

    /// The answer was handed over whole.
    pub(crate) fn answered(&self, now: Instant) {
        self.state().enter(Phase::Idle, now);
    }

    /// The other end takes no more bytes for now.
    pub(crate) fn blocked(&self, now: Instant) {
        self.state().blocked.get_or_insert(now);
    }

    /// It took some.
    pub(crate) fn wrote(&self) {
        self.state().blocked = None;
    }

    /// Is there a request whose body was not read to its end?
    pub(crate) fn is_unread(&self) -> bool {
        self.state().unread
    }

    /// When what it is doing will have lasted too long; `None` while it is our turn.
    pub(crate) fn deadline(&self, timeouts: &Timeouts) -> Option<(Instant, Overdue)> {
        let state = self.state();
        let phase = match state.phase {
            Phase::Head => Some((state.since + timeouts.header, Overdue::Header)),
            Phase::Idle => Some((state.since + timeouts.idle, Overdue::Idle)),
            Phase::Busy => None,
        };
        let write = state
            .blocked
            .map(|since| (since + timeouts.write, Overdue::Write));
        phase.into_iter().chain(write).min_by_key(|(at, _)| *at)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enter(&mut self, phase: Phase, now: Instant) {
        self.phase = phase;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: Timeouts = Timeouts {
        header: Duration::from_secs(10),
        idle: Duration::from_mins(1),
        write: Duration::from_secs(30),
    };

    /// In how many seconds from `now` what is overdue.
    fn overdue(activity: &Activity, now: Instant) -> Option<(u64, Overdue)> {
        let (at, what) = activity.deadline(&TIMEOUTS)?;
        Some((at.duration_since(now).as_secs(), what))
    }

    #[test]
    fn every_phase_has_its_limit_but_ours() {
        let begin = Instant::now();
        let after = |seconds| begin + Duration::from_secs(seconds);
        let activity = Activity::begin(begin);
        assert_eq!(overdue(&activity, begin), Some((10, Overdue::Header)));
        // More of the same head gives no more time.
        activity.read(after(4));
        assert_eq!(overdue(&activity, after(4)), Some((6, Overdue::Header)));
        activity.asked(after(5), Body::Unread);
        assert_eq!(overdue(&activity, after(5)), None);
        assert!(activity.is_unread());
        activity.body_ended();
        activity.answered(after(6));
        assert!(!activity.is_unread());
        assert_eq!(overdue(&activity, after(6)), Some((60, Overdue::Idle)));
        activity.read(after(7));
        assert_eq!(overdue(&activity, after(7)), Some((10, Overdue::Header)));
    }

    #[test]
    fn a_reader_that_takes_nothing_is_overdue_and_one_that_takes_some_is_not() {
        let begin = Instant::now();
        let later = begin + Duration::from_secs(29);
        let activity = Activity::begin(begin);
        activity.asked(begin, Body::None);
        activity.blocked(begin);
        activity.blocked(later);
        assert_eq!(overdue(&activity, later), Some((1, Overdue::Write)));
        activity.wrote();
        activity.blocked(later);
        assert_eq!(overdue(&activity, later), Some((30, Overdue::Write)));
    }
}
