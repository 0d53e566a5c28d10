//! More misses than the workers can do: the excess is sent away at once, and only the one at
//! fault is told so. Nobody works in these tests, so that every miss waits.

use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use thumbmill_tests::cluster::{Cluster, header, until};
use thumbmill_tests::pictures::photo_jpeg;
use tokio::task::{JoinHandle, JoinSet};

const REFUSED: &str = "thumbmill_requests_refused_total";
const WAITING: &str = "thumbmill_waiting_requests";

/// An answer's status, code and `Retry-After`.
type Told = (StatusCode, String, String);

fn settings<const N: usize>(values: [(&'static str, &str); N]) -> [(&'static str, String); N] {
    values.map(|(name, value)| (name, value.to_owned()))
}

/// Asks for a thumbnail as a client with this address.
fn ask(cluster: &Cluster, id: &str, width: u32, client: &str) -> JoinHandle<Told> {
    let url = cluster.url(&format!("/assets/{id}?width={width}"));
    let get = cluster.client().get(url).header("x-forwarded-for", client);
    tokio::spawn(async move {
        let answer = get.send().await.unwrap();
        let (status, retry_after) = (answer.status(), header(&answer, "retry-after"));
        let body = answer.bytes().await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let code = &body["errors"][0]["extensions"]["code"];
        (
            status,
            code.as_str().unwrap_or_default().to_owned(),
            retry_after,
        )
    })
}

/// Waits until so many requests wait and so many were refused for this reason.
async fn until_asked(cluster: &Cluster, waiting: u64, refused: u64, reason: &str) {
    until("requests that wait or were refused", async || {
        let now = (
            cluster.metric(WAITING, "").await,
            cluster.metric(REFUSED, reason).await,
        );
        assert!(now.0 <= waiting && now.1 <= refused, "{now:?}");
        now == (waiting, refused)
    })
    .await;
}

async fn all(asked: Vec<JoinHandle<Told>>) -> Vec<Told> {
    let mut told = Vec::new();
    for asked in asked {
        told.push(asked.await.unwrap());
    }
    told
}

/// The workers that come later make what was waited for.
async fn finish(mut cluster: Cluster) {
    cluster.start_worker().await;
    until("no job waits", async || {
        cluster.waiting("interactive").await == 0
    })
    .await;
    cluster.finish(0).await;
}

fn told(status: StatusCode, code: &str, retry_after: &str) -> Told {
    (status, code.to_owned(), retry_after.to_owned())
}

#[tokio::test]
async fn the_excess_is_sent_away_at_once_and_hits_are_served() {
    let settings = settings([
        ("THUMBMILL_MAX_WAITING", "20"),
        ("THUMBMILL_MAX_CONNECTIONS", "1000"),
        ("THUMBMILL_MAX_CONNECTIONS_PER_CLIENT", "500"),
        ("THUMBMILL_WAIT", "5s"),
        ("THUMBMILL_MAX_WAITING_PER_ORIGINAL", "1000"),
    ]);
    let cluster = Cluster::distributed(1, 0, &settings).await;
    let id = cluster.upload("a.jpg", photo_jpeg(480, 320)).await;
    let asked = (1..=200).map(|width| ask(&cluster, &id, width, "192.0.2.1"));
    let asked = asked.collect();
    // 180 have their answer before the wait of any other is over.
    until_asked(&cluster, 20, 180, "crowded").await;
    for path in ["/livez", &format!("/assets/{id}")] {
        assert_eq!(cluster.get(path).await.status(), StatusCode::OK, "{path}");
    }
    assert_eq!(cluster.metric(WAITING, "").await, 20);
    let all = all(asked).await;
    let count = |expected: &Told| all.iter().filter(|told| *told == expected).count();
    let unavailable = |after| {
        told(
            StatusCode::SERVICE_UNAVAILABLE,
            "SERVICE_UNAVAILABLE",
            after,
        )
    };
    assert_eq!(count(&unavailable("5")), 180, "{all:?}");
    assert_eq!(count(&unavailable("1")), 20, "{all:?}");
    finish(cluster).await;
}

#[tokio::test]
async fn a_client_that_waits_for_too_much_is_told_so_and_no_other() {
    let settings = settings([
        ("THUMBMILL_MAX_WAITING_PER_CLIENT", "5"),
        ("THUMBMILL_CLIENT_HEADER", "X-Forwarded-For"),
        ("THUMBMILL_WAIT", "5s"),
    ]);
    let cluster = Cluster::distributed(1, 0, &settings).await;
    let id = cluster.upload("a.jpg", photo_jpeg(480, 320)).await;
    // What a client writes there itself does not make it another one.
    let asked = (1..=20).map(|width| {
        let client = format!("203.0.113.{width}, 192.0.2.1");
        ask(&cluster, &id, width, &client)
    });
    let asked = asked.collect();
    until_asked(&cluster, 5, 15, "\"client\"").await;
    let other = ask(&cluster, &id, 1, "192.0.2.2");
    until_asked(&cluster, 6, 15, "\"client\"").await;
    let all = all(asked).await;
    let exceeded = told(StatusCode::TOO_MANY_REQUESTS, "REQUESTS_EXCEEDED", "1");
    assert_eq!(all.iter().filter(|told| **told == exceeded).count(), 15);
    assert_eq!(other.await.unwrap().0, StatusCode::SERVICE_UNAVAILABLE);
    finish(cluster).await;
}

#[tokio::test]
async fn too_many_sizes_of_one_original_do_not_take_the_place_of_others() {
    let settings = settings([
        ("THUMBMILL_MAX_WAITING_PER_ORIGINAL", "3"),
        ("THUMBMILL_WAIT", "5s"),
    ]);
    let cluster = Cluster::distributed(1, 0, &settings).await;
    let id = cluster.upload("a.jpg", photo_jpeg(480, 320)).await;
    let other = cluster.upload("b.jpg", photo_jpeg(48, 32)).await;
    let asked = (1..=10)
        .map(|width| ask(&cluster, &id, width, ""))
        .collect();
    until_asked(&cluster, 3, 7, "\"original\"").await;
    let other = ask(&cluster, &other, 1, "");
    until_asked(&cluster, 4, 7, "\"original\"").await;
    let all = all(asked).await;
    let exceeded = told(StatusCode::TOO_MANY_REQUESTS, "REQUESTS_EXCEEDED", "1");
    assert_eq!(all.iter().filter(|told| **told == exceeded).count(), 7);
    assert_eq!(other.await.unwrap().0, StatusCode::SERVICE_UNAVAILABLE);
    finish(cluster).await;
}

#[tokio::test]
async fn a_full_queue_takes_no_more_jobs() {
    let settings = settings([
        ("THUMBMILL_QUEUE_LIMIT", "5"),
        ("THUMBMILL_WAIT", "5s"),
        ("THUMBMILL_CLIENT_HEADER", "x-forwarded-for"),
    ]);
    let cluster = Cluster::distributed(1, 0, &settings).await;
    let id = cluster.upload("a.jpg", photo_jpeg(480, 320)).await;
    let mut refused = 0;
    // RabbitMQ may take a few more before it looks at the limit.
    for width in 1..=30 {
        let path = format!("/assets/{id}?width={width}");
        // Each by another client: one alone has only a few turns while nothing is done.
        let get = cluster.client().get(cluster.url(&path));
        let get = get.header("x-forwarded-for", format!("192.0.2.{width}"));
        let waits = tokio::time::timeout(Duration::from_millis(300), get.send()).await;
        if let Ok(answer) = waits {
            let answer = answer.unwrap();
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(header(&answer, "retry-after"), "5");
            refused += 1;
        }
    }
    assert!(refused >= 20, "{refused}");
    assert_eq!(cluster.metric(REFUSED, "queue_full").await, refused);
    finish(cluster).await;
}

/// How a client floods.
#[derive(Clone, Copy)]
enum Flood {
    /// It does not wait.
    Async,
    /// It hangs up.
    HangsUp,
}

impl Flood {
    /// Asks for one thumbnail. Was it sent away because it asks for too much?
    async fn ask(self, get: reqwest::RequestBuilder) -> bool {
        let (prefer, waits) = match self {
            Self::Async => ("respond-async", Duration::from_secs(20)),
            Self::HangsUp => ("wait=30", Duration::from_millis(200)),
        };
        let asked = get.header("prefer", prefer).send();
        let told = tokio::time::timeout(waits, asked).await;
        told.is_ok_and(|told| {
            told.is_ok_and(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS)
        })
    }

    /// Asks for 1,500 thumbnails, many at a time; how often it was sent away.
    async fn run(self, cluster: Arc<Cluster>, id: String) -> usize {
        let (mut asking, mut sent_away) = (JoinSet::new(), 0);
        for width in 1..=1500 {
            let height = match self {
                Self::Async => 2,
                Self::HangsUp => 3,
            };
            let url = cluster.url(&format!("/assets/{id}?width={width}&height={height}"));
            let get = cluster.client().get(url);
            asking.spawn(self.ask(get.header("x-forwarded-for", "192.0.2.1")));
            if asking.len() >= 60 {
                sent_away += usize::from(asking.join_next().await.unwrap().unwrap());
            }
        }
        let rest = asking.join_all().await;
        sent_away + rest.into_iter().filter(|away| *away).count()
    }
}

/// A client that does not wait takes no more of the queue than one that does, however it asks.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_floods_is_told_so_and_no_other_client_is_sent_away() {
    let settings = settings([
        ("THUMBMILL_CLIENT_HEADER", "x-forwarded-for"),
        ("THUMBMILL_MAX_WAITING_PER_CLIENT", "40"),
        ("THUMBMILL_MAX_WAITING_PER_ORIGINAL", "10000"),
        ("THUMBMILL_QUEUE_LIMIT", "100"),
        ("THUMBMILL_SLOTS", "1"),
    ]);
    let cluster = Arc::new(Cluster::distributed(1, 1, &settings).await);
    let id = cluster.upload("a.jpg", photo_jpeg(480, 320)).await;
    let floods = [Flood::Async, Flood::HangsUp]
        .map(|flood| tokio::spawn(flood.run(Arc::clone(&cluster), id.clone())));
    for round in 0..20 {
        for other in 0..4 {
            let url = cluster.url(&format!("/assets/{id}?width={}&height=7", 10 + round));
            let client = format!("198.51.100.{other}");
            let get = cluster.client().get(url).header("x-forwarded-for", client);
            assert_eq!(get.send().await.unwrap().status(), StatusCode::OK);
        }
    }
    for flood in floods {
        assert!(flood.await.unwrap() > 0, "the one that floods is told so");
    }
    assert_eq!(cluster.metric(REFUSED, "queue_full").await, 0);
    assert_eq!(cluster.metric(REFUSED, "crowded").await, 0);
    until("what was taken is made", async || {
        cluster.metric(WAITING, "").await == 0
    })
    .await;
    Arc::into_inner(cluster).unwrap().finish(0).await;
}

/// Asking without waiting is answered at once, also while nobody works: the jobs are safe on a queue of
/// their own. There they are not in the way of a client that waits.
#[tokio::test]
async fn jobs_that_clients_do_not_wait_for_are_accepted_at_once_and_done_behind_the_others() {
    let settings = settings([
        ("THUMBMILL_CLIENT_HEADER", "x-forwarded-for"),
        ("THUMBMILL_SLOTS", "1"),
        ("THUMBMILL_WAIT", "30s"),
    ]);
    let mut cluster = Cluster::distributed(1, 0, &settings).await;
    let id = cluster.upload("a.jpg", photo_jpeg(3000, 2000)).await;
    let get = |width: u32, client: &str| {
        let url = cluster.url(&format!("/assets/{id}?width={width}"));
        cluster.client().get(url).header("x-forwarded-for", client)
    };
    for width in 1000..1040 {
        let answer = get(width, "192.0.2.1").header("prefer", "respond-async");
        let answer = answer.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }
    // RabbitMQ counts with a delay.
    until("all are on the queue", async || {
        cluster.waiting("background").await == 40
    })
    .await;
    assert_eq!(cluster.waiting("interactive").await, 0);
    // One that another client waits for, though it is the last of the 40.
    let waits = tokio::spawn(get(1039, "192.0.2.2").send());
    until("it is asked for again", async || {
        cluster.waiting("interactive").await == 1
    })
    .await;
    cluster.start_worker().await;
    assert_eq!(waits.await.unwrap().unwrap().status(), StatusCode::OK);
    let left = cluster.waiting("background").await;
    assert!(left > 20, "{left} jobs of 40 are left");
    until("the others are done", async || {
        cluster.waiting("background").await == 0 && cluster.metric(WAITING, "").await == 0
    })
    .await;
    cluster.finish(0).await;
}

/// A client that walks away from its jobs waits behind the others. Nobody else does who waits for the same thumbnail.
#[tokio::test]
async fn who_waits_beside_a_client_that_walks_away_has_an_interactive_job() {
    let settings = settings([
        ("THUMBMILL_CLIENT_HEADER", "x-forwarded-for"),
        ("THUMBMILL_BULK_SLOTS", "1"),
        ("THUMBMILL_WAIT", "30s"),
    ]);
    let mut cluster = Cluster::distributed(1, 0, &settings).await;
    let id = cluster.upload("a.jpg", photo_jpeg(3000, 2000)).await;
    // They keep the slot of all that has the priority of bulk.
    let heavy = [1400, 1401].map(|width| {
        format!(
            r#"{{"version":1,"asset":"{id}","variants":[{{"width":{width},"format":"avif"}}]}}"#
        )
    });
    cluster.publish("bulk", heavy.into_iter()).await;
    let (url, client) = (
        cluster.url(&format!("/assets/{id}")),
        cluster.client().clone(),
    );
    let get = |width: u32, address: &str| {
        let get = client.get(format!("{url}?width={width}"));
        tokio::spawn(get.header("x-forwarded-for", address).send())
    };
    let published = async |cluster: &Cluster, lane| {
        cluster.metric("thumbmill_jobs_published_total", lane).await
    };
    let left = [50, 51].map(|width| get(width, "192.0.2.1"));
    until("its first turns are taken", async || {
        published(&cluster, "interactive").await == 2
    })
    .await;
    let third = get(60, "192.0.2.1");
    cluster.until(WAITING, "", 3).await;
    let connections =
        async |cluster: &Cluster| cluster.metric("thumbmill_http_connections", "").await;
    let before = connections(&cluster).await;
    left.iter().for_each(JoinHandle::abort);
    until("it has hung up twice", async || {
        connections(&cluster).await + 2 <= before
    })
    .await;
    cluster.start_worker().await;
    until("its third job is behind the others", async || {
        published(&cluster, "background").await == 1
    })
    .await;
    let other = get(60, "192.0.2.2");
    until("the other's job is an interactive one", async || {
        published(&cluster, "interactive").await == 3
    })
    .await;
    for waits in [third, other] {
        assert_eq!(waits.await.unwrap().unwrap().status(), StatusCode::OK);
    }
    until("all jobs are done", async || {
        cluster.metric("thumbmill_jobs_total", "done").await == 6
    })
    .await;
    cluster.finish(0).await;
}

/// What nobody waits for any more is not begun, and a miss that others want has their turn.
#[tokio::test]
async fn what_nobody_waits_for_any_more_is_not_put_on_the_queue() {
    let settings = settings([
        ("THUMBMILL_CLIENT_HEADER", "x-forwarded-for"),
        ("THUMBMILL_MAX_WAITING_PER_ORIGINAL", "1000"),
        ("THUMBMILL_WAIT", "30s"),
    ]);
    // Nobody works: as many jobs as may be are put on the queue, and the rest waits.
    let cluster = Cluster::distributed(1, 0, &settings).await;
    let id = cluster.upload("a.jpg", photo_jpeg(480, 320)).await;
    let asked: Vec<_> = (1..=60)
        .map(|width| ask(&cluster, &id, width, "192.0.2.1"))
        .collect();
    cluster.until(WAITING, "", 60).await;
    let published = async || cluster.metric("thumbmill_jobs_published_total", "").await;
    until("some are put on the queue", async || published().await > 0).await;
    // As many as go there by themselves, and no more come after a while.
    let mut before = 0;
    until("no more are put there", async || {
        let last = std::mem::replace(&mut before, published().await);
        tokio::time::sleep(Duration::from_millis(300)).await;
        before == last
    })
    .await;
    assert!((1..60).contains(&before), "{before}");
    for asked in &asked {
        asked.abort();
    }
    // Those that are on the queue are counted until they end.
    until("the others are gone", async || {
        cluster.metric(WAITING, "").await == before
    })
    .await;
    assert_eq!(published().await, before);
    finish(cluster).await;
}
