//! What ends processes.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::time::Instant;

use crate::diary::Fault;
use crate::ledger::Violation;
use crate::world::World;

/// A worker is killed so often, in the mean: 30 times a minute, if its successors start as fast.
const WORKER_EVERY_MS: u64 = 2000;

/// Kills workers, at times that do not wait for how long their successors take to start.
pub async fn workers(world: Arc<World>) {
    let mut random = world.plan.random("workers", 0);
    let mut next = Instant::now();
    loop {
        next += Duration::from_millis(random.random_range(200..2 * WORKER_EVERY_MS - 200));
        let pause = next.saturating_duration_since(Instant::now());
        if !world.pause(pause).await {
            return;
        }
        if world.fleet.kill_a_worker(&mut random).await {
            world.diary.happened(Fault::WorkerKilled);
        }
    }
}

/// Kills processes that render.
pub async fn renderers(world: Arc<World>) {
    let mut random = world.plan.random("renderers", 0);
    while world.pause_between(&mut random, 500, 6000).await {
        if world.fleet.kill_a_renderer(&mut random) {
            world.diary.happened(Fault::RendererKilled);
        }
    }
}

/// Kills apis while clients wait.
pub async fn apis(world: Arc<World>) {
    let mut random = world.plan.random("apis", 0);
    while world.pause_between(&mut random, 8000, 25_000).await {
        if world.fleet.kill_an_api(&mut random).await {
            world.diary.happened(Fault::ApiKilled);
        }
    }
}

/// Asks all workers to end, one after the other, as an operator does who brings a new version.
pub async fn restarts(world: Arc<World>) {
    let mut random = world.plan.random("restarts", 0);
    while world.pause_between(&mut random, 15_000, 60_000).await {
        let begun = world.diary.begun(Fault::WorkersRestarted);
        for wrong in world.fleet.restart_workers().await {
            world.violation(Violation::Process, &wrong);
        }
        world.diary.ended(begun);
    }
}
