//! What every task of the soak has: the processes, the originals, what was broken and what came
//! of it; and whether the load still goes on.

use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::sync::watch;

use crate::diary::Diary;
use crate::fleet::Fleet;
use crate::keeper::Keeper;
use crate::ledger::{Ledger, Violation};
use crate::plan::Plan;
use crate::strangers::Visits;
use crate::subjects::Subjects;

/// After the load everything that was begun may take so long: the longest pause before a job is
/// tried again is five minutes.
pub const DRAINS_WITHIN: Duration = Duration::from_mins(8);

/// The soak.
#[derive(Debug)]
pub struct World {
    /// What was asked for.
    pub plan: Plan,
    /// Apis and workers.
    pub fleet: Fleet,
    /// RabbitMQ's keeper.
    pub keeper: Keeper,
    /// Originals.
    pub subjects: Subjects,
    /// What came of requests.
    pub ledger: Ledger,
    /// What was broken.
    pub diary: Diary,
    /// What strangers did.
    pub visits: Visits,
    /// For all requests.
    pub client: reqwest::Client,
    loading: watch::Sender<bool>,
    drained_by: watch::Sender<Option<Instant>>,
}

impl World {
    /// Nothing has happened yet.
    pub fn new(plan: Plan, fleet: Fleet, keeper: Keeper) -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self {
            plan,
            fleet,
            keeper,
            subjects: Subjects::default(),
            ledger: Ledger::default(),
            diary: Diary::default(),
            visits: Visits::default(),
            client,
            loading: watch::Sender::new(true),
            drained_by: watch::Sender::new(None),
        }
    }

    /// Are there load and faults?
    pub fn loading(&self) -> bool {
        *self.loading.borrow()
    }

    /// Ends load and faults. What was begun is brought to its end.
    pub fn stop(&self) {
        self.drained_by
            .send_replace(Some(Instant::now() + DRAINS_WITHIN));
        self.loading.send_replace(false);
    }

    /// Has the time passed in which everything must have come to its end?
    pub fn must_be_drained(&self) -> bool {
        self.drained_by
            .borrow()
            .is_some_and(|by| by < Instant::now())
    }

    /// How much of that time is left; without end as long as there are load and faults.
    pub fn left(&self) -> Duration {
        let by = *self.drained_by.borrow();
        by.map_or(Duration::MAX, |by| {
            by.saturating_duration_since(Instant::now())
        })
    }

    /// Waits for so long, or until the load ends, and says whether it goes on.
    pub async fn pause(&self, pause: Duration) -> bool {
        let mut loading = self.loading.subscribe();
        // Whether it ended or the time is over, the answer is the same question's.
        let _ = tokio::time::timeout(pause, loading.wait_for(|loading| !loading)).await;
        self.loading()
    }

    /// The same for a time between two.
    pub async fn pause_between(&self, random: &mut StdRng, least_ms: u64, most_ms: u64) -> bool {
        let pause = random.random_range(least_ms..most_ms);
        self.pause(Duration::from_millis(pause)).await
    }

    /// Something happened that must not.
    pub fn violation(&self, violation: Violation, what: &str) {
        self.ledger.violation(violation, what);
    }
}
