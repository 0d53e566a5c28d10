//! `thumbmill dead-letters`, on jobs that never come out.

use serde_json::Value;
use thumbmill_tests::cluster::{Cluster, until};
use thumbmill_tests::service::{Binary, run_to_end};

const NO_JOB: &str = "hello";
const NO_PRESET: &str = r#"{"version":1,"asset":"3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f","variants":[{"preset":"nowhere"}]}"#;

async fn wait_for(cluster: &Cluster, dead: u32) {
    until("dead letters", async || {
        cluster.waiting("dead").await == dead
    })
    .await;
}

/// The command's exit code and what it prints.
fn command(cluster: &Cluster, arguments: &[&str]) -> (i32, String) {
    cluster.command(&[&["dead-letters"], arguments].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_shown_replayed_and_dropped() {
    let cluster = Cluster::distributed(1, 1, &[]).await;
    let id = cluster
        .upload("a.jpg", thumbmill_tests::pictures::photo_jpeg(30, 20))
        .await;
    let unknown = NO_PRESET.replace("3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f", &id);
    let jobs = [NO_JOB.to_owned(), unknown];
    cluster.publish("bulk", jobs.into_iter()).await;
    wait_for(&cluster, 2).await;

    let (code, list) = command(&cluster, &["list"]);
    assert_eq!((code, list.lines().count()), (0, 2), "{list}");
    let line = list.lines().find(|line| line.contains("nowhere")).unwrap();
    let job = line.split_whitespace().nth(2).unwrap();
    assert!(list.contains("not a render job"), "{list}");

    let (code, shown) = command(&cluster, &["show", &job[..8]]);
    assert_eq!(code, 0, "{shown}");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (&shown["id"], &shown["lane"]),
        (&job.into(), &"bulk".into())
    );
    assert_eq!(shown["job"]["variants"][0]["preset"], "nowhere");
    assert_eq!(shown["attempts"], 1);
    assert!(
        cluster.workers[0]
            .log()
            .contains(shown["worker"].as_str().unwrap())
    );
    assert_eq!(command(&cluster, &["show", "ffff"]).0, 1);
    // A look leaves everything where it is.
    wait_for(&cluster, 2).await;

    // It comes to the same end again, by way of its lane.
    let died = shown["died"].clone();
    let (code, replayed) = command(&cluster, &["replay", job]);
    assert_eq!((code, replayed.trim()), (0, "replayed 1"));
    wait_for(&cluster, 2).await;
    let shown: Value = serde_json::from_str(&command(&cluster, &["show", job]).1).unwrap();
    assert_ne!(shown["died"], died);

    // They are back before the command has gone through all; it replays each once.
    let (code, replayed) = command(&cluster, &["replay", "--all"]);
    assert_eq!((code, replayed.trim()), (0, "replayed 2"));
    wait_for(&cluster, 2).await;

    assert_eq!(
        command(&cluster, &["drop", job]),
        (0, "dropped 1\n".to_owned())
    );
    wait_for(&cluster, 1).await;
    assert_eq!(
        command(&cluster, &["drop", "--all"]),
        (0, "dropped 1\n".to_owned())
    );
    assert_eq!(command(&cluster, &["list"]), (0, String::new()));
    cluster.finish(0).await;
}

/// The failure of a job that was put aside is remembered for an hour; a replay is for when its
/// cause is gone.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_replayed_is_tried_again_whatever_is_remembered() {
    let too_little = [
        ("THUMBMILL_ATTEMPTS", "1".to_owned()),
        ("THUMBMILL_ISOLATION_MEMORY", "100MiB".to_owned()),
    ];
    let mut cluster = Cluster::distributed(1, 1, &too_little).await;
    let picture = thumbmill_tests::pictures::photo_jpeg(5000, 4000);
    let id = cluster.upload("a.jpg", picture).await;
    let path = format!("/assets/{id}?format=png");
    assert_eq!(cluster.get(&path).await.status(), 422);
    wait_for(&cluster, 1).await;
    cluster.workers.clear();
    cluster
        .variables
        .push(("THUMBMILL_ISOLATION_MEMORY", "2GiB".to_owned()));
    cluster.start_worker().await;
    assert_eq!(cluster.get(&path).await.status(), 422);
    let (code, replayed) = command(&cluster, &["replay", "--all"]);
    assert_eq!((code, replayed.trim()), (0, "replayed 1"));
    cluster.until("thumbmill_renders_total", "", 1).await;
    assert_eq!(cluster.get(&path).await.status(), 200);
    cluster.finish(0).await;
}

#[test]
fn a_command_that_cannot_be_obeyed_says_why() {
    let here = std::path::Path::new(".");
    let run = |arguments: &[&str]| run_to_end(Binary::Thumbmill, arguments, &[], here);
    for arguments in [
        &["dead-letters"][..],
        &["dead-letters", "drop", ""],
        &["dead-letters", "drop"],
        &["dead-letters", "eat"],
    ] {
        assert_eq!(run(arguments).0, 64, "{arguments:?}");
    }
    let (code, text) = run(&["dead-letters", "list"]);
    assert_eq!(code, 1);
    assert!(text.contains("embedded queue"), "{text}");
    let (code, text) = run(&["dead-letters", "list", "--queue", "amqp://127.0.0.1:1"]);
    assert_eq!(code, 1);
    assert!(text.contains("connect"), "{text}");
}
