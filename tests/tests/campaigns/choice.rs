//! Of which originals, how fast, and what cannot be obeyed.

use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use thumbmill_tests::cluster::Cluster;
use thumbmill_tests::pictures::photo_jpeg;

use super::{NOWHERE, campaign, renders};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_before_anything_is_published() {
    let cluster = Cluster::distributed(1, 0, &[]).await;
    cluster.upload("a.jpg", photo_jpeg(60, 40)).await;
    // Its queues are there then.
    cluster.until_connected().await;
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

/// How many originals are meant, and how many thumbnails of them are to be made.
fn counted(cluster: &Cluster, chosen: &[&str]) -> (u64, u64) {
    let command = [
        &[
            "pregenerate",
            "--variant",
            "width=30",
            "--dry-run",
            "--json",
        ],
        chosen,
    ];
    let (code, output) = cluster.command(&command.concat());
    assert_eq!(code, 0, "{chosen:?}: {output}");
    let counted: Value = serde_json::from_str(&output).unwrap();
    let count = |name: &str| counted[name].as_u64().unwrap();
    (count("originals"), count("to_make"))
}

#[tokio::test(flavor = "multi_thread")]
async fn originals_are_chosen_by_the_beginning_of_their_ids_by_age_or_by_a_list() {
    let cluster = Cluster::distributed(1, 1, &[]).await;
    let mut ids = Vec::new();
    for side in 100..112 {
        ids.push(cluster.upload("a.jpg", photo_jpeg(side, 90)).await);
    }
    assert_eq!(counted(&cluster, &["--all"]), (12, 12));
    for prefix in [&ids[0][..1], &ids[1][..2], &ids[2].to_uppercase(), "none"] {
        let lower = prefix.to_lowercase();
        let expected = ids.iter().filter(|id| id.starts_with(&lower)).count() as u64;
        let found = counted(&cluster, &["--prefix", prefix]);
        assert_eq!(found, (expected, expected), "{prefix}");
    }

    // The store dates to the second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let moment = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(counted(&cluster, &["--all", "--newer-than", &moment]).1, 0);
    let young = cluster.upload("a.jpg", photo_jpeg(200, 90)).await;
    let renamed = cluster.url(&format!("/files/{}", ids[3]));
    let point = json!({"focal_point_x": 3, "focal_point_y": 4});
    let answer = cluster.client().patch(renamed).json(&point).send().await;
    assert_eq!(answer.unwrap().status(), 200);
    for newer in [&moment, "2s", "1h"] {
        let expected = if newer == "1h" { 13 } else { 2 };
        let found = counted(&cluster, &["--all", "--newer-than", newer]).1;
        assert_eq!(found, expected, "{newer}");
    }
    let command = ["pregenerate", "--all", "--variant", "width=30", "--wait"];
    let younger = ["--newer-than", &moment];
    let (code, output) = cluster.command(&[&command[..], &younger].concat());
    assert_eq!((code, renders(&cluster).await), (0, 2), "{output}");

    // Empty lines are none, however many.
    let chosen = [&young, &ids[4], &ids[5].to_uppercase()];
    let lines = chosen.map(|id| format!("  {id}\r\n"));
    let list = "\n".repeat(2500) + &lines.concat();
    let command = "pregenerate --ids-from - --variant width=30 --wait --json";
    let (code, output) = cluster.command_with(&list, command);
    let ended = campaign(&output);
    let counts = (&ended["originals"], &ended["skipped"], &ended["done"]);
    assert_eq!((code, counts), (0, (&json!(3), &json!(1), &json!(2))));
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_jobs_are_published_a_second_than_the_rate_allows() {
    const JOBS: u32 = 25;
    let cluster = Cluster::distributed(1, 1, &[]).await;
    for side in 0..JOBS {
        cluster.upload("a.jpg", photo_jpeg(100 + side, 90)).await;
    }
    for (variant, rate, least) in [
        ("width=31", "10/s", Duration::from_millis(2400)),
        ("width=32", "1000", Duration::ZERO),
    ] {
        let begun = Instant::now();
        let command = ["pregenerate", "--all", "--variant", variant, "--rate", rate];
        let (code, output) = cluster.command(&command);
        assert_eq!(code, 0, "{output}");
        assert!(begun.elapsed() >= least, "{rate}: {:?}", begun.elapsed());
    }
    cluster
        .until("thumbmill_renders_total", "", 2 * u64::from(JOBS))
        .await;
    cluster.finish(0).await;
}
