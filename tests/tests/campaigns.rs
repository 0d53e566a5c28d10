//! `thumbmill pregenerate` and `thumbmill campaigns`, on real processes.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use thumbmill_tests::cluster::{Cluster, header};
use thumbmill_tests::pictures::photo_jpeg;

const PRESETS: &str = "[card]\nwidth = 40\n[hero]\nwidth = 80\nformat = \"auto\"\n";
const NOWHERE: &str = "3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f";

/// A file of presets, as a variable.
fn presets(folder: &tempfile::TempDir) -> (&'static str, String) {
    let path = folder.path().join("presets.toml");
    std::fs::write(&path, PRESETS).unwrap();
    ("THUMBMILL_PRESETS", path.display().to_string())
}

/// Lines of JSON, by their only key.
fn lines(output: &str, key: &str) -> Vec<Value> {
    let lines = output.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        line.get(key).cloned()
    });
    lines.collect()
}

/// The campaign as a command's last line tells of it.
fn campaign(output: &str) -> Value {
    lines(output, "campaign")
        .pop()
        .unwrap_or_else(|| panic!("{output}"))
}

async fn renders(cluster: &Cluster) -> u64 {
    cluster.metric("thumbmill_renders_total", "").await
}

async fn is_hit(cluster: &Cluster, path: &str) -> bool {
    let answer = cluster.get(path).await;
    header(&answer, "server-timing").starts_with("hit")
}

/// Damaged, too large, not there and no picture at all: each is listed by its cause, and all others
/// are made. Given again the command costs only checks.
#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_ends_with_what_failed_by_cause_and_the_rest_ready() {
    let folder = tempfile::tempdir().unwrap();
    let large = ("THUMBMILL_MAX_DIMENSION", "700".to_owned());
    let cluster = Cluster::distributed(1, 2, &[presets(&folder), large]).await;
    let mut ids = Vec::new();
    for side in 100..112 {
        ids.push(cluster.upload("a.jpg", photo_jpeg(side, 90)).await);
    }
    let mut damaged = photo_jpeg(300, 200);
    damaged.truncate(damaged.len() / 3);
    let expected: BTreeMap<String, &str> = [
        (cluster.upload("b.jpg", damaged).await, "truncated"),
        (
            cluster.upload("c.jpg", photo_jpeg(800, 10)).await,
            "too_many_pixels",
        ),
        (cluster.upload("d.txt", "hello").await, "unsupported"),
        (NOWHERE.to_owned(), "original_missing"),
    ]
    .into();
    let list = folder.path().join("ids");
    let all: Vec<_> = ids
        .iter()
        .chain(expected.keys())
        .map(String::as_str)
        .collect();
    std::fs::write(&list, all.join("\n")).unwrap();
    let list = list.display().to_string();
    let command = [
        "pregenerate",
        "--ids-from",
        &list,
        "--preset",
        "card,hero",
        "--variant",
        "width=30&format=png",
        "--campaign",
        "spring",
        "--wait",
        "--json",
    ];

    let (code, output) = cluster.command(&command);
    assert_eq!(code, 1, "{output}");
    let ended = campaign(&output);
    assert_eq!(
        (
            &ended["originals"],
            &ended["published"],
            &ended["done"],
            &ended["failed"]
        ),
        (&json!(16), &json!(48), &json!(36), &json!(12)),
        "{output}"
    );
    let failures = lines(&output, "failure");
    let found: BTreeMap<String, &str> = failures
        .iter()
        .map(|failure| {
            let variants = failure["variants"].as_array().unwrap();
            assert_eq!(variants.len(), 3, "{failure}");
            let asset = failure["asset"].as_str().unwrap().to_owned();
            (asset, variants[0]["reason"].as_str().unwrap())
        })
        .collect();
    assert_eq!(found, expected);
    // Four pictures each: `auto` is WebP or AVIF, and JPEG.
    assert_eq!(renders(&cluster).await, 12 * 5);
    for id in &ids {
        for query in ["key=card", "key=hero", "width=30&format=png"] {
            assert!(
                is_hit(&cluster, &format!("/assets/{id}?{query}")).await,
                "{id} {query}"
            );
        }
    }

    let (code, output) = cluster.command(&command);
    assert_eq!((code, renders(&cluster).await), (1, 12 * 5), "{output}");
    let ended = campaign(&output);
    assert_eq!(
        (
            &ended["skipped"],
            &ended["done"],
            &ended["failed"],
            &ended["outstanding"]
        ),
        (&json!(36), &json!(36), &json!(12), &json!(0)),
        "{output}"
    );
    assert_eq!(lines(&output, "failure").len(), 4, "{output}");
    cluster.finish(0).await;
}

async fn until_settled(cluster: &Cluster, name: &str) -> Value {
    loop {
        let answer = cluster.get(&format!("/campaigns/{name}")).await;
        let body: Value = answer.json().await.unwrap();
        if body["data"]["outstanding"] == 0 {
            return body["data"].clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_tried_again_once_its_cause_is_gone() {
    let cluster = Cluster::distributed(1, 1, &[]).await;
    let mut damaged = photo_jpeg(300, 200);
    damaged.truncate(damaged.len() / 3);
    let id = cluster.upload("a.jpg", damaged).await;
    cluster.upload("b.jpg", photo_jpeg(60, 40)).await;
    let command = [
        "pregenerate",
        "--all",
        "--variant",
        "width=20",
        "--campaign",
        "c",
        "--wait",
    ];
    let (code, output) = cluster.command(&command);
    assert_eq!(code, 1, "{output}");
    assert!(
        output.contains(&format!("{id}  {{\"width\":20}}  truncated: ")),
        "{output}"
    );
    assert!(
        output.contains("thumbmill campaigns retry-failed c"),
        "{output}"
    );

    let (_, tried) = cluster.command(&["campaigns", "retry-failed", "c"]);
    assert_eq!(tried, "1 thumbnails are tried again\n");
    assert_eq!(until_settled(&cluster, "c").await["failed"], 1);
    let part = reqwest::multipart::Part::bytes(photo_jpeg(300, 200)).file_name("a.jpg");
    let form = reqwest::multipart::Form::new().part("file", part);
    let replace = cluster.client().patch(cluster.url(&format!("/files/{id}")));
    assert_eq!(replace.multipart(form).send().await.unwrap().status(), 200);
    cluster.command(&["campaigns", "retry-failed", "c"]);
    let settled = until_settled(&cluster, "c").await;
    assert_eq!(
        (
            &settled["published"],
            &settled["done"],
            &settled["failed"],
            &settled["failures"]
        ),
        (&json!(2), &json!(2), &json!(0), &json!([]))
    );
    assert!(is_hit(&cluster, &format!("/assets/{id}?width=20")).await);
    let list: Value = cluster.get("/campaigns").await.json().await.unwrap();
    assert_eq!(list["data"][0]["name"], "c");
    assert_eq!(cluster.get("/campaigns/none").await.status(), 404);
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_pauses_goes_on_and_is_cancelled() {
    let cluster = Cluster::distributed(1, 1, &[]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(200, 200)).await;
    let job = |number: u32| {
        format!(
            r#"{{"version":1,"asset":"{id}","variants":[{{"width":{}}}],"campaign":"c","number":{number}}}"#,
            number + 1
        )
    };
    cluster.publish("bulk", std::iter::once(job(0))).await;
    let made = |count| {
        let cluster = &cluster;
        async move {
            while renders(cluster).await < count {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    made(1).await;
    assert_eq!(
        cluster.command(&["campaigns", "pause", "c"]),
        (0, "c pauses\n".to_owned())
    );
    // Until every worker has heard of it.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    cluster.publish("bulk", (1..20).map(job)).await;
    while cluster.waiting("paused.c").await < 19 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(renders(&cluster).await, 1);
    // Others go on.
    let other = format!(r#"{{"version":1,"asset":"{id}","variants":[{{"width":90}}]}}"#);
    cluster.publish("bulk", std::iter::once(other)).await;
    made(2).await;
    let (code, output) = cluster.command(&["campaigns", "resume", "c"]);
    assert_eq!(
        (code, output.as_str()),
        (0, "c goes on; 19 jobs had been put aside\n")
    );
    made(21).await;
    // A job that comes twice counts once.
    cluster.publish("bulk", (0..20).map(job)).await;
    while cluster.metric("thumbmill_jobs_total", "done").await < 41 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (_, shown) = cluster.command(&["campaigns", "show", "c", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (&shown["done"], &shown["state"]),
        (&json!(20), &json!("running"))
    );

    assert_eq!(cluster.command(&["campaigns", "cancel", "c"]).0, 0);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    cluster.publish("bulk", (20..30).map(job)).await;
    while cluster.metric("thumbmill_jobs_total", "done").await < 51 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(renders(&cluster).await, 21);
    let (_, listed) = cluster.command(&["campaigns", "list"]);
    assert!(
        listed.starts_with("c  cancelled  20 of 30 done, 0 skipped, 0 failed, 10 cancelled"),
        "{listed}"
    );
    assert_eq!(cluster.command(&["campaigns", "pause", "d"]).0, 1);
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_before_anything_is_published() {
    let cluster = Cluster::distributed(1, 0, &[]).await;
    cluster.upload("a.jpg", photo_jpeg(60, 40)).await;
    // Its queues are there then.
    while cluster.metric("thumbmill_connected", "queue").await < 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("ids");
    std::fs::write(&list, format!("{NOWHERE}\n\nno id\n")).unwrap();
    let list = list.display().to_string();
    for (arguments, says) in [
        (
            vec!["--all", "--preset", "nope"],
            "Key \"nope\" isn't configured",
        ),
        (vec!["--all", "--variant", "width=0"], "--variant width=0: "),
        (
            vec!["--all", "--variant", "width=9", "--variant", ""],
            "the original itself",
        ),
        (vec!["--all"], "--preset"),
        (vec!["--variant", "width=9"], "--all"),
        (
            vec!["--all", "--prefix", "3", "--variant", "width=9"],
            "cannot be used with",
        ),
        (
            vec!["--ids-from", "/nowhere/ids", "--variant", "width=9"],
            "/nowhere/ids: No such file",
        ),
        (
            vec!["--ids-from", &list, "--variant", "width=9"],
            "line 3, \"no id\": an asset's id is",
        ),
        (
            vec!["--all", "--variant", "width=9", "--rate", "fast"],
            "100/s",
        ),
        (
            vec!["--all", "--variant", "width=9", "--campaign", "a b"],
            "a campaign's name is",
        ),
        (
            vec!["--all", "--variant", "width=9", "--newer-than", "x"],
            "7d",
        ),
    ] {
        let arguments = [vec!["pregenerate"], arguments].concat();
        let (code, output) = cluster.command(&arguments);
        assert_eq!(code, 64, "{arguments:?}: {output}");
        assert!(output.contains(says), "{arguments:?}: {output}");
    }
    assert_eq!(
        cluster
            .command(&["pregenerate", "--all", "--variant", "width=9", "--dry-run"])
            .0,
        0
    );
    assert_eq!(cluster.waiting("bulk").await, 0);
    assert_eq!(cluster.command(&["campaigns", "list"]), (0, String::new()));
    cluster.finish(0).await;
}

/// Each thumbnail of a job has an end of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_thumbnail_that_fails_does_not_undo_the_others_of_its_job() {
    let most = ("THUMBMILL_MAX_DIMENSION", "700".to_owned());
    let cluster = Cluster::distributed(1, 1, &[most]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(300, 200)).await;
    let command = [
        "pregenerate",
        "--all",
        "--variant",
        "width=750",
        "--variant",
        "width=30",
        "--wait",
        "--json",
    ];
    for skipped in [0, 1] {
        let (code, output) = cluster.command(&command);
        let ended = campaign(&output);
        let counts = (&ended["skipped"], &ended["done"], &ended["failed"]);
        let expected = (&json!(skipped), &json!(1 - skipped), &json!(1));
        assert_eq!((code, counts), (1, expected), "{output}");
        let failure = &lines(&output, "failure")[0];
        assert_eq!(failure["asset"], id);
        let variant = &failure["variants"][0];
        assert_eq!(
            (&variant["variant"]["width"], &variant["reason"]),
            (&json!(750), &json!("too_many_pixels"))
        );
        assert_eq!(renders(&cluster).await, 1);
    }
    cluster.finish(0).await;
}

/// The same command, on the form that is one process.
#[tokio::test(flavor = "multi_thread")]
async fn one_process_pregenerates_as_well() {
    let cluster = Cluster::embedded(&[]).await;
    let mut ids = Vec::new();
    for side in 100..110 {
        ids.push(cluster.upload("a.jpg", photo_jpeg(side, 90)).await);
    }
    cluster.upload("d.txt", "hello").await;
    let command = [
        "pregenerate",
        "--all",
        "--variant",
        "width=30",
        "--wait",
        "--json",
    ];
    let (code, output) = cluster.command(&[&command[..], &["--dry-run"]].concat());
    let counted: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(
        (
            code,
            &counted["originals"],
            &counted["not_pictures"],
            &counted["to_make"]
        ),
        (0, &json!(11), &json!(1), &json!(10))
    );
    let (code, output) = cluster.command(&command);
    let ended = campaign(&output);
    assert_eq!(
        (code, &ended["done"], &ended["failed"]),
        (1, &json!(10), &json!(1)),
        "{output}"
    );
    for id in &ids {
        assert!(is_hit(&cluster, &format!("/assets/{id}?width=30")).await);
    }
    let (_, output) = cluster.command(&command);
    assert_eq!(campaign(&output)["skipped"], 10, "{output}");
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn presets_are_made_of_every_upload() {
    let folder = tempfile::tempdir().unwrap();
    let setting = ("THUMBMILL_PREGENERATE", "card, hero".to_owned());
    let cluster = Cluster::distributed(1, 1, &[presets(&folder), setting]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(300, 200)).await;
    while cluster.metric("thumbmill_jobs_total", "done").await < 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for key in ["card", "hero"] {
        assert!(
            is_hit(&cluster, &format!("/assets/{id}?key={key}")).await,
            "{key}"
        );
    }
    let part = reqwest::multipart::Part::bytes(photo_jpeg(200, 300)).file_name("a.jpg");
    let form = reqwest::multipart::Form::new().part("file", part);
    let replace = cluster.client().patch(cluster.url(&format!("/files/{id}")));
    assert_eq!(replace.multipart(form).send().await.unwrap().status(), 200);
    while cluster.metric("thumbmill_jobs_total", "done").await < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(is_hit(&cluster, &format!("/assets/{id}?key=card")).await);
    cluster.finish(0).await;
}

/// Ended by its operator or killed in the middle of its work, the same command goes on: nothing is
/// made twice, and nothing is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_was_interrupted_goes_on_from_there() {
    const ORIGINALS: u64 = 40;
    let cluster = Cluster::distributed(1, 1, &[]).await;
    for side in 0..ORIGINALS as u32 {
        cluster.upload("a.jpg", photo_jpeg(100 + side, 90)).await;
    }
    let command = [
        "pregenerate",
        "--all",
        "--variant",
        "width=30",
        "--campaign",
        "c",
        "--wait",
        "--json",
    ];
    for (signal, after) in [(Signal::INT, 5), (Signal::KILL, 15)] {
        let slowly = [&command[..], &["--rate", "10/s"]].concat();
        let mut running = cluster.begin_command(&slowly);
        while renders(&cluster).await < after {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        kill_process(Pid::from_child(&running), signal).unwrap();
        assert!(!running.wait().unwrap().success());
        assert!(renders(&cluster).await < ORIGINALS);
    }
    let (code, output) = cluster.command(&command);
    let ended = campaign(&output);
    assert_eq!((code, &ended["failed"]), (0, &json!(0)), "{output}");
    assert_eq!(renders(&cluster).await, ORIGINALS);
    let (_, output) = cluster.command(&command);
    let again = campaign(&output);
    let skipped = |campaign: &Value| campaign["skipped"].as_u64().unwrap();
    assert_eq!(skipped(&again) - skipped(&ended), ORIGINALS, "{output}");
    cluster.finish(0).await;
}
