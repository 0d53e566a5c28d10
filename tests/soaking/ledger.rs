//! What came of requests, and everything that must never come of one.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

/// How a request for a thumbnail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// 200 from the store.
    Hit,
    /// 200 with a thumbnail that was made for it.
    Miss,
    /// 202: asked for asynchronously.
    Accepted,
    /// 400 or 404, where that is the truth.
    Refused,
    /// 422 for an original that is broken.
    Unrenderable,
    /// 429 with `Retry-After`.
    TooMany,
    /// 502, 503 or 504 with `Retry-After`.
    Later,
    /// The body was broken off, so that the client knew, while S3 was broken or by a killed api.
    CutOff,
    /// No answer: the api was killed.
    Gone,
}

impl Outcome {
    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hit => "200 hit",
            Self::Miss => "200 miss",
            Self::Accepted => "202",
            Self::Refused => "400, 404 (expected)",
            Self::Unrenderable => "422 (broken originals)",
            Self::TooMany => "429, Retry-After",
            Self::Later => "502, 503, 504, Retry-After",
            Self::CutOff => "body cut off by a fault, seen",
            Self::Gone => "connection lost with a killed api",
        }
    }
}

/// What must not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// A thumbnail or a job that never came, or an original that is there and was not found.
    Lost,
    /// A 200 that is no picture, of another size, or of a colour that was never there.
    Corrupt,
    /// The old picture after the new one was confirmed.
    Stale,
    /// A request that took longer than its wait and the store's time limits.
    Stuck,
    /// 429, 502, 503 or 504 without `Retry-After`.
    NoRetryAfter,
    /// 500.
    InternalError,
    /// Any other answer that is not the truth.
    Unexpected,
    /// A variant rendered again without a fault that explains it.
    RenderedAgain,
    /// A process that panicked, or did not end as it should.
    Process,
}

impl Violation {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Lost,
        Self::Corrupt,
        Self::Stale,
        Self::Stuck,
        Self::NoRetryAfter,
        Self::InternalError,
        Self::Unexpected,
        Self::RenderedAgain,
        Self::Process,
    ];

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Corrupt => "corrupt",
            Self::Stale => "stale",
            Self::Stuck => "stuck",
            Self::NoRetryAfter => "5xx without Retry-After",
            Self::InternalError => "500",
            Self::Unexpected => "unexpected answers",
            Self::RenderedAgain => "renders twice, unexplained",
            Self::Process => "panics, bad ends",
        }
    }
}

#[derive(Debug, Default)]
struct Sums {
    outcomes: BTreeMap<Outcome, u64>,
    violations: BTreeMap<Violation, u64>,
    /// Old pictures within the time in which a change may not be heard of, and the oldest.
    unheard: (u64, Duration),
    /// The longest time over a request's own wait.
    longest_over: Duration,
}

/// The sums; violations are printed as they come.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Sums>);

/// So many violations of a kind are printed.
const PRINTED: u64 = 10;

impl Ledger {
    /// A request ended; it took so much longer than it would have waited.
    pub fn count(&self, outcome: Outcome, over: Duration) {
        let mut sums = self.0.lock().unwrap();
        *sums.outcomes.entry(outcome).or_default() += 1;
        sums.longest_over = sums.longest_over.max(over);
    }

    /// Something happened that must not.
    pub fn violation(&self, violation: Violation, what: &str) {
        let mut sums = self.0.lock().unwrap();
        let count = sums.violations.entry(violation).or_default();
        *count += 1;
        if *count <= PRINTED {
            println!("VIOLATION, {}: {what}", violation.name());
        }
    }

    /// An old picture, where the change could not be announced.
    pub fn unheard(&self, age: Duration) {
        let mut sums = self.0.lock().unwrap();
        sums.unheard = (sums.unheard.0 + 1, sums.unheard.1.max(age));
    }

    /// How often a request ended so.
    pub fn outcomes(&self) -> Vec<(Outcome, u64)> {
        let sums = self.0.lock().unwrap();
        sums.outcomes.iter().map(|(&o, &n)| (o, n)).collect()
    }

    /// How often each happened that must not.
    pub fn violations(&self) -> Vec<(Violation, u64)> {
        let sums = self.0.lock().unwrap();
        let count = |kind: &Violation| sums.violations.get(kind).copied().unwrap_or_default();
        Violation::ALL
            .iter()
            .map(|kind| (*kind, count(kind)))
            .collect()
    }

    /// Old pictures where a change could not be announced: how many, and the oldest.
    pub fn unheard_of(&self) -> (u64, Duration) {
        self.0.lock().unwrap().unheard
    }

    /// The longest that a request took over its own wait.
    pub fn longest_over(&self) -> Duration {
        self.0.lock().unwrap().longest_over
    }
}
