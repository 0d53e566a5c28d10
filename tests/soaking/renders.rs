//! How often each variant was rendered. A process that is killed takes its own counts with it, so
//! what workers put into the store is counted, on the way there. A second render has to be
//! explained by what had happened to the first one's worker or to a server.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::diary::{Diary, Server};
use crate::fleet::Puts;

/// A lease, and the time to begin anew: later nothing explains a second render but an answer
/// that never came.
const OVERLAP: Duration = Duration::from_secs(40);
/// A render, and the put itself.
const RENDER: Duration = Duration::from_secs(5);

/// Why a variant was rendered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The first put had no answer that says that it is there.
    NotStored,
    /// The first one's worker was killed.
    WorkerKilled,
    /// Redis could not tell who makes it.
    Redis,
    /// RabbitMQ delivered the job again while its worker lived.
    RabbitMq,
    /// A worker was killed that had the job twice: both came again, at the same time, and each
    /// took the other's worker for the one that was killed.
    CameTwice,
    /// Nothing explains it.
    Nothing,
}

/// The sums.
#[derive(Debug, Default)]
pub struct Renders {
    /// Variants that were put.
    pub variants: usize,
    /// The most renders of one.
    pub most: usize,
    /// Those that were rendered more than once.
    pub repeated: usize,
    /// Second and further renders by their reasons.
    pub why: BTreeMap<Why, usize>,
    /// Variants whose second render nothing explains.
    pub unexplained: Vec<String>,
    /// Everything that was put.
    pub paths: Vec<String>,
}

/// One render that was put.
#[derive(Clone, Copy, Debug)]
struct Render {
    place: usize,
    asked: Instant,
    stored: bool,
}

/// Counts what the workers of all places put.
pub fn count(places: &[Puts], diary: &Diary) -> Renders {
    let mut sums = Renders::default();
    for (path, renders) in by_variant(places) {
        sums.variants += 1;
        sums.most = sums.most.max(renders.len());
        sums.repeated += usize::from(renders.len() > 1);
        for pair in renders.windows(2) {
            let why = explain(pair[0], pair[1], places, diary);
            *sums.why.entry(why).or_default() += 1;
            if why == Why::Nothing {
                sums.unexplained
                    .push(format!("{path} {:?} apart", pair[1].asked - pair[0].asked));
            }
        }
        sums.paths.push(path);
    }
    sums
}

/// The renders of each variant, the first one first. The SDK may try a put several times: these
/// are one render.
fn by_variant(places: &[Puts]) -> BTreeMap<String, Vec<Render>> {
    let mut calls = BTreeMap::<(&str, &str), Render>::new();
    for (place, puts) in places.iter().enumerate() {
        for put in puts
            .puts
            .iter()
            .filter(|put| put.path.contains("/variants/"))
        {
            let stored = put.status == Some(200);
            let render = calls.entry((&put.path, &put.call)).or_insert(Render {
                place,
                asked: put.asked,
                stored,
            });
            render.stored |= stored;
        }
    }
    let mut variants = BTreeMap::<String, Vec<Render>>::new();
    for ((path, _), render) in calls {
        variants.entry(path.to_owned()).or_default().push(render);
    }
    for renders in variants.values_mut() {
        renders.sort_by_key(|render| render.asked);
    }
    variants
}

fn explain(first: Render, second: Render, places: &[Puts], diary: &Diary) -> Why {
    let from = first.asked.checked_sub(RENDER).unwrap_or(first.asked);
    let (to, apart) = (second.asked, second.asked - first.asked);
    let near = apart <= OVERLAP;
    let ended = |place: &Puts, from| place.ends.iter().any(|end| *end >= from && *end <= to);
    if !first.stored {
        Why::NotStored
    } else if near && ended(&places[first.place], first.asked) {
        Why::WorkerKilled
    } else if near && diary.hit(Server::Redis, from, to) {
        Why::Redis
    } else if near && diary.hit(Server::RabbitMq, from, to) {
        Why::RabbitMq
    } else if apart <= RENDER && places.iter().any(|place| ended(place, from)) {
        Why::CameTwice
    } else {
        Why::Nothing
    }
}
