//! An operator who pregenerates: `thumbmill pregenerate --all --wait`, given again whenever it ends
//! before all is made, and killed now and then. Each campaign must come to its end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::Value;

use crate::ledger::Violation;
use crate::world::World;

/// Widths that nobody else asks for: a campaign each. In a long soak they come again.
const WIDTHS: std::ops::Range<u32> = 421..499;
/// What may become of an original that is replaced or deleted meanwhile.
const CHANGED: [&str; 2] = ["original_missing", "original_replaced"];

/// What came of all campaigns.
#[derive(Debug, Default)]
pub struct Campaigns {
    /// That came to their end.
    pub ended: usize,
    /// Commands that were given for them, and those of them that were killed.
    pub commands: usize,
    /// Commands that were killed.
    pub killed: usize,
    /// Thumbnails that were made.
    pub done: u64,
    /// Thumbnails of broken, replaced and deleted originals.
    pub failed: u64,
}

/// Begins campaigns until the load ends, and one after it.
pub async fn operator(world: Arc<World>) -> Campaigns {
    let mut random = world.plan.random("operator", 0);
    let mut campaigns = Campaigns::default();
    for width in WIDTHS.cycle() {
        let last = !world.pause_between(&mut random, 3000, 20_000).await;
        if !campaign(&world, width, &mut random, &mut campaigns).await || last {
            break;
        }
    }
    campaigns
}

/// Gives the command again and again until all is made. Says whether it was.
async fn campaign(
    world: &World,
    width: u32,
    random: &mut StdRng,
    campaigns: &mut Campaigns,
) -> bool {
    let command = format!(
        "pregenerate --all --variant width={width} --campaign operator-{width} --wait --json"
    );
    while !world.must_be_drained() {
        let patience = if world.loading() && random.random_bool(0.3) {
            Duration::from_millis(random.random_range(300..6000))
        } else {
            world.left()
        };
        campaigns.commands += 1;
        let printed = tokio::time::timeout(patience, world.fleet.command(&command)).await;
        let Ok(printed) = printed else {
            campaigns.killed += 1;
            continue;
        };
        if let Some(ended) = said(&printed, "campaign").pop() {
            check(world, &command, &said(&printed, "failure"));
            campaigns.ended += 1;
            campaigns.done += ended["done"].as_u64().unwrap_or_default();
            campaigns.failed += ended["failed"].as_u64().unwrap_or_default();
            return true;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    world.violation(
        Violation::Lost,
        &format!("{command} did not come to its end"),
    );
    false
}

/// When nothing is left in the queues, no campaign waits for anything: what a command that was
/// killed had published has its end, too.
pub async fn nothing_outstanding(world: &World) {
    let listed = world.fleet.command("campaigns list --json").await;
    let campaigns = listed.lines().filter_map(|line| {
        let campaign: Value = serde_json::from_str(line).ok()?;
        Some(campaign).filter(|campaign| campaign["outstanding"] != 0)
    });
    for campaign in campaigns {
        world.violation(Violation::Lost, &format!("outstanding: {campaign}"));
    }
    if !listed.contains("operator-") {
        world.violation(Violation::Unexpected, &format!("campaigns: {listed}"));
    }
}

/// What failed is broken, replaced or deleted; and what is broken failed.
fn check(world: &World, command: &str, failures: &[Value]) {
    let mut broken: BTreeSet<String> = world.subjects.broken().into_iter().collect();
    let mut wrong = Vec::new();
    for failure in failures {
        let known = broken.remove(failure["asset"].as_str().unwrap_or_default());
        let reason = failure["variants"][0]["reason"].as_str();
        if !known && !reason.is_some_and(|reason| CHANGED.contains(&reason)) {
            wrong.push(failure.to_string());
        }
    }
    wrong.extend(
        broken
            .into_iter()
            .map(|id| format!("{id} is broken and did not fail")),
    );
    for wrong in wrong {
        world.violation(Violation::Lost, &format!("{command}: {wrong}"));
    }
}

/// Lines of JSON with this key.
fn said(printed: &str, key: &str) -> Vec<Value> {
    let lines = printed.lines().filter_map(|line| {
        let mut line: Value = serde_json::from_str(line).ok()?;
        line.get_mut(key).map(Value::take)
    });
    lines.collect()
}
