//! Pictures that break their renderers, played by signals and by too little memory.

use std::time::Duration;

use reqwest::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use thumbmill_tests::cluster::Cluster;
use thumbmill_tests::pictures::{decode, photo_jpeg};
use tokio::task::JoinHandle;

/// Takes seconds.
const SLOW: &str = "width=500&height=500&format=avif";

fn setting(name: &'static str, value: &str) -> (&'static str, String) {
    (name, value.to_owned())
}

async fn embedded(more: &[(&'static str, String)]) -> Cluster {
    let mut settings = vec![
        setting("THUMBMILL_AVIF_EFFORT", "9"),
        setting("THUMBMILL_SLOTS", "2"),
    ];
    settings.extend_from_slice(more);
    Cluster::embedded(&settings).await
}

/// Asks for a thumbnail; the answer's status and text.
fn ask(cluster: &Cluster, path: &str) -> JoinHandle<(StatusCode, Vec<u8>)> {
    let get = cluster.client().get(cluster.url(path));
    let get = get.header("Prefer", "wait=30");
    tokio::spawn(async move {
        let answer = get.send().await.unwrap();
        (answer.status(), answer.bytes().await.unwrap().to_vec())
    })
}

/// The renderer, once it has worked for a tenth of a second.
async fn renderer_at_work(cluster: &Cluster) -> Pid {
    let renderer = cluster.apis[0].children()[0];
    while cpu_ticks(renderer) < 10 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    renderer
}

/// Its CPU time in hundredths of a second (proc(5): `utime`).
fn cpu_ticks(process: Pid) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    let stat = stat.unwrap();
    let after_name = stat.rsplit(") ").next().unwrap();
    after_name.split(' ').nth(11).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_renderer_that_is_killed_costs_one_attempt() {
    let cluster = embedded(&[]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(600, 600)).await;
    let asked = ask(&cluster, &format!("/assets/{id}?{SLOW}"));
    kill_process(renderer_at_work(&cluster).await, Signal::KILL).unwrap();
    let (status, body) = asked.await.unwrap();
    assert_eq!(status, StatusCode::OK);
    assert!(body.get(4..12) == Some(b"ftypavif".as_slice()));
    assert!(cluster.apis[0].log().contains("a renderer was lost"));
    assert_eq!(cluster.metric("thumbmill_jobs_total", "retry").await, 1);
    cluster.finish(0).await;
}

/// As a terminal's Ctrl-C or systemd does it, to the worker and its children alike.
#[tokio::test]
async fn a_request_to_end_lets_renderers_finish() {
    let cluster = embedded(&[]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(600, 600)).await;
    let asked = ask(&cluster, &format!("/assets/{id}?{SLOW}"));
    let renderer = renderer_at_work(&cluster).await;
    for signal in [Signal::INT, Signal::TERM] {
        kill_process(renderer, signal).unwrap();
    }
    cluster.apis[0].signal(Signal::TERM);
    let (status, _) = asked.await.unwrap();
    assert_eq!(status, StatusCode::OK);
    cluster.finish(0).await;
}

#[tokio::test]
async fn a_picture_that_breaks_its_renderer_is_put_aside_and_hurts_no_other() {
    let cluster = embedded(&[
        setting("THUMBMILL_ATTEMPTS", "2"),
        setting("THUMBMILL_ISOLATION_MEMORY", "100MiB"),
    ])
    .await;
    let breaks = cluster.upload("a.jpg", photo_jpeg(5000, 4000)).await;
    let other = cluster.upload("b.jpg", photo_jpeg(300, 200)).await;
    let path = format!("/assets/{breaks}?format=png");
    let asked = ask(&cluster, &path);
    let (status, small) = ask(&cluster, &format!("/assets/{other}?width=30"))
        .await
        .unwrap();
    assert_eq!((status, decode(&small).width()), (StatusCode::OK, 30));
    let (status, body) = asked.await.unwrap();
    let body = String::from_utf8(body).unwrap();
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    assert!(body.contains("RENDERER_CRASHED"), "{body}");
    // Remembered, not tried again.
    let lost = cluster.apis[0].log().matches("a renderer was lost").count();
    assert_eq!(lost, 2, "{}", cluster.apis[0].log());
    let (status, _) = ask(&cluster, &path).await.unwrap();
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        cluster.metric("thumbmill_jobs_published_total", "").await,
        2
    );
    cluster.finish(0).await;
}

#[tokio::test]
async fn a_renderer_that_hangs_is_killed() {
    let cluster = embedded(&[
        setting("THUMBMILL_ATTEMPTS", "1"),
        setting("THUMBMILL_RENDER_TIMEOUT", "2s"),
    ])
    .await;
    let id = cluster.upload("a.jpg", photo_jpeg(600, 600)).await;
    let asked = ask(&cluster, &format!("/assets/{id}?{SLOW}"));
    let renderer = renderer_at_work(&cluster).await;
    kill_process(renderer, Signal::STOP).unwrap();
    let (status, body) = asked.await.unwrap();
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("RENDERER_CRASHED"), "{body}");
    assert!(!cluster.apis[0].children().contains(&renderer));
    let (status, _) = ask(&cluster, &format!("/assets/{id}?width=30"))
        .await
        .unwrap();
    assert_eq!(status, StatusCode::OK);
    cluster.finish(0).await;
}

#[tokio::test]
async fn a_renderer_is_locked_in_and_knows_no_secrets() {
    let cluster = embedded(&[setting("AWS_SECRET_ACCESS_KEY", "secret")]).await;
    assert!(!cluster.apis[0].log().contains("not locked in"));
    let [renderer] = cluster.apis[0].children()[..] else {
        panic!("there is one at the beginning")
    };
    let of = |file| std::fs::read(format!("/proc/{}/{file}", renderer.as_raw_nonzero())).unwrap();
    assert_eq!(of("environ"), b"");
    let status = String::from_utf8(of("status")).unwrap();
    let line = |name| status.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("Seccomp:").ends_with('2') && line("NoNewPrivs:").ends_with('1'));
    cluster.finish(0).await;
}

#[tokio::test]
async fn renderers_end_with_their_worker_however_it_ends() {
    let cluster = embedded(&[]).await;
    let renderers = cluster.apis[0].children();
    cluster.apis[0].signal(Signal::KILL);
    for renderer in renderers {
        let running = format!("/proc/{}/exe", renderer.as_raw_nonzero());
        while std::fs::read_link(&running).is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
