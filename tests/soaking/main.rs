//! `soak MINUTES [--seed N]`: the long form of the fault tests. Apis and workers on RabbitMQ, Redis
//! and S3 are under load while everything is broken at random; then all faults end, everything
//! must come to its end, and the books must balance. Started by `tests/soak`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::JoinSet;

mod account;
mod ask;
mod bulk;
mod clients;
mod colour;
mod diary;
mod faults;
mod fleet;
mod keeper;
mod kills;
mod ledger;
mod logs;
mod operator;
mod owners;
mod plan;
mod renders;
mod report;
mod strangers;
mod subjects;
mod world;

use world::World;

/// Processes that serve.
const APIS: usize = 2;
/// Processes that render.
const WORKERS: usize = 3;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let plan = plan::Plan::read(std::env::args().skip(1))?;
    println!(
        "soak: {} s of load, --seed {}",
        plan.load.as_secs(),
        plan.seed
    );
    let folder = tempfile::Builder::new()
        .prefix("thumbmill-soak-")
        .tempdir()?;
    let keeper = keeper::Keeper::start(folder.path()).await;
    let fleet = fleet::Fleet::start(APIS, WORKERS, &keeper.url).await;
    let world = Arc::new(World::new(plan, fleet, keeper));
    owners::upload_all(&world).await;
    let well = run(&world).await;
    println!("{}", if well { "soak: well" } else { "soak: NOT WELL" });
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Load and faults, then none, then the reckoning. Says whether all is well.
async fn run(world: &Arc<World>) -> bool {
    let bulk = tokio::spawn(bulk::publisher(Arc::clone(world), bulk::queue(world)));
    let operator = tokio::spawn(operator::operator(Arc::clone(world)));
    let (people, faults) = (people(world), faults(world));
    let progress = tokio::spawn(report::progress(Arc::clone(world)));
    world.pause(world.plan.load).await;
    world.stop();
    let stopped = Instant::now();
    // A task that panicked is a defect of the soak itself.
    progress.await.unwrap();
    faults.join_all().await;
    println!("the last fault is over: {}", report::line(world));
    let campaign = bulk.await.unwrap();
    let campaigns = operator.await.unwrap();
    people.join_all().await;
    println!("everybody has what was promised: {}", report::line(world));
    let account = account::settle(world, stopped, campaign).await;
    report::table(world, &account, &campaigns)
}

fn people(world: &Arc<World>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for number in 0..clients::CLIENTS {
        tasks.spawn(clients::client(Arc::clone(world), number));
    }
    for number in 0..owners::OWNERS {
        tasks.spawn(owners::owner(Arc::clone(world), number));
    }
    tasks
}

fn faults(world: &Arc<World>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(kills::workers(Arc::clone(world)));
    tasks.spawn(kills::renderers(Arc::clone(world)));
    tasks.spawn(kills::apis(Arc::clone(world)));
    tasks.spawn(kills::restarts(Arc::clone(world)));
    tasks.spawn(faults::rabbitmq(Arc::clone(world)));
    tasks.spawn(faults::redis(Arc::clone(world)));
    tasks.spawn(faults::s3(Arc::clone(world)));
    for number in 0..strangers::STRANGERS {
        tasks.spawn(strangers::stranger(Arc::clone(world), number));
    }
    tasks
}
