//! What is printed: a line now and then, and the table at the end.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::clients::CLIENTS;
use crate::diary::Fault;
use crate::ledger::Outcome;
use crate::operator::Campaigns;
use crate::renders::Why;
use crate::world::World;
use crate::{APIS, WORKERS};

const EVERY: Duration = Duration::from_secs(30);

/// Prints a line every 30 seconds until the load ends.
pub async fn progress(world: Arc<World>) {
    let began = Instant::now();
    while world.pause(EVERY).await {
        println!("{:4} s: {}", began.elapsed().as_secs(), line(&world));
    }
}

/// What has happened so far, in a line.
pub fn line(world: &World) -> String {
    let outcomes = world.ledger.outcomes();
    let answers: u64 = outcomes.iter().map(|(_, count)| count).sum();
    let shown = [Outcome::Hit, Outcome::Miss];
    let pictures: u64 = outcomes
        .iter()
        .filter(|(o, _)| shown.contains(o))
        .map(|(_, n)| n)
        .sum();
    let faults = world.diary.sums();
    let killed = faults
        .iter()
        .find(|(fault, ..)| *fault == Fault::WorkerKilled);
    let all: usize = faults.iter().map(|(_, count, _)| count).sum();
    let wrong: u64 = world
        .ledger
        .violations()
        .iter()
        .map(|(_, count)| count)
        .sum();
    format!(
        "{answers} answers, {pictures} pictures, {all} faults, {} workers killed, {wrong} violations",
        killed.map_or(0, |(_, count, _)| *count),
    )
}

/// The table. Says whether all is well.
pub fn table(world: &World, account: &Account, campaigns: &Campaigns) -> bool {
    let mut rows = Vec::new();
    let (minutes, seed) = (world.plan.load.as_secs_f64() / 60.0, world.plan.seed);
    let healthy = world.subjects.healthy();
    rows.push((
        "load",
        format!(
            "{minutes} minutes, seed {seed}; {CLIENTS} clients, {APIS} apis, {WORKERS} workers, \
             {healthy} originals and 3 broken ones"
        ),
    ));
    let outcomes = world.ledger.outcomes();
    let answers: u64 = outcomes.iter().map(|(_, count)| count).sum();
    let each = outcomes
        .iter()
        .map(|(outcome, count)| format!("{}: {count}", outcome.name()));
    rows.push((
        "requests",
        format!("{answers} = {}", each.collect::<Vec<_>>().join(" + ")),
    ));
    rows.extend(faults(world));
    rows.push(("strangers", world.visits.text()));
    rows.extend(jobs(account));
    rows.push((
        "campaigns",
        format!(
            "{} to their end by {} commands, {} of them killed; {} thumbnails made, {} of broken or changed originals not",
            campaigns.ended, campaigns.commands, campaigns.killed, campaigns.done, campaigns.failed
        ),
    ));
    rows.push(("renders of a variant", renders(account)));
    let (old, oldest) = world.ledger.unheard_of();
    rows.push((
        "old version shown",
        format!(
            "{old} times by an api that had not heard of the change, at most {:.1} s after it",
            oldest.as_secs_f64()
        ),
    ));
    rows.push((
        "time",
        format!(
            "at most {:.1} s over a request's own wait; all drained {:.0} s after the last fault",
            world.ledger.longest_over().as_secs_f64(),
            account.drained.as_secs_f64()
        ),
    ));
    let violations = world.ledger.violations();
    let each = violations
        .iter()
        .map(|(kind, count)| format!("{}: {count}", kind.name()));
    rows.push(("**must be 0**", each.collect::<Vec<_>>().join(", ")));
    println!("\n| soak | |\n| --- | --- |");
    for (name, value) in rows {
        println!("| {name} | {value} |");
    }
    violations.iter().all(|(_, count)| *count == 0)
}

/// One row for each kind of victim.
fn faults(world: &World) -> Vec<(&'static str, String)> {
    let sums = world.diary.sums();
    let row = |name: &'static str, of: &dyn Fn(Fault) -> bool| {
        let mut text = String::new();
        for (fault, count, time) in sums.iter().filter(|(fault, ..)| of(*fault)) {
            let separator = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{separator}{} {count}", fault.name());
            if fault.server().is_some() && time.as_secs() > 0 {
                let _ = write!(text, " ({} s)", time.as_secs());
            }
        }
        (name, text)
    };
    vec![
        row("faults", &|fault| fault.server().is_none()),
        row("faults of servers", &|fault| fault.server().is_some()),
    ]
}

fn jobs(account: &Account) -> Vec<(&'static str, String)> {
    let (logs, campaign) = (&account.logs, &account.campaign);
    let dead_only = logs.dead.difference(&logs.done).count();
    let left: Vec<_> = account
        .left
        .iter()
        .filter(|depth| depth.queue != "dead")
        .collect();
    let ready: u64 = left.iter().map(|depth| depth.ready).sum();
    let unacked: u64 = account.left.iter().map(|depth| depth.unacked).sum();
    let mut why = BTreeMap::<&str, usize>::new();
    for (id, reason) in &logs.put_aside {
        // Some were done by another delivery all the same.
        *why.entry(reason).or_default() += usize::from(!logs.done.contains(id));
    }
    let why = why.iter().filter(|(_, count)| **count > 0);
    let why: Vec<_> = why
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    vec![
        (
            "dead jobs",
            if why.is_empty() {
                "none".to_owned()
            } else {
                why.join(", ")
            },
        ),
        (
            "jobs",
            format!(
                "{} of clients confirmed, {} bulk, {} that are none; {} done, {dead_only} dead, \
                 {} neither; {} retries",
                logs.published.len(),
                campaign.jobs.len(),
                campaign.no_jobs.len(),
                logs.done.len(),
                account.unaccounted,
                logs.retries
            ),
        ),
        (
            "left in queues",
            format!("{ready} ready, {unacked} unacknowledged"),
        ),
    ]
}

fn renders(account: &Account) -> String {
    let renders = &account.renders;
    let why = |why| renders.why.get(&why).copied().unwrap_or_default();
    format!(
        "{} variants, {} of them more than once, at most {} times (its put not answered {}, its worker \
         killed {}, Redis broken {}, RabbitMQ broken {}, its job twice with a killed worker {}, unexplained {}); {} read back, all whole",
        renders.variants,
        renders.repeated,
        renders.most,
        why(Why::NotStored),
        why(Why::WorkerKilled),
        why(Why::Redis),
        why(Why::RabbitMq),
        why(Why::CameTwice),
        why(Why::Nothing),
        account.whole
    )
}
