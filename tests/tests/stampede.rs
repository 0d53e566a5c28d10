//! Many clients want what nobody has made yet.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use reqwest::StatusCode;
use thumbmill_tests::cluster::Cluster;
use thumbmill_tests::pictures::{damage, decode, photo_jpeg};

const CLIENTS: usize = 500;

/// What all clients get who ask for one thumbnail at once, spread over all apis.
async fn ask_all(cluster: &Cluster, path: &str) -> Vec<(StatusCode, Bytes)> {
    let requests = (0..CLIENTS).map(|client| {
        let api = &cluster.apis[client % cluster.apis.len()];
        let get = cluster.client().get(format!("{}{path}", api.url()));
        tokio::spawn(async move {
            let answer = get.send().await.unwrap();
            (answer.status(), answer.bytes().await.unwrap())
        })
    });
    let answers = join_all(requests).await;
    answers.into_iter().map(Result::unwrap).collect()
}

/// All clients come from this machine.
fn many_connections() -> [(&'static str, String); 2] {
    [
        ("THUMBMILL_MAX_CONNECTIONS", "2000".to_owned()),
        ("THUMBMILL_MAX_CONNECTIONS_PER_CLIENT", "1000".to_owned()),
    ]
}

async fn jobs_reads_renders(cluster: &Cluster) -> [u64; 3] {
    let get = "operation=\"get\"";
    [
        cluster.metric("thumbmill_jobs_published_total", "").await,
        cluster.metric("thumbmill_storage_seconds_count", get).await,
        cluster.metric("thumbmill_renders_total", "").await,
    ]
}

/// 500 clients on three apis with two workers behind them: one job, one read of the original, one
/// render, and every client has the same whole picture.
#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_clients_on_three_apis_cause_one_render() {
    let cluster = Cluster::distributed(3, 2, &many_connections()).await;
    let id = cluster.upload("sea.jpg", photo_jpeg(2400, 1600)).await;
    let path = format!("/assets/{id}?width=300&height=200&format=webp");
    let answers = ask_all(&cluster, &path).await;
    let picture = decode(&answers[0].1);
    assert_eq!((picture.width(), picture.height()), (300, 200));
    assert_eq!(answers[0].0, StatusCode::OK);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(jobs_reads_renders(&cluster).await, [1, 1, 1]);
    cluster.finish(0).await;
}

/// The same for an original that cannot be rendered: one error, told to all.
#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_clients_learn_of_one_failure() {
    let cluster = Cluster::distributed(3, 2, &many_connections()).await;
    let cut = damage::truncated(&photo_jpeg(2400, 1600), 60);
    let id = cluster.upload("sea.jpg", cut).await;
    let begin = Instant::now();
    let answers = ask_all(&cluster, &format!("/assets/{id}?width=300")).await;
    // Far less than anybody would have waited.
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(answers[0].0, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(jobs_reads_renders(&cluster).await, [1, 1, 0]);
    cluster.finish(0).await;
}
