//! What breaks, and what must hold then: processes are killed and connections cut.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use thumbmill_tests::cluster::{Cluster, header, until, variable};
use thumbmill_tests::pictures::decode;
use thumbmill_tests::proxy::Proxy;

mod disk;
mod processes;
mod rabbitmq;
mod redis;
mod s3;

/// How a request for a thumbnail ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// With a picture of this width.
    Picture(u32),
    /// With the request to come again: 502, 503 or 504.
    Later,
    /// In the middle of the answer, so that the client knows.
    CutOff,
    /// With no answer: the process is gone.
    Gone,
}

/// Asks for a thumbnail. Anything but the ends above is a defect: an empty or broken picture, a
/// wrong status.
async fn ask(client: &reqwest::Client, url: &str) -> Ended {
    let Ok(answer) = client.get(url).send().await else {
        return Ended::Gone;
    };
    let status = answer.status();
    let retry_after = header(&answer, "retry-after");
    let Ok(body) = answer.bytes().await else {
        return Ended::CutOff;
    };
    match status {
        StatusCode::OK => Ended::Picture(decode(&body).width()),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            assert!(
                !retry_after.is_empty(),
                "{status} without Retry-After: {url}"
            );
            Ended::Later
        }
        other => panic!("{other} for {url}: {}", String::from_utf8_lossy(&body)),
    }
}

/// Asks again and again, as a client does, until there is a picture of this width.
async fn ask_until_there(cluster: &Cluster, path: &str, width: u32) {
    until_there(cluster.client(), &cluster.url(path), width).await;
}

async fn until_there(client: &reqwest::Client, url: &str, width: u32) {
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        let ended = ask(client, url).await;
        if ended == Ended::Picture(width) {
            return;
        }
        assert!(!matches!(ended, Ended::Picture(_)), "{url}: {ended:?}");
        assert!(Instant::now() < deadline, "{url}: still {ended:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until jobs that are tried again later have come to their end.
async fn nothing_waits(cluster: &Cluster) {
    for queue in ["retry.5s", "retry.30s", "bulk", "interactive"] {
        until(queue, async || cluster.waiting(queue).await == 0).await;
    }
}

/// A proxy in front of a server of the tests, and the setting that leads there.
async fn behind_proxy(setting: &'static str, server: &str) -> (Proxy, (&'static str, String)) {
    let (proxy, url) = Proxy::in_front_of(&variable(server)).await;
    (proxy, (setting, url))
}

fn setting(name: &'static str, value: &str) -> (&'static str, String) {
    (name, value.to_owned())
}
