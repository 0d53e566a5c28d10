//! What well-behaved clients wait for their misses, alone and beside one that floods.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use thumbmill_tests::cluster::Cluster;
use thumbmill_tests::pictures::photo_jpeg;
use tokio::task::JoinSet;

const CLIENTS: u8 = 19;
/// Of each client, one after the other.
const MISSES: u32 = 34;
const FLOOD: u32 = 11_000;
/// It asks for as many a second, as one that filled a queue of 10,000 in 18 seconds.
const FLOODS_A_SECOND: u32 = 600;
/// Between a client's answer and its next request, as between clicks.
const PAUSE: Duration = Duration::from_millis(500);

pub async fn run() {
    let settings = [
        ("THUMBMILL_CLIENT_HEADER", "x-forwarded-for"),
        ("THUMBMILL_MAX_WAITING_PER_ORIGINAL", "100000"),
    ];
    let settings = settings.map(|(name, value)| (name, value.to_owned()));
    let cluster = Arc::new(Cluster::distributed(1, 1, &settings).await);
    let id = cluster.upload("a.jpg", photo_jpeg(1600, 1200)).await;
    let mut height = 100;
    let mut measure = async |what: &str| {
        height += 1;
        let mut took = crowd(&cluster, &id, height).await;
        took.1.sort_by(f64::total_cmp);
        let at = |percent: usize| took.1[(took.1.len() * percent / 100).min(took.1.len() - 1)];
        println!(
            "crowd: {what}: {} misses of {CLIENTS} clients: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms; not 200: {}",
            took.1.len(),
            at(50),
            at(90),
            at(99),
            took.0
        );
        at(99)
    };
    measure("to warm up").await;
    let alone = measure("alone").await;
    for (name, kind) in [
        ("hits, for comparison", Flood::Hits),
        ("respond-async", Flood::Async),
        ("hanging up", Flood::HangingUp),
    ] {
        let stop = Arc::new(AtomicBool::new(false));
        let flood = tokio::spawn(flood(
            Arc::clone(&cluster),
            id.clone(),
            kind,
            Arc::clone(&stop),
        ));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let beside = measure(&format!("beside a flood ({name})")).await;
        stop.store(true, Ordering::Relaxed);
        let [asked, sent_away] = flood.await.unwrap();
        println!(
            "crowd: the flood asked {asked} times and was sent away {sent_away} times; p99 beside it {:.2} of alone (wanted: 2)",
            beside / alone
        );
    }
    let again = measure("alone again").await;
    println!("crowd: p99 alone again {:.2} of alone", again / alone);
    Arc::into_inner(cluster).unwrap().finish(0).await;
}

/// How many were not answered with a picture, and the milliseconds of the others.
async fn crowd(cluster: &Arc<Cluster>, id: &str, height: u32) -> (u32, Vec<f64>) {
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (cluster, id) = (Arc::clone(cluster), id.to_owned());
        clients.spawn(async move {
            let (mut failed, mut took) = (0, Vec::new());
            tokio::time::sleep(PAUSE * u32::from(client) / u32::from(CLIENTS)).await;
            for n in 0..MISSES {
                let width = 100 + u32::from(client) * MISSES + n;
                let url = cluster.url(&format!("/assets/{id}?width={width}&height={height}"));
                let get = cluster.client().get(url);
                let get = get.header("x-forwarded-for", format!("198.51.100.{client}"));
                let begin = Instant::now();
                let answer = get.send().await.unwrap();
                let status = answer.status();
                answer.bytes().await.unwrap();
                if status == StatusCode::OK {
                    took.push(begin.elapsed().as_secs_f64() * 1e3);
                } else {
                    failed += 1;
                }
                tokio::time::sleep(PAUSE).await;
            }
            (failed, took)
        });
    }
    let all = clients.join_all().await;
    let failed = all.iter().map(|(failed, _)| failed).sum();
    (failed, all.into_iter().flat_map(|(_, took)| took).collect())
}

/// What the client at fault does.
#[derive(Clone, Copy)]
enum Flood {
    /// It asks for one stored variant again and again. What this costs the others is no question of whose
    /// jobs go first: api, worker, servers and this benchmark share the machine.
    Hits,
    /// It asks for one variant after the other, and prefers not to wait.
    Async,
    /// It asks for one variant after the other, and hangs up.
    HangingUp,
}

async fn flood(cluster: Arc<Cluster>, id: String, kind: Flood, stop: Arc<AtomicBool>) -> [u32; 2] {
    let (mut asking, sent_away) = (JoinSet::new(), Arc::new(AtomicU32::new(0)));
    let first = match kind {
        Flood::Hits => 100,
        Flood::Async => 300,
        Flood::HangingUp => 500,
    };
    let mut asked = 0;
    let mut pace = tokio::time::interval(Duration::from_secs(1) / FLOODS_A_SECOND);
    while asked < FLOOD && !stop.load(Ordering::Relaxed) {
        pace.tick().await;
        let (width, height) = match kind {
            Flood::Hits => (100, first),
            Flood::Async | Flood::HangingUp => (100 + asked % 1100, first + asked / 1100),
        };
        let url = cluster.url(&format!("/assets/{id}?width={width}&height={height}"));
        let get = cluster
            .client()
            .get(url)
            .header("x-forwarded-for", "192.0.2.66");
        let get = match kind {
            Flood::Hits => get,
            Flood::Async => get.header("prefer", "respond-async"),
            Flood::HangingUp => get.timeout(Duration::from_millis(30)),
        };
        let count = Arc::clone(&sent_away);
        asking.spawn(async move {
            let told = get.send().await;
            if told.is_ok_and(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        asked += 1;
        while asking.try_join_next().is_some() {}
    }
    // The crowd is measured for as long as it takes.
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(PAUSE).await;
    }
    asking.shutdown().await;
    [asked, sent_away.load(Ordering::Relaxed)]
}
