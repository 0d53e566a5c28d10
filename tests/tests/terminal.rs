//! Text that strangers wrote does nothing to a terminal: every command prints it, and none of it controls.

use std::time::Duration;

use thumbmill_tests::cluster::{Cluster, until};
use thumbmill_tests::pictures::photo_jpeg;
use thumbmill_tests::service::{Binary, run_to_end};

/// Clears the screen, rings, moves the cursor, ends a line, changes the direction of writing.
const HOSTILE: &str = "\u{1b}[2J\u{7}\u{8}\r\u{9b}31m\u{7f}\u{202e}\u{2028}\u{2066}";

fn controls(c: char) -> bool {
    let direction =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (c.is_control() && c != '\n') || matches!(c, '\u{2028}' | '\u{2029}' | '\u{61c}') || direction
}

fn assert_harmless(what: &str, printed: &str) {
    let found: Vec<_> = printed.chars().filter(|c| controls(*c)).collect();
    assert!(found.is_empty(), "{what} prints {found:?}: {printed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_and_no_log_line_prints_what_controls_a_terminal() {
    let cluster = Cluster::distributed(1, 1, &[]).await;
    let id = cluster
        .upload("a.jpg", thumbmill_tests::pictures::photo_jpeg(30, 20))
        .await;
    let text = serde_json::Value::from(format!("{HOSTILE}\nFORGED\n"));
    let jobs = [
        // No JSON, an unknown field, a name that is none, a preset that is none.
        HOSTILE.to_owned(),
        format!(r#"{{"version":1,{text}:1}}"#),
        format!(r#"{{"version":1,"asset":{text},"variants":[{{}}]}}"#),
        format!(r#"{{"version":1,"asset":"{id}","variants":[{{}}],"campaign":{text}}}"#),
        format!(
            r#"{{"version":1,"asset":"{id}","variants":[{{"preset":{text}}}],"campaign":"c"}}"#
        ),
    ];
    let count = u32::try_from(jobs.len()).unwrap();
    cluster.publish("bulk", jobs.into_iter()).await;
    until("dead letters", async || {
        cluster.waiting("dead").await == count
    })
    .await;

    let (_, list) = cluster.command(&["dead-letters", "list"]);
    assert_eq!(list.lines().count(), count as usize, "{list}");
    let ids: Vec<_> = list
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .collect();
    let show = [&["dead-letters", "show"], &ids[..]].concat();
    for arguments in [
        &["dead-letters", "list"][..],
        &show,
        &["dead-letters", "replay", "--all"],
        &["dead-letters", "show", HOSTILE],
        &["campaigns", "list"],
        &["campaigns", "list", "--json"],
        &["campaigns", "show", "c"],
        &["campaigns", "show", "c", "--json"],
        &["campaigns", "show", HOSTILE],
        &["campaigns", "retry-failed", "c"],
        &["variants", "list", "--preset", HOSTILE],
        &["pregenerate", "--all", "--preset", HOSTILE],
        &[HOSTILE],
        &["--wait", HOSTILE],
        &["--presets", HOSTILE],
    ] {
        let (_, printed) = cluster.command(arguments);
        assert_harmless(&format!("{arguments:?}"), &printed);
        assert!(!printed.lines().any(|line| line == "FORGED"), "{printed}");
    }
    let (_, shown) = cluster.command(&["campaigns", "show", "c"]);
    assert!(
        shown.contains("FORGED"),
        "nothing hostile was printed: {shown}"
    );
    let log = cluster.workers[0].log();
    assert!(log.contains("FORGED"), "{log}");
    assert_harmless("the worker's log", &log);
    until("replayed", async || cluster.waiting("dead").await >= count).await;
    assert_eq!(cluster.command(&["dead-letters", "drop", "--all"]).0, 0);
    cluster.finish(0).await;
}

#[test]
fn a_presets_file_that_cannot_be_read_prints_nothing_that_controls() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("presets.toml");
    for text in [
        format!("[{HOSTILE}]\nwidth = 1"),
        format!("[a]\nwidth = \"{HOSTILE}\""),
        format!("[a]\n\"{HOSTILE}\" = 1"),
        HOSTILE.to_owned(),
    ] {
        std::fs::write(&file, text).unwrap();
        let variables = [("THUMBMILL_PRESETS", "presets.toml")];
        for arguments in [
            &["variants", "list"][..],
            &["pregenerate", "--all", "--preset", "a"],
        ] {
            let (code, printed) =
                run_to_end(Binary::Thumbmill, arguments, &variables, folder.path());
            assert_ne!(code, 0, "{printed}");
            assert_harmless("a presets file", &printed);
        }
    }
}

/// Whoever reads the log may be gone, may not read on, or may have no room: then lines are lost, and nothing else.
/// Once every request was dropped, and the process did not end.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_log_stops_nothing() {
    for redirection in [
        "2> >(head -n 1 >/dev/null)",
        "2> >(exec sleep 30)",
        "2>/dev/full",
    ] {
        let command = format!("exec \"$0\" {redirection}");
        let command = ["bash", "-c", &command];
        let level = ("THUMBMILL_LOG_FILTER", "trace".to_owned());
        let mut cluster = Cluster::embedded_under(&command, &[level]).await;
        let id = cluster.upload("a.jpg", photo_jpeg(300, 200)).await;
        for width in 1..60 {
            let miss = cluster.get(&format!("/assets/{id}?width={width}")).await;
            assert_eq!(miss.status(), 200, "{redirection}");
        }
        cluster.until("thumbmill_log_lines_lost_total", "", 1).await;
        let api = cluster.apis.remove(0);
        let ended = api.terminate(Duration::from_secs(20)).await;
        assert!(ended.success(), "{redirection}");
    }
}
