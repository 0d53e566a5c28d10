//! `thumbmill pregenerate` and `thumbmill campaigns`, on real processes.

use std::collections::BTreeMap;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use thumbmill_tests::cluster::{Cluster, header, until};
use thumbmill_tests::pictures::photo_jpeg;

mod choice;
mod steering;

const PRESETS: &str = "[card]\nwidth = 40\n[hero]\nwidth = 80\nformat = \"auto\"\n";
/// Originals, and 5 % more that cannot be rendered.
const GOOD: u32 = 152;
const BAD_OF_A_KIND: u32 = 2;
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
    for number in 0..GOOD {
        ids.push(cluster.upload("a.jpg", photo_jpeg(100 + number, 90)).await);
    }
    let mut expected = BTreeMap::new();
    for number in 0..BAD_OF_A_KIND {
        let mut damaged = photo_jpeg(300 + number, 200);
        damaged.truncate(damaged.len() / 3);
        expected.insert(cluster.upload("b.jpg", damaged).await, "truncated");
        let huge = cluster.upload("c.jpg", photo_jpeg(800 + number, 10)).await;
        expected.insert(huge, "too_many_pixels");
        expected.insert(cluster.upload("d.txt", "hello").await, "unsupported");
        let nowhere = format!("{number}{}", &NOWHERE[1..]);
        expected.insert(nowhere, "original_missing");
    }
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

    let bad = 4 * BAD_OF_A_KIND;
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
        (
            &json!(GOOD + bad),
            &json!(3 * (GOOD + bad)),
            &json!(3 * GOOD),
            &json!(3 * bad)
        ),
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
    let made = u64::from(GOOD) * 5;
    assert_eq!(renders(&cluster).await, made);
    for id in &ids {
        for query in ["key=card", "key=hero", "width=30&format=png"] {
            assert!(
                is_hit(&cluster, &format!("/assets/{id}?{query}")).await,
                "{id} {query}"
            );
        }
    }

    let (code, output) = cluster.command(&command);
    assert_eq!((code, renders(&cluster).await), (1, made), "{output}");
    let ended = campaign(&output);
    assert_eq!(
        (
            &ended["skipped"],
            &ended["done"],
            &ended["failed"],
            &ended["outstanding"]
        ),
        (
            &json!(3 * GOOD),
            &json!(3 * GOOD),
            &json!(3 * bad),
            &json!(0)
        ),
        "{output}"
    );
    assert_eq!(lines(&output, "failure").len(), bad as usize, "{output}");
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
    let settings = [
        presets(&folder),
        ("THUMBMILL_PREGENERATE", "card, hero".to_owned()),
        // Workers refuse jobs with more variants than this, so there must be two.
        ("THUMBMILL_MAX_VARIANTS", "1".to_owned()),
    ];
    let cluster = Cluster::distributed(1, 1, &settings).await;
    let id = cluster.upload("a.jpg", photo_jpeg(300, 200)).await;
    cluster.until("thumbmill_jobs_total", "done", 2).await;
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
    cluster.until("thumbmill_jobs_total", "done", 4).await;
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
        until("renders", async || renders(&cluster).await >= after).await;
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
