//! S3 is away, silent, slow or busy, and resets connections in the middle of a body.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use thumbmill_tests::cluster::{Cluster, header, until};
use thumbmill_tests::pictures::photo_jpeg;
use thumbmill_tests::proxy::{Mode, Proxy};

use super::{Ended, ask, ask_until_there, behind_proxy, nothing_waits, setting};

/// An outage is nobody's fault here: jobs wait for its end, and become no dead letters.
#[tokio::test(flavor = "multi_thread")]
async fn while_s3_is_away_or_silent_nothing_is_lost() {
    let (proxy, endpoint) = behind_proxy("THUMBMILL_S3_ENDPOINT", "THUMBMILL_TEST_S3").await;
    let settings = [endpoint, setting("THUMBMILL_S3_OPERATION_TIMEOUT", "3s")];
    let cluster = Cluster::distributed(1, 1, &settings).await;
    let id = cluster.upload("a.jpg", photo_jpeg(600, 400)).await;
    for (mode, width) in [(Mode::Refuse, 60), (Mode::Silent, 70)] {
        let path = format!("/assets/{id}?width={width}");
        proxy.set(mode);
        let ended = ask(cluster.client(), &cluster.url(&path)).await;
        assert_eq!(ended, Ended::Later, "{mode:?}");
        proxy.set(Mode::Pass);
        ask_until_there(&cluster, &path, width).await;
    }
    nothing_waits(&cluster).await;
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_s3_breaks_off_is_never_shown_as_a_whole() {
    let (proxy, endpoint) = behind_proxy("THUMBMILL_S3_ENDPOINT", "THUMBMILL_TEST_S3").await;
    let cluster = Cluster::distributed(1, 1, &[endpoint]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(2000, 1500)).await;
    // Large enough not to be announced with its bytes: it is read from the store.
    let path = format!("/assets/{id}?width=1500&quality=95");
    ask_until_there(&cluster, &path, 1500).await;
    for most in [0, 200, 1_000, 20_000, 60_000, 100_000] {
        proxy.set(Mode::CutAfter(most));
        let ended = ask(cluster.client(), &cluster.url(&path)).await;
        let honest = [Ended::CutOff, Ended::Later, Ended::Picture(1500)];
        assert!(honest.contains(&ended), "after {most} bytes: {ended:?}");
        proxy.set(Mode::Pass);
        proxy.cut();
    }
    // A worker does not take a part of an original for the whole.
    proxy.set(Mode::CutAfter(50_000));
    let made = format!("/assets/{id}?width=77");
    let ended = ask(cluster.client(), &cluster.url(&made)).await;
    assert!([Ended::CutOff, Ended::Later].contains(&ended), "{ended:?}");
    proxy.set(Mode::Pass);
    ask_until_there(&cluster, &made, 77).await;
    nothing_waits(&cluster).await;
    cluster.finish(0).await;
}

/// So many times is a request tried that has time for it.
const TRIES: usize = 3;
/// `THUMBMILL_S3_OPERATION_TIMEOUT`, and a second.
const GIVES_UP_WITHIN: Duration = Duration::from_secs(9);

/// The most tries of one request among those that were seen after the first `before`.
fn most_tries(proxy: &Proxy, before: usize) -> usize {
    let mut tries = HashMap::<String, usize>::new();
    for request in proxy.requests().into_iter().skip(before) {
        *tries.entry(request.call).or_default() += 1;
    }
    tries.into_values().max().unwrap_or_default()
}

/// What clients are told while S3 is slow or wants less: within its time limits to come again.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_or_busy_s3_is_tried_again_and_clients_are_told_to_come_again() {
    let (proxy, endpoint) = behind_proxy("THUMBMILL_S3_ENDPOINT", "THUMBMILL_TEST_S3").await;
    let cluster = Cluster::distributed(1, 1, &[endpoint]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(600, 400)).await;
    let path = format!("/assets/{id}?width=50");
    ask_until_there(&cluster, &path, 50).await;
    for mode in [Mode::Slow(Duration::from_secs(5)), Mode::SlowDown] {
        let before = proxy.requests().len();
        proxy.set(mode);
        let begin = Instant::now();
        let ended = ask(cluster.client(), &cluster.url(&path)).await;
        let took = begin.elapsed();
        assert_eq!(ended, Ended::Later, "{mode:?}");
        assert!(took < GIVES_UP_WITHIN, "{mode:?}: {took:?}");
        assert_eq!(most_tries(&proxy, before), TRIES, "{mode:?}");
        proxy.set(Mode::Pass);
        ask_until_there(&cluster, &path, 50).await;
    }
    // Slower than ever, but within the time limits: it is waited for.
    proxy.set(Mode::Slow(Duration::from_secs(1)));
    ask_until_there(&cluster, &format!("/assets/{id}?width=60"), 60).await;
    proxy.set(Mode::Pass);
    nothing_waits(&cluster).await;
    cluster.finish(0).await;
}

const JOBS: u64 = 4;

async fn jobs(cluster: &Cluster, settled: &str) -> u64 {
    cluster.metric("thumbmill_jobs_total", settled).await
}

/// What becomes of jobs while S3 is slow or wants less for the workers: they are tried again later.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_meet_a_slow_or_busy_s3_are_tried_again_until_they_are_done() {
    let (proxy, endpoint) = behind_proxy("THUMBMILL_S3_ENDPOINT", "THUMBMILL_TEST_S3").await;
    // A client each: one alone has only a few turns while nothing is done.
    let clients = ("THUMBMILL_CLIENT_HEADER", "x-forwarded-for".to_owned());
    let mut cluster = Cluster::distributed(1, 0, &[clients]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(600, 400)).await;
    cluster.variables.push(endpoint);
    cluster.start_worker().await;
    let modes = [Mode::Slow(Duration::from_secs(5)), Mode::SlowDown];
    for (first, mode) in [60, 70].into_iter().zip(modes) {
        proxy.set(mode);
        let paths = (first..first + JOBS).map(|width| format!("/assets/{id}?width={width}"));
        let (before, done) = (
            jobs(&cluster, "postponed").await,
            jobs(&cluster, "done").await,
        );
        let asked = paths.clone().zip(1..).map(|(path, client)| {
            let get = cluster.client().get(cluster.url(&path));
            let get = get.header("x-forwarded-for", format!("192.0.2.{client}"));
            async move {
                let answer = get.header("prefer", "wait=1").send().await.unwrap();
                assert_eq!(header(&answer, "retry-after"), "1", "{answer:?}");
            }
        });
        futures_util::future::join_all(asked).await;
        until("postponed", async || {
            jobs(&cluster, "postponed").await >= before + JOBS
        })
        .await;
        proxy.set(Mode::Pass);
        // Without anybody who asks.
        until("done", async || jobs(&cluster, "done").await >= done + JOBS).await;
        for path in paths {
            let answer = cluster.get(&path).await;
            assert!(
                header(&answer, "server-timing").starts_with("hit"),
                "{answer:?}"
            );
        }
    }
    assert_eq!(
        (jobs(&cluster, "done").await, jobs(&cluster, "dead").await),
        (2 * JOBS, 0)
    );
    cluster.finish(0).await;
}

/// Once jobs were dead letters after some minutes of expired credentials. Nothing is wrong with them: they wait for
/// new credentials.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_meet_expired_credentials_wait_for_new_ones() {
    let (proxy, endpoint) = behind_proxy("THUMBMILL_S3_ENDPOINT", "THUMBMILL_TEST_S3").await;
    // One failed attempt that counts would be the last.
    let attempts = setting("THUMBMILL_ATTEMPTS", "1");
    let mut cluster = Cluster::distributed(1, 0, std::slice::from_ref(&attempts)).await;
    let id = cluster.upload("a.jpg", photo_jpeg(600, 400)).await;
    cluster.variables.push(endpoint);
    cluster.start_worker().await;
    proxy.set(Mode::Expired);
    let path = format!("/assets/{id}?width=60");
    let get = cluster.client().get(cluster.url(&path));
    let answer = get.header("prefer", "wait=1").send().await.unwrap();
    assert_eq!(answer.status(), 503);
    until("the job is postponed", async || {
        jobs(&cluster, "postponed").await >= 1
    })
    .await;
    proxy.set(Mode::Pass);
    until("the job is done", async || {
        jobs(&cluster, "done").await >= 1
    })
    .await;
    cluster.finish(0).await;
}
