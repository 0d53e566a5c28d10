//! What a worker takes when large pictures come all at once.

use std::time::Duration;

use reqwest::StatusCode;
use rustix::process::Pid;
use thumbmill_tests::cluster::Cluster;
use thumbmill_tests::pictures::{decode, photo_jpeg};
use thumbmill_tests::service::Service;

/// proc(5): what a process has in memory, its share of what it shares; 0 once it has ended.
fn bytes(process: Pid) -> u64 {
    let file = format!("/proc/{}/smaps_rollup", process.as_raw_nonzero());
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("Pss:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.map_or(0, |kib| kib.parse::<u64>().unwrap() * 1024)
}

/// The worker and its renderers.
fn bytes_of_all(worker: &Service) -> u64 {
    let all = worker.children().into_iter().chain([worker.pid()]);
    all.map(bytes).sum()
}

#[tokio::test]
async fn ten_pictures_of_24_megapixels_at_once_pass_through_a_worker_with_256_mb() {
    let setting = |name, value: &str| (name, value.to_owned());
    let settings = [
        setting("THUMBMILL_MEMORY", "128MiB"),
        setting("THUMBMILL_SLOTS", "10"),
        setting("THUMBMILL_WAIT", "30s"),
    ];
    let cluster = Cluster::distributed(1, 1, &settings).await;
    let picture = photo_jpeg(6000, 4000);
    let mut asked = Vec::new();
    for number in 0..10 {
        let id = cluster
            .upload(&format!("{number}.jpg"), picture.clone())
            .await;
        let path = format!("/assets/{id}?width=2000");
        let get = cluster.client().get(cluster.url(&path));
        asked.push(tokio::spawn(async move {
            let answer = get.send().await.unwrap();
            (answer.status(), answer.bytes().await.unwrap())
        }));
    }
    let mut peak = 0;
    while asked.iter().any(|answer| !answer.is_finished()) {
        peak = peak.max(bytes_of_all(&cluster.workers[0]));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for answer in asked {
        let (status, body) = answer.await.unwrap();
        assert_eq!(status, StatusCode::OK);
        assert_eq!(decode(&body).width(), 2000);
    }
    assert!((20_000_000..256_000_000).contains(&peak), "{peak}");
    cluster.finish(0).await;
}
