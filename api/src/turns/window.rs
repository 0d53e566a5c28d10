//! How many jobs the queue shall hold: as many as keep its workers busy, and hardly more. Jobs that
//! wait there show in the time that they take beside their render, as in TCP Vegas (Brakmo and
//! Peterson, 1995); the least of a round counts, as in `CoDel` (RFC 8289), so that a slow store or a retry
//! does not.

use std::time::Duration;

use super::Ended;

/// The size to begin with.
const FIRST: u32 = 32;
/// So many jobs are always let go.
const LEAST: u32 = 2;
/// More would hide from the queue what its own limits are for.
const MOST: u32 = 1000;
/// How long every job of a round may have waited in the queue.
const WAITED: Duration = Duration::from_millis(10);
/// The fewest jobs that say something.
const ROUND: u32 = 8;

/// A number of jobs that follows what they meet.
#[derive(Debug)]
pub(super) struct Window {
    size: u32,
    /// What a job takes beside its render and the queue, as far as is known.
    usual: Option<Duration>,
    /// The least of this round.
    least: Option<Duration>,
    counted: u32,
    /// Was it as full as it may be, all the round?
    full: bool,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            size: FIRST,
            usual: None,
            least: None,
            counted: 0,
            full: true,
        }
    }
}

impl Window {
    pub(super) fn size(&self) -> u32 {
        self.size
    }

    /// A job has ended; as many were on the way as may be, or not.
    pub(super) fn note(&mut self, ended: Ended, full: bool) {
        match ended {
            Ended::Unknown => {}
            // Nobody works, or nobody hears of it.
            Ended::Late => {
                self.size = LEAST;
                self.begin();
            }
            Ended::Done { beside, .. } => {
                self.least = Some(self.least.map_or(beside, |least| least.min(beside)));
                self.counted += 1;
                self.full &= full;
                if self.counted >= self.size.max(ROUND) {
                    self.end();
                }
            }
        }
    }

    fn end(&mut self) {
        if let Some(least) = self.least {
            let usual = self.usual.map_or(least, |usual| least.min(usual));
            let late = least > usual + WAITED;
            // Hardly any of so few jobs wait for each other: the store has become slow, or others use
            // the queue.
            let alone = late && self.size == LEAST;
            self.usual = Some(if alone { least } else { usual });
            if late {
                self.size = (self.size - self.size.div_ceil(8)).max(LEAST);
            } else if self.full {
                self.size = (self.size + self.size.div_ceil(8)).min(MOST);
            }
        }
        self.begin();
    }

    fn begin(&mut self) {
        (self.least, self.counted, self.full) = (None, 0, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(beside: Duration) -> Ended {
        Ended::Done {
            beside,
            awaited: true,
        }
    }

    /// Workers that take `render` for a job and the store `beside` it, always as full as may be.
    fn settle(window: &mut Window, workers: u32, render: Duration, beside: Duration) -> u32 {
        for _ in 0..20_000 {
            let waiting = window.size().saturating_sub(workers);
            let waited = render * waiting / workers;
            window.note(done(beside + waited), true);
        }
        window.size()
    }

    #[test]
    fn it_keeps_all_workers_busy_and_hardly_more() {
        let (render, beside) = (Duration::from_millis(10), Duration::from_millis(8));
        for workers in [1, 2, 8, 64, 500] {
            let mut window = Window::default();
            // The first jobs found the queue empty.
            for _ in 0..ROUND {
                window.note(done(beside), false);
            }
            for _ in 0..3 {
                let size = settle(&mut window, workers, render, beside);
                assert!(size >= workers, "{workers} workers: {size}");
                assert!(size <= workers * 4 + 4, "{workers} workers: {size}");
            }
        }
    }

    #[test]
    fn a_store_that_becomes_slow_does_not_close_it_for_good() {
        let render = Duration::from_millis(10);
        let mut window = Window::default();
        settle(&mut window, 8, render, Duration::from_millis(8));
        let size = settle(&mut window, 8, render, Duration::from_millis(200));
        assert!(size >= 8, "{size}");
    }

    #[test]
    fn while_nobody_works_hardly_anything_is_put_on_the_queue() {
        let mut window = Window::default();
        window.note(Ended::Late, true);
        assert_eq!(window.size(), LEAST);
        // What does not fill it does not make it grow.
        for _ in 0..1000 {
            window.note(done(Duration::ZERO), false);
        }
        assert_eq!(window.size(), LEAST);
    }
}
