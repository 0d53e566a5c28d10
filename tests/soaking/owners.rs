//! Those who upload, replace and delete originals, each some of them, so that it is known in
//! which order that happens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;
use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Response};
use thumbmill_tests::cluster::header;
use thumbmill_tests::pictures::damage::{png_bomb, truncated};

use crate::ask::{Patience, ask};
use crate::clients::wish;
use crate::colour::{Encoded, picture};
use crate::diary::Fault;
use crate::fleet::Instance;
use crate::ledger::Violation;
use crate::subjects::{Content, End, Kind, Subject};
use crate::world::World;

/// Owners; each has every second original.
pub const OWNERS: usize = 2;
/// How the healthy originals are stored, and their sides.
const LOOKS: [(Encoded, u32, u32); 12] = [
    (Encoded::Jpeg, 640, 480),
    (Encoded::Jpeg, 800, 600),
    (Encoded::Jpeg, 1600, 1200),
    (Encoded::Png, 500, 400),
    (Encoded::Webp, 500, 400),
    (Encoded::Jpeg, 900, 1200),
    (Encoded::Jpeg, 2400, 1800),
    (Encoded::Jpeg, 640, 640),
    (Encoded::Jpeg, 1024, 768),
    (Encoded::Png, 900, 700),
    (Encoded::Jpeg, 3000, 2000),
    (Encoded::Jpeg, 720, 500),
];

/// What an api said to a change.
enum Said {
    /// It is done; the version of the bytes, where there are any.
    Done(String),
    /// There is no such original.
    Missing,
    /// It has not happened.
    No,
    /// Nobody knows.
    Nothing,
}

/// Uploads the first originals, healthy ones and broken ones.
pub async fn upload_all(world: &World) {
    let mut random = world.plan.random("uploads", 0);
    for look in LOOKS {
        let subject = upload(world, look, &mut random).await;
        world
            .subjects
            .add(subject.expect("an upload before there are faults"));
    }
    let look = LOOKS[2];
    let whole = picture(0, look.1, look.2, Encoded::Jpeg);
    let noise = [&whole[..600], &[0x5a; 4000]].concat();
    let broken = [
        (422, truncated(&whole, 60)),
        (422, noise),
        (400, png_bomb(30_000, 30_000)),
    ];
    for (status, bytes) in broken {
        let (said, api) = post(world, bytes, &mut random).await;
        let (id, version) = said.expect("an upload before there are faults");
        let confirmed = End::Confirmed(Instant::now(), api, version);
        world
            .subjects
            .add(Subject::new(&id, Kind::Broken(status), look, confirmed));
    }
}

/// Changes its originals until the load ends.
pub async fn owner(world: Arc<World>, number: usize) {
    let mut random = world.plan.random("owner", number);
    while world.pause_between(&mut random, 500, 2000).await {
        let places = world.subjects.healthy() / OWNERS;
        let place = random.random_range(0..places) * OWNERS + number;
        let (deletes, in_the_middle) = (random.random_bool(0.2), random.random_bool(0.6));
        if in_the_middle {
            begin_renders(&world, place, &mut random).await;
        }
        let fault = if deletes {
            Fault::Deleted
        } else {
            Fault::Replaced
        };
        if in_the_middle {
            world.diary.happened(fault);
        }
        if deletes {
            succeed(&world, place, &mut random).await;
        } else {
            replace(&world, &world.subjects.at(place), &mut random).await;
        }
    }
}

/// Asks for new thumbnails, so that they are being made when the original changes.
async fn begin_renders(world: &World, place: usize, random: &mut StdRng) {
    for _ in 0..3 {
        let new = wish(world, random);
        let subject = world.subjects.at(place);
        let size = (random.random_range(30..420), random.random_range(30..320));
        let wish = crate::ask::Wish {
            subject,
            size,
            ..new
        };
        let api = world.fleet.any_api(random);
        ask(world, &wish, Patience::Async, api).await;
    }
}

async fn replace(world: &World, subject: &Subject, random: &mut StdRng) {
    let colour = subject.next_colour();
    let (encoded, width, height) = subject.look;
    let bytes = picture(colour, width, height, encoded);
    let api = world.fleet.any_api(random);
    let change = subject.begun(Content::Colour(colour));
    let url = format!("{}/files/{}", api.url, subject.id);
    let request = world.client.patch(url).multipart(form(bytes));
    match say(world, request, &api).await {
        Said::Done(version) => {
            subject.ended(change, End::Confirmed(Instant::now(), api, version));
        }
        Said::No => subject.ended(change, End::Refused),
        Said::Nothing => {}
        Said::Missing => {
            world.violation(Violation::Lost, &format!("no original {}", subject.id));
        }
    }
}

/// Deletes an original, and uploads another for its place. Both are asked for until they are
/// done: a deletion without an answer may be half done.
async fn succeed(world: &World, place: usize, random: &mut StdRng) {
    let subject = world.subjects.at(place);
    let mut doubt = false;
    while !world.must_be_drained() {
        let api = world.fleet.any_api(random);
        let change = subject.begun(Content::Gone);
        let request = world
            .client
            .delete(format!("{}/files/{}", api.url, subject.id));
        match say(world, request, &api).await {
            Said::Done(_) => {}
            Said::Missing if doubt => {}
            Said::Missing => {
                return world.violation(Violation::Lost, &format!("no original {}", subject.id));
            }
            Said::No | Said::Nothing => {
                doubt = true;
                tokio::time::sleep(Duration::from_millis(500)).await;
                continue;
            }
        }
        subject.ended(change, End::Confirmed(Instant::now(), api, String::new()));
        break;
    }
    while !world.must_be_drained() {
        if let Some(new) = upload(world, subject.look, random).await {
            return world.subjects.succeed(place, new);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    world.violation(Violation::Lost, "an upload that never succeeded");
}

async fn upload(world: &World, look: (Encoded, u32, u32), random: &mut StdRng) -> Option<Subject> {
    let (encoded, width, height) = look;
    let bytes = picture(0, width, height, encoded);
    let (said, api) = post(world, bytes, random).await;
    let (id, version) = said?;
    let confirmed = End::Confirmed(Instant::now(), api, version);
    Some(Subject::new(&id, Kind::Healthy, look, confirmed))
}

/// Uploads bytes; gives id and version.
async fn post(
    world: &World,
    bytes: Vec<u8>,
    random: &mut StdRng,
) -> (Option<(String, String)>, Arc<Instance>) {
    let api = world.fleet.any_api(random);
    let request = world
        .client
        .post(format!("{}/files", api.url))
        .multipart(form(bytes));
    let said = match say(world, request, &api).await {
        Said::Done(both) => both
            .split_once(' ')
            .map(|(id, version)| (id.into(), version.into())),
        Said::Missing | Said::No | Said::Nothing => None,
    };
    (said, api)
}

fn form(bytes: Vec<u8>) -> Form {
    Form::new().part("file", Part::bytes(bytes).file_name("a.jpg"))
}

/// Sends a change, and judges the answer.
async fn say(world: &World, request: RequestBuilder, api: &Arc<Instance>) -> Said {
    match request.timeout(Duration::from_secs(90)).send().await {
        Ok(answer) => said(world, answer, api).await,
        Err(_) if api.has_ended() => Said::Nothing,
        Err(error) => {
            world.violation(Violation::Unexpected, &format!("no answer: {error:?}"));
            Said::Nothing
        }
    }
}

async fn said(world: &World, answer: Response, api: &Instance) -> Said {
    let (status, after) = (answer.status().as_u16(), header(&answer, "retry-after"));
    let posted = answer.url().path() == "/files";
    let Ok(body) = answer.bytes().await else {
        if !api.has_ended() {
            world.violation(Violation::Unexpected, "the answer to a change was cut off");
        }
        return Said::Nothing;
    };
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |name: &str| json["data"][name].as_str().unwrap_or_default().to_owned();
    match status {
        200 if posted => Said::Done(format!("{} {}", text("id"), text("version"))),
        200 | 204 => Said::Done(text("version")),
        404 => Said::Missing,
        429 | 502..=504 if after.is_empty() => {
            world.violation(Violation::NoRetryAfter, &format!("{status} to a change"));
            Said::Nothing
        }
        409 | 429 => Said::No,
        502..=504 => Said::Nothing,
        _ => {
            let kind = if status == 500 {
                Violation::InternalError
            } else {
                Violation::Unexpected
            };
            world.violation(kind, &format!("{status} to a change: {json}"));
            Said::Nothing
        }
    }
}
