//! How processes begin and end.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use thumbmill_tests::cluster::{Cluster, until, variable};
use thumbmill_tests::pictures::photo_jpeg;
use thumbmill_tests::service::{Binary, run_to_end};

/// SIGTERM reaches a worker in the middle of its jobs: what it has begun it finishes, what it has
/// not begun another worker gets, and no client notices.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_ends_loses_no_job() {
    let mut cluster = Cluster::distributed(1, 1, &[("THUMBMILL_SLOTS", "1".to_owned())]).await;
    let id = cluster.upload("sea.jpg", photo_jpeg(3000, 2000)).await;
    let requests: Vec<_> = (0..12)
        .map(|n| {
            cluster
                .client()
                .get(cluster.url(&format!("/assets/{id}?width={}", 500 + n)))
        })
        .map(|get| tokio::spawn(async move { get.send().await.unwrap().status().as_u16() }))
        .collect();
    let worker = cluster.workers.remove(0);
    until("renders", async || {
        worker.metric("thumbmill_renders_total", "").await >= 1
    })
    .await;
    cluster.start_worker().await;
    let status = worker.terminate(Duration::from_secs(26)).await;
    assert!(status.success(), "{status}");
    for request in requests {
        assert_eq!(request.await.unwrap(), 200);
    }
    cluster.finish(0).await;
}

/// SIGTERM reaches an api while a client waits: the client is answered first.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_ends_answers_those_who_wait() {
    let mut cluster = Cluster::distributed(1, 0, &[]).await;
    let id = cluster.upload("sea.jpg", photo_jpeg(600, 400)).await;
    let get = cluster
        .client()
        .get(cluster.url(&format!("/assets/{id}?width=60")));
    let waiting = tokio::spawn(async move { get.send().await.unwrap().status().as_u16() });
    let api = cluster.apis.remove(0);
    while api
        .metric("thumbmill_jobs_published_total", "confirmed")
        .await
        < 1
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ending = tokio::spawn(api.terminate(Duration::from_secs(26)));
    cluster.start_worker().await;
    assert_eq!(waiting.await.unwrap(), 200);
    assert!(ending.await.unwrap().success());
    cluster.finish(0).await;
}

/// What lives inside one process is of no use to two.
#[test]
fn apart_the_binaries_refuse_embedded_parts_and_say_why() {
    let folder = tempfile::tempdir().unwrap();
    for binary in [Binary::Api, Binary::Worker] {
        let (code, text) = run_to_end(binary, &[], &[], folder.path());
        assert_eq!(code, 64, "{text}");
        for says in [
            "THUMBMILL_QUEUE=embedded lives inside one process",
            "amqp://",
            "THUMBMILL_READINESS=embedded",
            "redis://",
        ] {
            assert!(text.contains(says), "{says}: {text}");
        }
    }
}

#[test]
fn wrong_settings_are_all_told_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("THUMBMILL_WAIT", "soon"), ("THUMBMILL_STORAGE", "ftp://x")];
    let (code, text) = run_to_end(
        Binary::Thumbmill,
        &["--slots=none"],
        &variables,
        folder.path(),
    );
    assert_eq!(code, 64, "{text}");
    for says in [
        "THUMBMILL_WAIT=soon",
        "THUMBMILL_STORAGE=***",
        "file:./data, or a bucket, s3://",
        "THUMBMILL_SLOTS=none",
    ] {
        assert!(text.contains(says), "{says}: {text}");
    }
    let (code, text) = run_to_end(Binary::Thumbmill, &["--no-such-flag"], &[], folder.path());
    assert_eq!(code, 64, "{text}");
}

/// One trace id from the client's header through the api's log to the worker's.
#[tokio::test]
async fn a_request_has_one_name_in_all_logs() {
    let more = [
        ("THUMBMILL_LOG", "json".to_owned()),
        (
            "THUMBMILL_LOG_FILTER",
            "debug,lapin=info,aws=info,hyper=info".to_owned(),
        ),
    ];
    let cluster = Cluster::distributed(1, 1, &more).await;
    let id = cluster.upload("sea.jpg", photo_jpeg(60, 40)).await;
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let get = cluster
        .client()
        .get(cluster.url(&format!("/assets/{id}?width=6")));
    let answer = get
        .header("traceparent", format!("00-{trace}-b7ad6b7169203331-01"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["x-request-id"], trace);
    assert!(cluster.apis[0].log().contains(trace));
    // The worker's line comes when the job is over, which may be after the answer.
    let deadline = Instant::now() + Duration::from_secs(10);
    let named = |line: &str| line.contains(trace) && line.starts_with('{');
    while !cluster.workers[0].log().lines().any(named) {
        assert!(Instant::now() < deadline, "{}", cluster.workers[0].log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    cluster.finish(0).await;
}

/// A worker needs nothing to be there when it starts; it takes work once it is.
#[tokio::test]
async fn servers_may_come_later_than_the_processes() {
    let folder = tempfile::tempdir().unwrap();
    let ([port], storage) = (
        thumbmill_tests::servers::free_ports().unwrap(),
        format!("file:{}", folder.path().display()),
    );
    let variables = [
        (
            "THUMBMILL_QUEUE",
            format!("amqp://guest:guest@127.0.0.1:{port}/%2f"),
        ),
        ("THUMBMILL_READINESS", variable("THUMBMILL_TEST_REDIS")),
        ("THUMBMILL_STORAGE", storage),
    ];
    let worker = thumbmill_tests::service::Service::start(Binary::Worker, &variables).await;
    assert!(worker.terminate(Duration::from_secs(10)).await.success());
}

/// A balancer that asks `/readyz` now and then still finds a listener behind it after SIGTERM, and hears that it is to
/// send no more.
#[tokio::test]
async fn readiness_fails_before_the_listener_closes() {
    let delay = ("THUMBMILL_DRAIN_DELAY", "2s".to_owned());
    let mut cluster = Cluster::embedded(&[delay]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(300, 200)).await;
    assert_eq!(cluster.get("/readyz").await.status(), 200);
    let api = cluster.apis.remove(0);
    let address = format!("http://{}", api.address());
    let get = async |path: &str| {
        let client = reqwest::Client::new();
        client.get(format!("{address}{path}")).send().await
    };
    api.signal(Signal::TERM);
    until("it is not ready", async || {
        get("/readyz").await.unwrap().status() == 503
    })
    .await;
    // Also what has to be rendered first.
    let miss = get(&format!("/assets/{id}?width=24")).await.unwrap();
    assert_eq!(miss.status(), 200);
    assert!(api.terminate(Duration::from_secs(20)).await.success());
}

/// Jobs that nobody waits for are on the queue: the api that put them there ends without them. Once it waited for a
/// minute, and ended badly.
#[tokio::test]
async fn an_api_does_not_wait_for_jobs_that_no_client_waits_for() {
    let mut cluster = Cluster::distributed(1, 0, &[]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(300, 200)).await;
    for width in 20..25 {
        let get = cluster
            .client()
            .get(cluster.url(&format!("/assets/{id}?width={width}")));
        let answer = get.header("prefer", "respond-async").send().await.unwrap();
        assert_eq!(answer.status(), 202);
    }
    let hung_up = cluster
        .client()
        .get(cluster.url(&format!("/assets/{id}?width=30")));
    let hung_up = tokio::time::timeout(Duration::from_millis(500), hung_up.send()).await;
    assert!(hung_up.is_err());
    let api = cluster.apis.remove(0);
    assert!(api.terminate(Duration::from_secs(20)).await.success());
    cluster.start_worker().await;
    until("all are done", async || {
        cluster.metric("thumbmill_jobs_total", "done").await == 6
    })
    .await;
    cluster.finish(0).await;
}
