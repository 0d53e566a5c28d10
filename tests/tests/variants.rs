//! Thumbnails as operators see them: listed, purged, renewed by use, and made on a ladder of sizes.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use serde_json::Value;
use tempfile::TempDir;
use thumbmill_tests::cluster::{Cluster, header};
use thumbmill_tests::pictures::{decode, photo_jpeg};
use thumbmill_tests::service::{Binary, run_to_end};

const PRESETS: &str = "[card]\nwidth = 20\nheight = 20\n[wide]\nwidth = 30\nformat = \"auto\"";
const DAY: Duration = Duration::from_hours(24);

/// Presets in a file, as a variable.
fn presets(folder: &TempDir) -> (&'static str, String) {
    let path = folder.path().join("presets.toml");
    std::fs::write(&path, PRESETS).unwrap();
    ("THUMBMILL_PRESETS", path.display().to_string())
}

/// The command's exit code and what it prints.
fn variants(cluster: &Cluster, arguments: &str) -> (i32, String) {
    let variables = cluster.variables.iter();
    let credentials: Vec<_> = std::env::vars()
        .filter(|(name, _)| name.starts_with("AWS_"))
        .collect();
    let credentials = credentials
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let variables: Vec<_> = variables
        .map(|(name, value)| (*name, value.as_str()))
        .chain(credentials)
        .collect();
    let words = arguments.split_whitespace();
    let arguments: Vec<_> = std::iter::once("variants").chain(words).collect();
    run_to_end(Binary::Thumbmill, &arguments, &variables, Path::new("."))
}

/// How many thumbnails are listed; the sum agrees with the lines.
fn listed(cluster: &Cluster, arguments: &str) -> usize {
    let (code, text) = variants(cluster, &format!("list {arguments}"));
    assert_eq!(code, 0, "{text}");
    let mut lines: Vec<_> = text.lines().collect();
    let bytes = |line: &&str| -> u64 {
        let word = line.split_whitespace().nth(1).unwrap();
        word.parse().unwrap()
    };
    let sum = lines.pop().unwrap();
    let total: u64 = lines.iter().map(bytes).sum();
    let expected = match lines.len() {
        1 => format!("1 thumbnail, {total} bytes"),
        count => format!("{count} thumbnails, {total} bytes"),
    };
    assert_eq!(sum, expected);
    lines.len()
}

/// What purging says, without the bytes.
fn purged(cluster: &Cluster, arguments: &str) -> String {
    let (code, text) = variants(cluster, &format!("purge {arguments}"));
    assert_eq!(code, 0, "{text}");
    text.split(',').next().unwrap().to_owned()
}

async fn get(cluster: &Cluster, path: &str) {
    let request = cluster.client().get(cluster.url(path));
    let answer = request.header("accept", "image/webp").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.bytes().await.unwrap();
}

async fn delete(cluster: &Cluster, path: &str) -> StatusCode {
    let request = cluster.client().delete(cluster.url(path));
    request.send().await.unwrap().status()
}

async fn they_are_listed_and_purged_as_chosen(cluster: Cluster) {
    let a = cluster.upload("a.jpg", photo_jpeg(120, 90)).await;
    let b = cluster.upload("b.jpg", photo_jpeg(90, 120)).await;
    for path in [
        format!("/assets/{a}?key=card"),
        format!("/assets/{a}?key=wide"),
        format!("/assets/{a}?width=11"),
        format!("/assets/{b}?key=card"),
    ] {
        get(&cluster, &path).await;
    }
    assert_eq!(listed(&cluster, ""), 4);
    assert_eq!(listed(&cluster, "--all"), 4);
    assert_eq!(listed(&cluster, &format!("--asset {a}")), 3);
    assert_eq!(listed(&cluster, &format!("--asset {a} --asset {b}")), 4);
    assert_eq!(listed(&cluster, "--preset card"), 2);
    assert_eq!(listed(&cluster, "--preset card --preset wide"), 3);
    assert_eq!(listed(&cluster, &format!("--preset card --asset {b}")), 1);
    assert_eq!(listed(&cluster, "--older-than 1h"), 0);
    assert_eq!(listed(&cluster, "--older-than 0s --preset wide"), 1);

    let (code, json) = variants(&cluster, "list --json --preset wide");
    let json: Value = serde_json::from_str(json.trim()).unwrap();
    assert_eq!((code, json["asset"].as_str()), (0, Some(a.as_str())));
    let (_, ending) = json["file"].as_str().unwrap().split_once('.').unwrap();
    assert_eq!(ending, "webp");

    assert_eq!(
        purged(&cluster, "--all --dry-run"),
        "would purge 4 thumbnails"
    );
    assert_eq!(listed(&cluster, ""), 4);
    assert_eq!(purged(&cluster, "--older-than 1h"), "purged 0 thumbnails");
    assert_eq!(purged(&cluster, "--preset card"), "purged 2 thumbnails");
    assert_eq!(listed(&cluster, ""), 2);
    get(&cluster, &format!("/assets/{b}?key=card")).await;
    assert_eq!(listed(&cluster, &format!("--asset {b}")), 1);
    let both = format!("--asset {a} --older-than 0s");
    assert_eq!(purged(&cluster, &both), "purged 2 thumbnails");
    assert_eq!(purged(&cluster, "--all"), "purged 1 thumbnail");
    assert_eq!(variants(&cluster, "list").1, "0 thumbnails, 0 bytes\n");
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_folder_they_are_listed_and_purged_as_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::embedded(&[presets(&folder)]).await;
    they_are_listed_and_purged_as_chosen(cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_s3_they_are_listed_and_purged_as_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::distributed(1, 1, &[presets(&folder)]).await;
    they_are_listed_and_purged_as_chosen(cluster).await;
}

#[test]
fn a_choice_that_cannot_be_understood_ends_with_64_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &str| {
        let words: Vec<_> = arguments.split_whitespace().collect();
        run_to_end(Binary::Thumbmill, &words, &[], folder.path())
    };
    for (arguments, says) in [
        ("variants", "list"),
        ("variants purge", "--asset"),
        ("variants purge --dry-run", "--asset"),
        ("variants purge --all --older-than 1d", "--all"),
        ("variants purge --asset nonsense", "UUID"),
        ("variants list --older-than old", "90d"),
        ("variants list --preset nowhere", "nowhere"),
    ] {
        let (code, text) = run(arguments);
        assert_eq!(code, 64, "{arguments}: {text}");
        assert!(text.contains(says), "{arguments}: {text}");
    }
}

async fn variants_of_an_original_are_deleted_and_made_again(cluster: Cluster) {
    let id = cluster.upload("a.jpg", photo_jpeg(120, 90)).await;
    let other = cluster.upload("b.jpg", photo_jpeg(120, 90)).await;
    let path = format!("/assets/{id}?width=12");
    let first = cluster.get(&path).await.bytes().await.unwrap();
    get(&cluster, &format!("/assets/{other}?width=12")).await;
    let variants = format!("/files/{id}/variants");
    assert_eq!(delete(&cluster, &variants).await, StatusCode::NO_CONTENT);
    assert_eq!(listed(&cluster, ""), 1);
    let again = cluster.get(&path).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert!(header(&again, "server-timing").starts_with("miss"));
    assert_eq!(again.bytes().await.unwrap(), first);
    assert_eq!(listed(&cluster, &format!("--asset {id}")), 1);
    // Without any there is nothing to do.
    for _ in 0..2 {
        assert_eq!(delete(&cluster, &variants).await, StatusCode::NO_CONTENT);
    }
    assert_eq!(
        delete(&cluster, &format!("/files/{id}")).await,
        StatusCode::NO_CONTENT
    );
    for path in [variants.as_str(), "/files/nonsense/variants"] {
        assert_eq!(
            delete(&cluster, path).await,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_one_process_variants_are_deleted_and_made_again() {
    variants_of_an_original_are_deleted_and_made_again(Cluster::embedded(&[]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_servers_variants_are_deleted_and_made_again() {
    variants_of_an_original_are_deleted_and_made_again(Cluster::distributed(1, 1, &[]).await).await;
}

/// The file that the only thumbnail of an original is.
fn thumbnail(cluster: &Cluster, id: &str) -> PathBuf {
    let (_, json) = variants(cluster, &format!("list --json --asset {id}"));
    let json: Value = serde_json::from_str(json.trim()).unwrap();
    let (_, storage) = &cluster.variables[0];
    Path::new(storage.strip_prefix("file:").unwrap()).join(json["object"].as_str().unwrap())
}

fn date(path: &Path) -> SystemTime {
    path.metadata().unwrap().modified().unwrap()
}

fn make_old(path: &Path, age: Duration) -> SystemTime {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
    date(path)
}

async fn until_young(path: &Path) {
    // It may lie a moment ahead: every put has a nanosecond of its own.
    while date(path).elapsed().is_ok_and(|age| age > DAY) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thumbnail_that_is_asked_for_gets_a_young_date() {
    let renew = [("THUMBMILL_RENEW_AFTER", "1d".to_owned())];
    let cluster = Cluster::embedded(&renew).await;
    let mut ids = Vec::new();
    for name in ["read.jpg", "confirmed.jpg", "young.jpg", "forgotten.jpg"] {
        ids.push(cluster.upload(name, photo_jpeg(40, 30)).await);
    }
    let path = |id: &String| format!("/assets/{id}?width=10");
    let mut files = Vec::new();
    let mut tag = String::new();
    for id in &ids {
        let answer = cluster.get(&path(id)).await;
        if *id == ids[1] {
            tag = header(&answer, "etag");
        }
        files.push(thumbnail(&cluster, id));
    }
    make_old(&files[0], 40 * DAY);
    make_old(&files[1], 40 * DAY);
    let young = make_old(&files[2], DAY / 2);
    make_old(&files[3], 40 * DAY);

    let before = std::fs::read(&files[0]).unwrap();
    get(&cluster, &path(&ids[0])).await;
    until_young(&files[0]).await;
    assert_eq!(std::fs::read(&files[0]).unwrap(), before);

    let request = cluster.client().get(cluster.url(&path(&ids[1])));
    let answer = request.header("if-none-match", tag).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_MODIFIED);
    until_young(&files[1]).await;

    for _ in 0..5 {
        get(&cluster, &path(&ids[2])).await;
    }
    assert_eq!(purged(&cluster, "--older-than 30d"), "purged 1 thumbnail");
    assert!(!files[3].exists());
    get(&cluster, &path(&ids[3])).await;
    assert_eq!(date(&files[2]), young);
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_are_left_alone_unless_they_are_to_be_renewed() {
    let cluster = Cluster::embedded(&[]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(40, 30)).await;
    let path = format!("/assets/{id}?width=10");
    get(&cluster, &path).await;
    let file = thumbnail(&cluster, &id);
    let old = make_old(&file, 40 * DAY);
    for _ in 0..5 {
        get(&cluster, &path).await;
    }
    assert_eq!(date(&file), old);
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_sizes_below_a_rung_are_one_thumbnail() {
    let folder = tempfile::tempdir().unwrap();
    let ladder = ("THUMBMILL_WIDTHS", "80,40".to_owned());
    let cluster = Cluster::embedded(&[presets(&folder), ladder]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(200, 100)).await;
    for (query, width, height, renders) in [
        ("width=30", 40, 20, 1),
        ("width=40", 40, 20, 1),
        ("width=1", 40, 20, 1),
        ("width=41", 80, 40, 2),
        ("width=9999", 80, 40, 2),
        ("width=30&height=30", 40, 40, 3),
        ("width=20&height=20", 40, 40, 3),
        ("height=50", 160, 80, 4),
        // What a preset brings is exact, what overrides it is not.
        ("key=card", 20, 20, 5),
        ("key=card&width=20&height=20", 40, 40, 5),
    ] {
        let answer = cluster.get(&format!("/assets/{id}?{query}")).await;
        let picture = decode(&answer.bytes().await.unwrap());
        assert_eq!(
            (picture.width(), picture.height()),
            (width, height),
            "{query}"
        );
        let made = cluster.metric("thumbmill_renders_total", "").await;
        assert_eq!(made, renders, "{query}");
    }
    cluster.finish(0).await;
}
