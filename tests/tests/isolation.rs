//! Pictures that break their renderers, played by signals and by too little memory.

use std::time::Duration;

use reqwest::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use thumbmill_tests::cluster::Cluster;
use thumbmill_tests::pictures::{decode, photo_jpeg};
use thumbmill_tests::service::Binary;
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
    let log = cluster.apis[0].log();
    assert_eq!(log.matches("a renderer was lost").count(), 2, "{log}");
    // Its last words are labelled as its own.
    let words = log
        .lines()
        .filter(|line| line.contains("memory allocation of"));
    let labelled: Vec<_> = words.map(|line| line.contains("a renderer says")).collect();
    assert!(
        !labelled.is_empty() && labelled.iter().all(|it| *it),
        "{log}"
    );
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
    let log = cluster.apis[0].log();
    assert!(!log.contains("not locked in"), "{log}");
    assert!(
        log.contains("limits=whole seccomp=whole landlock="),
        "{log}"
    );
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

/// What the service prints when it is started on a kernel that lacks something; killed if it runs on.
async fn start_without(kind: &str, isolation: Option<&str>) -> (Option<i32>, String) {
    let data = tempfile::tempdir().unwrap();
    let [port] = thumbmill_tests::servers::free_ports().unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_deny-calls"));
    command.arg(kind).arg(Binary::Thumbmill.path()).env_clear();
    command.env("THUMBMILL_LISTEN", format!("127.0.0.1:{port}"));
    command.envs(isolation.map(|isolation| ("THUMBMILL_ISOLATION", isolation)));
    command.current_dir(data.path()).kill_on_drop(true);
    let log = data.path().join("log");
    command.stderr(std::fs::File::create(&log).unwrap());
    command.stdout(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let printed = || std::fs::read_to_string(&log).unwrap();
    let runs = async {
        while !printed().contains("taking jobs") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        ended = child.wait() => (ended.unwrap().code(), printed()),
        () = runs => (None, printed()),
    }
}

/// It once warned, and rendered pictures unprotected.
#[tokio::test]
async fn a_kernel_that_cannot_lock_renderers_in_is_refused_unless_that_is_asked_for() {
    for (kind, missing) in [("seccomp", "seccomp: "), ("limits", "limits: As: ")] {
        for isolation in [None, Some("required")] {
            let (code, log) = start_without(kind, isolation).await;
            assert_eq!(code, Some(1), "{log}");
            let says = "THUMBMILL_ISOLATION=required, and this system does not lock renderers in (";
            assert!(log.contains(&format!("{says}{missing}")), "{log}");
            assert!(!log.contains("taking jobs"), "{log}");
        }
        let (code, log) = start_without(kind, Some("preferred")).await;
        assert_eq!(code, None, "{log}");
        assert!(
            log.contains("not locked in") && log.contains(missing),
            "{log}"
        );
        let (code, log) = start_without(kind, Some("off")).await;
        assert_eq!(code, None, "{log}");
        assert!(log.contains("THUMBMILL_ISOLATION=off"), "{log}");
    }
}

#[tokio::test]
async fn landlock_is_used_where_there_is_one_and_said_where_there_is_none() {
    let (code, log) = start_without("landlock", None).await;
    assert_eq!(code, None, "{log}");
    assert!(
        log.contains("seccomp=whole landlock=missing (not in this kernel)"),
        "{log}"
    );
}

/// A socket that whoever started the service forgot to close would be open to foreign bytes.
#[tokio::test]
async fn a_renderer_inherits_nothing() {
    let inherits = ["sh", "-c", "exec 7</dev/zero 9</etc; exec \"$0\""];
    let cluster = Cluster::embedded_under(&inherits, &[]).await;
    let open = |process: Pid| {
        let folder = format!("/proc/{}/fd", process.as_raw_nonzero());
        let links = std::fs::read_dir(folder).unwrap();
        let links = links.map(|link| std::fs::read_link(link.unwrap().path()).unwrap());
        links
            .map(|link| link.display().to_string())
            .collect::<Vec<_>>()
    };
    let service = open(cluster.apis[0].pid());
    assert!(service.iter().any(|it| it == "/dev/zero"), "{service:?}");
    let mut renderer = open(cluster.apis[0].children()[0]);
    renderer.retain(|it| it != "/dev/null");
    let (sockets, rest): (Vec<_>, Vec<_>) =
        renderer.iter().partition(|it| it.starts_with("socket:"));
    // Standard input, also under the name by which it is written, and standard error.
    assert!(
        sockets.windows(2).all(|two| two[0] == two[1]),
        "{renderer:?}"
    );
    assert!(
        rest.len() == 1 && rest[0].starts_with("pipe:"),
        "{renderer:?}"
    );
    cluster.finish(0).await;
}
