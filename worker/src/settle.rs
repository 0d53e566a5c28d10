//! What becomes of a job: pure decisions.

use thumbmill_shared::outcome::{Failure, Reason};
use thumbmill_shared::queue::{Delay, Settle, Source};

/// How a job came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JobEnd {
    /// Every variant has its outcome; of each request, in their order, why it failed, if it did.
    Done(Vec<Option<Failure>>),
    /// Those that have none yet are another worker's: the job looks after them later.
    Held,
    /// It has had its turn, in which something was made. Those that have none yet were not begun: they are
    /// made in another.
    Unfinished,
    /// A server was away: the job waits for its end, however long that takes.
    Outage(String),
    /// Something that may pass was in the way: try again.
    Transient(String),
    /// The renderer died of it, or hung.
    Crashed(String),
    /// The job itself is wrong; it would never come out otherwise.
    Invalid(String),
}

/// How often a job has been begun, this time included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tried {
    /// Attempts that may have failed by the job's fault, from 1.
    pub(crate) counted: u32,
    /// Attempts before this one in which something was away.
    pub(crate) outages: u32,
}

/// What the queue is told after an attempt, when `attempts` may count.
pub(crate) fn settle(end: &JobEnd, tried: Tried, attempts: u32) -> Settle {
    let attempt = tried.counted;
    match end {
        JobEnd::Done(_) => Settle::Done,
        JobEnd::Held | JobEnd::Unfinished => Settle::Defer(Delay::Short),
        JobEnd::Outage(_) => Settle::Postpone(match tried.outages {
            0 => Delay::Short,
            _ => Delay::Middle,
        }),
        JobEnd::Transient(_) | JobEnd::Crashed(_) if attempt < attempts => {
            Settle::Retry(Delay::after(attempt))
        }
        JobEnd::Transient(why) | JobEnd::Crashed(why) => {
            Settle::Dead(format!("gave up after attempt {attempt}: {why}"))
        }
        JobEnd::Invalid(why) => Settle::Dead(why.clone()),
    }
}

/// What those are told who wait for a job that is put aside: that it was not begun again, or
/// how it came out.
pub(crate) fn failure(end: Option<&JobEnd>) -> Failure {
    let (reason, message) = match end {
        Some(JobEnd::Crashed(_)) => (
            Reason::RendererCrashed,
            "The original cannot be rendered: it breaks its renderer.",
        ),
        Some(
            JobEnd::Done(_)
            | JobEnd::Held
            | JobEnd::Unfinished
            | JobEnd::Outage(_)
            | JobEnd::Transient(_)
            | JobEnd::Invalid(_),
        )
        | None => (
            Reason::AttemptsExhausted,
            "The thumbnail could not be made; try again later.",
        ),
    };
    Failure {
        reason,
        message: message.to_owned(),
    }
}

/// Of each of a job's `requests`, why it failed, if it did, where the job is put aside for
/// `burial`; nothing if it has no end yet.
pub(crate) fn failures(
    settle: &Settle,
    end: Option<JobEnd>,
    burial: &Failure,
    requests: usize,
) -> Option<Vec<Option<Failure>>> {
    match (settle, end) {
        (Settle::Dead(_), _) => Some(vec![Some(burial.clone()); requests]),
        (_, Some(JobEnd::Done(failures))) => Some(failures),
        (
            _,
            None
            | Some(
                JobEnd::Held
                | JobEnd::Unfinished
                | JobEnd::Outage(_)
                | JobEnd::Transient(_)
                | JobEnd::Crashed(_)
                | JobEnd::Invalid(_),
            ),
        ) => None,
    }
}

/// The reason not to begin at all: too many workers have died of it.
pub(crate) fn too_often(source: Source, attempt: u32, attempts: u32) -> Option<String> {
    let came_back = attempt > attempts;
    match source {
        Source::Expired => Some(format!(
            "delivered {attempt} times without an answer from its workers"
        )),
        Source::Lane(_) if came_back => Some(format!("begun {} times without an end", attempt - 1)),
        Source::Lane(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use thumbmill_shared::queue::Lane;

    use super::*;

    #[test]
    fn a_job_is_tried_again_later_and_later_and_then_put_aside() {
        let transient = JobEnd::Transient("the store is away".to_owned());
        assert_eq!(
            settle(&transient, counted(1), 3),
            Settle::Retry(Delay::Short)
        );
        assert_eq!(
            settle(&transient, counted(2), 3),
            Settle::Retry(Delay::Middle)
        );
        let Settle::Dead(reason) = settle(&transient, counted(3), 3) else {
            panic!("tried for ever")
        };
        assert!(
            reason.contains("attempt 3") && reason.contains("the store is away"),
            "{reason}"
        );
    }

    fn counted(counted: u32) -> Tried {
        Tried {
            counted,
            outages: 0,
        }
    }

    /// After five attempts, some eleven minutes, an outage of the store made dead letters of
    /// all jobs that waited.
    #[test]
    fn a_job_outlives_any_outage() {
        let away = JobEnd::Outage("the store is away".to_owned());
        for end in [JobEnd::Held, JobEnd::Unfinished] {
            assert_eq!(settle(&end, counted(3), 3), Settle::Defer(Delay::Short));
        }
        for (outages, delay) in [(0, Delay::Short), (1, Delay::Middle), (9999, Delay::Middle)] {
            let tried = Tried {
                counted: 3,
                outages,
            };
            assert_eq!(settle(&away, tried, 3), Settle::Postpone(delay));
        }
    }

    #[test]
    fn a_picture_that_breaks_its_renderer_is_told_from_a_service_that_is_away() {
        let crashed = JobEnd::Crashed("the renderer ended with signal: 6".to_owned());
        assert_eq!(settle(&crashed, counted(1), 2), Settle::Retry(Delay::Short));
        assert!(
            matches!(settle(&crashed, counted(2), 2), Settle::Dead(why) if why.contains("signal: 6"))
        );
        assert_eq!(failure(Some(&crashed)).reason, Reason::RendererCrashed);
        let away = JobEnd::Transient("the store is away".to_owned());
        assert_eq!(failure(Some(&away)).reason, Reason::AttemptsExhausted);
        assert_eq!(failure(None).reason, Reason::AttemptsExhausted);
    }

    /// The ledger hears of a job once, when it is over.
    #[test]
    fn only_a_job_that_is_over_has_failures_to_be_written() {
        let burial = failure(None);
        let mixed = vec![None, Some(burial.clone())];
        let over = |settle, end| failures(&settle, end, &burial, 2);
        let done = Some(JobEnd::Done(mixed.clone()));
        assert_eq!(over(Settle::Done, done), Some(mixed));
        let all = Some(vec![Some(burial.clone()); 2]);
        let dead = || Settle::Dead(String::new());
        for end in [None, Some(JobEnd::Crashed(String::new()))] {
            assert_eq!(over(dead(), end), all);
        }
        let held = Some(JobEnd::Held);
        assert_eq!(over(Settle::Defer(Delay::Short), held), None);
        let crashed = Some(JobEnd::Crashed(String::new()));
        assert_eq!(over(Settle::Retry(Delay::Short), crashed), None);
        let away = Some(JobEnd::Outage(String::new()));
        assert_eq!(over(Settle::Postpone(Delay::Middle), away), None);
    }

    #[test]
    fn an_answered_job_is_over_and_a_wrong_one_is_not_tried_again() {
        assert_eq!(
            settle(&JobEnd::Done(Vec::new()), counted(99), 3),
            Settle::Done
        );
        assert_eq!(
            settle(&JobEnd::Invalid("no such preset".to_owned()), counted(1), 3),
            Settle::Dead("no such preset".to_owned())
        );
    }

    #[test]
    fn a_job_that_kills_its_workers_is_not_begun_again() {
        let lane = Source::Lane(Lane::Interactive);
        assert_eq!(too_often(lane, 3, 3), None);
        assert!(too_often(lane, 4, 3).is_some_and(|reason| reason.contains("3 times")));
        assert!(too_often(Source::Expired, 11, 99).is_some());
    }
}
