//! Those who want thumbnails. A client that is told to come again does so, in the end until it
//! has what it wanted: whatever it does not get then is lost.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;

use crate::ask::{Next, Patience, Wish, ask};
use crate::ledger::Violation;
use crate::world::World;

/// Clients at a time.
pub const CLIENTS: usize = 28;
/// What is asked for again and again, so that there are hits.
const POPULAR: [(u32, u32); 8] = [
    (64, 64),
    (120, 90),
    (160, 160),
    (200, 150),
    (200, 200),
    (320, 240),
    (400, 300),
    (640, 400),
];
const FORMATS: [&str; 5] = [
    "",
    "",
    "&format=webp",
    "&format=png",
    "&format=jpg&quality=60",
];

/// Asks for thumbnails until the load ends, and then for what it was promised.
pub async fn client(world: Arc<World>, number: usize) {
    let mut random = world.plan.random("client", number);
    let mut unfinished = VecDeque::<(Instant, Wish)>::new();
    while world.pause_between(&mut random, 40, 240).await {
        let due = unfinished
            .front()
            .is_some_and(|(at, _)| *at < Instant::now());
        let (again, api) = (random.random_bool(0.5), world.fleet.any_api(&mut random));
        let (new, patience) = (wish(&world, &mut random), patience(&mut random));
        let wish = match unfinished.pop_front_if(|_| due && again) {
            Some((_, wish)) => wish,
            None => new,
        };
        if let Next::Again(after) = ask(&world, &wish, patience, api).await {
            unfinished.push_back((Instant::now() + after, wish));
        }
    }
    for (_, wish) in unfinished {
        until_there(&world, &wish, &mut random).await;
    }
}

/// Asks until the answer is final.
pub async fn until_there(world: &World, wish: &Wish, random: &mut StdRng) {
    loop {
        let api = world.fleet.any_api(random);
        match ask(world, wish, Patience::Default, api).await {
            Next::Over => return,
            Next::Again(_) if world.must_be_drained() => {
                return world.violation(Violation::Lost, &wish.path());
            }
            Next::Again(after) => tokio::time::sleep(after.min(Duration::from_secs(2))).await,
        }
    }
}

/// What somebody may want: two times of three something new.
pub fn wish(world: &World, random: &mut StdRng) -> Wish {
    let popular = POPULAR[random.random_range(0..POPULAR.len())];
    let new = (random.random_range(30..420), random.random_range(30..320));
    let large = (
        random.random_range(700..1000),
        random.random_range(500..700),
    );
    let more = FORMATS[random.random_range(0..FORMATS.len())];
    let (size, more) = match random.random_range(0..100) {
        0..60 => (popular, ""),
        60..97 => (new, more),
        // More than 64 KiB: it is not announced with its bytes.
        _ => (large, "&format=png"),
    };
    Wish {
        subject: world.subjects.any(random),
        size,
        more,
    }
}

fn patience(random: &mut StdRng) -> Patience {
    match random.random_range(0..10) {
        0 => Patience::Async,
        1 => Patience::Seconds(1),
        2 => Patience::Seconds(20),
        _ => Patience::Default,
    }
}
