//! Readiness in Redis: what is kept of the one variant, and the Lua scripts that decide over it
//! (`shared/src/readiness/redis/scripts.rs`), each of them one indivisible step.

use crate::broker::Message;
use crate::mistake::Mistake;

/// How the variant ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It is said to be in the store.
    Ready,
    /// There will be none.
    Failed,
}

/// What stands in a lease: job and attempt, and which worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease {
    /// The job that it was taken for, and its attempt.
    pub message: Message,
    /// The worker's number; `None` when that process is gone, since its successor has another name.
    pub holder: Option<usize>,
}

/// The variant's three keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Keys {
    /// How it ended.
    pub state: Option<Outcome>,
    /// Is an api's job for it on its way? All apis write the same id: it is a hash of the job.
    pub pending: bool,
    /// Who renders it.
    pub lease: Option<Lease>,
}

/// What ENQUEUE answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueue {
    /// It has ended.
    Known(Outcome),
    /// Wait.
    Pending,
    /// Publish.
    Publish,
}

/// What CLAIM answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It has ended.
    Known,
    /// Another worker renders it.
    Held,
    /// Render it.
    Won,
}

impl Keys {
    /// ENQUEUE: what is known, or else the first who asks publishes.
    pub(crate) fn enqueue(&mut self) -> Enqueue {
        match self.state {
            Some(outcome) => Enqueue::Known(outcome),
            None if self.pending => Enqueue::Pending,
            None => {
                self.pending = true;
                Enqueue::Publish
            }
        }
    }

    /// CLAIM: a lease, unless it ended, or another worker has one that is not known to be gone.
    pub(crate) fn claim(&mut self, by: usize, message: Message, mistake: Option<Mistake>) -> Claim {
        let answer = self.may_claim(message, mistake);
        match answer {
            Claim::Known | Claim::Held => {}
            Claim::Won => {
                self.lease = Some(Lease {
                    message,
                    holder: Some(by),
                });
            }
        }
        answer
    }

    /// What CLAIM would answer.
    fn may_claim(&self, message: Message, mistake: Option<Mistake>) -> Claim {
        let again = message.came_back() && mistake != Some(Mistake::LeavesWhatComesAgain);
        let gone = |lease: Lease| {
            let newer = message.attempt > lease.message.attempt;
            lease.message.job == message.job && (again || newer)
        };
        let free = self.lease.is_none_or(gone) || mistake == Some(Mistake::IgnoresLeases);
        match self.state {
            Some(_) => Claim::Known,
            None if free => Claim::Won,
            None => Claim::Held,
        }
    }

    /// FINISH without its PUBLISH: what is announced. A failure replaces no outcome.
    pub(crate) fn finish(
        &mut self,
        by: usize,
        message: Message,
        outcome: Outcome,
        mistake: Option<Mistake>,
    ) -> Outcome {
        let said = match (outcome, self.state) {
            (Outcome::Failed, Some(known)) => known,
            (Outcome::Failed, None) | (Outcome::Ready, _) => outcome,
        };
        self.state = Some(said);
        self.pending &= mistake == Some(Mistake::KeepsPending) && said == Outcome::Failed;
        self.release(by, message);
        said
    }

    /// REMOVE of a lease: only the worker's own.
    pub(crate) fn release(&mut self, by: usize, message: Message) {
        let mine = |lease: Lease| {
            let same = (lease.message.job, lease.message.attempt) == (message.job, message.attempt);
            same && lease.holder == Some(by)
        };
        self.lease = self.lease.filter(|&lease| !mine(lease));
    }
}

/// How Redis can be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// It answers.
    #[default]
    There,
    /// The next script runs, but its answer is lost.
    Mute,
    /// No script runs.
    Away,
}

/// What a caller of a script learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<T> {
    /// It ran, and this is its answer.
    Given(T),
    /// It ran, and would have answered this; the caller sees an error.
    Lost(T),
    /// It did not run: an error.
    No,
}

impl<T: Copy> Answer<T> {
    /// What the caller knows.
    pub(crate) fn known(self) -> Option<T> {
        match self {
            Self::Given(answer) => Some(answer),
            Self::Lost(_) | Self::No => None,
        }
    }

    /// What happened in Redis.
    pub(crate) fn happened(self) -> Option<T> {
        match self {
            Self::Given(answer) | Self::Lost(answer) => Some(answer),
            Self::No => None,
        }
    }
}

/// Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Redis {
    /// What is kept.
    pub keys: Keys,
    /// Whether it answers.
    pub reach: Reach,
}

impl Redis {
    /// `Redis::run`: one script.
    pub(crate) fn run<T>(&mut self, script: impl FnOnce(&mut Keys) -> T) -> Answer<T> {
        match self.reach {
            Reach::There => Answer::Given(script(&mut self.keys)),
            Reach::Mute => {
                self.reach = Reach::There;
                Answer::Lost(script(&mut self.keys))
            }
            Reach::Away => Answer::No,
        }
    }

    /// Would a worker be told now that another one renders it?
    pub(crate) fn holds(&self, message: Message, mistake: Option<Mistake>) -> bool {
        self.reach == Reach::There && self.keys.may_claim(message, mistake) == Claim::Held
    }
}
