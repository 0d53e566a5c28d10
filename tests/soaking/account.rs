//! The reckoning: what was begun has come to its end, and nothing happened that must not.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use thumbmill_shared::settings::FilesMode;
use thumbmill_shared::storage::{S3Options, Storage};
use thumbmill_tests::cluster::variable;
use thumbmill_tests::servers::BUCKET;

use crate::bulk::Campaign;
use crate::colour::recognise;
use crate::keeper::Depth;
use crate::ledger::Violation;
use crate::logs::Logs;
use crate::operator::nothing_outstanding;
use crate::renders::{self, Renders};
use crate::world::World;

/// Objects that are read at a time.
const READS: usize = 8;
const LARGEST_BYTES: u64 = 64 << 20;

/// What came out.
#[derive(Debug)]
pub struct Account {
    /// How long it took until nothing was left to do.
    pub drained: Duration,
    /// The queues then.
    pub left: Vec<Depth>,
    /// Jobs in the logs of all processes.
    pub logs: Logs,
    /// Renders of variants.
    pub renders: Renders,
    /// Jobs that were confirmed and are neither done nor dead.
    pub unaccounted: usize,
    /// Bulk jobs and messages that are no jobs.
    pub campaign: Campaign,
    /// Stored variants that were read and are whole.
    pub whole: usize,
}

/// Waits until no job is left, with a deadline, and gives what is left then.
pub async fn drain(world: &World) -> Vec<Depth> {
    loop {
        let depths = world.keeper.depths(&world.fleet.namespace).await.unwrap();
        let kept = |depth: &Depth| depth.queue == "dead";
        let busy = |depth: &Depth| depth.unacked > 0 || (depth.ready > 0 && !kept(depth));
        if !depths.is_empty() && !depths.iter().any(busy) {
            return depths;
        }
        if world.must_be_drained() {
            world.violation(Violation::Lost, &format!("left in the queues: {depths:?}"));
            return depths;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Ends all processes and looks at everything that is left.
pub async fn settle(world: &World, stopped: Instant, campaign: Campaign) -> Account {
    let left = drain(world).await;
    let drained = stopped.elapsed();
    nothing_outstanding(world).await;
    for wrong in world.fleet.finish().await {
        world.violation(Violation::Process, &wrong);
    }
    let logs = world.fleet.logs();
    for panic in &logs.panics {
        world.violation(Violation::Process, panic);
    }
    let renders = renders::count(&world.fleet.puts(), &world.diary);
    for variant in &renders.unexplained {
        world.violation(Violation::RenderedAgain, variant);
    }
    let unaccounted = jobs(world, &logs, &campaign);
    let storage = storage(world).await;
    bulk(world, &logs, &campaign, &storage).await;
    let whole = stored(world, &storage, &renders).await;
    Account {
        drained,
        left,
        logs,
        renders,
        unaccounted,
        campaign,
        whole,
    }
}

/// Every job that was confirmed is done or dead; and so is every message that is no job.
fn jobs(world: &World, logs: &Logs, campaign: &Campaign) -> usize {
    let by_bulk = campaign
        .jobs
        .iter()
        .map(|job| &job.id)
        .chain(&campaign.no_jobs);
    let published: BTreeSet<&String> = logs.published.iter().chain(by_bulk).collect();
    let ended = |id: &&&String| logs.done.contains(**id) || logs.dead.contains(**id);
    let open: Vec<_> = published.iter().filter(|id| !ended(id)).collect();
    for id in &open {
        world.violation(
            Violation::Lost,
            &format!("job {id} is neither done nor dead"),
        );
    }
    for id in campaign
        .no_jobs
        .iter()
        .filter(|id| !logs.dead.contains(*id))
    {
        world.violation(Violation::Lost, &format!("{id}, no job, is no dead letter"));
    }
    open.len()
}

/// A bulk job that is done, and whose original is as it was, has its thumbnails in the store.
async fn bulk(world: &World, logs: &Logs, campaign: &Campaign, storage: &Storage) {
    for job in campaign
        .jobs
        .iter()
        .filter(|job| !logs.dead.contains(&job.id))
    {
        for object in job.missing(storage).await {
            world.violation(Violation::Lost, &format!("{object} of bulk job {}", job.id));
        }
    }
}

/// Reads every variant that was put and is still there: each is a whole picture.
async fn stored(world: &World, storage: &Storage, renders: &Renders) -> usize {
    let prefix = format!("/{BUCKET}/{}/", world.fleet.namespace);
    let objects = renders
        .paths
        .iter()
        .filter_map(|path| path.strip_prefix(&prefix));
    let whole = futures_util::stream::iter(objects.map(str::to_owned)).map(|object| async move {
        let found = storage.get(&object, None).await.unwrap()?;
        let bytes = found.bytes(LARGEST_BYTES).await.unwrap();
        if let Err(why) = recognise(&bytes) {
            world.violation(Violation::Corrupt, &format!("stored {object}: {why}"));
        }
        Some(object)
    });
    let whole: Vec<_> = whole.buffer_unordered(READS).collect().await;
    whole.into_iter().flatten().count()
}

async fn storage(world: &World) -> Storage {
    let location = format!("s3://{BUCKET}/{}", world.fleet.namespace);
    let options = S3Options {
        endpoint: Some(variable("THUMBMILL_TEST_S3")),
        connect_timeout: Duration::from_secs(1),
        attempt_timeout: Duration::from_secs(5),
        operation_timeout: Duration::from_secs(20),
    };
    Storage::open(&location.parse().unwrap(), &options, FilesMode::Private)
        .await
        .unwrap()
}
