//! Jobs of many variants, and messages that are too large: neither delays people, nor takes memory.

use std::fmt::Write;

use reqwest::StatusCode;
use serde_json::Value;
use thumbmill_shared::encoding::Encoding;
use thumbmill_shared::format::Format;
use thumbmill_shared::job::RenderJob;
use thumbmill_shared::transform::VariantRequest;
use thumbmill_shared::variant::Variant;
use thumbmill_tests::cluster::{Cluster, header, until};
use thumbmill_tests::pictures::photo_jpeg;

const ASSET: &str = "3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f";
/// Of the large job.
const VARIANTS: u32 = 60;

fn setting(name: &'static str, value: &str) -> (&'static str, String) {
    (name, value.to_owned())
}

/// AVIF of `count` widths; its encoder is slow.
fn job(id: &str, count: u32) -> String {
    let mut variants = String::new();
    for number in 0..count {
        let comma = if number == 0 { "" } else { "," };
        write!(
            variants,
            r#"{comma}{{"width":{},"format":"avif"}}"#,
            480 - number
        )
        .unwrap();
    }
    format!(r#"{{"version":1,"asset":"{id}","variants":[{variants}]}}"#)
}

/// The width of the variant that the worker comes to last.
async fn last_width(cluster: &Cluster, id: &str, effort: u8) -> u32 {
    let etag = header(&cluster.get(&format!("/assets/{id}")).await, "etag");
    let version: Value = etag.trim_matches('"').into();
    let encoding: Encoding =
        serde_json::from_value(serde_json::json!({"avif_effort": effort})).unwrap();
    let job = RenderJob::parse(job(id, VARIANTS).as_bytes(), VARIANTS).unwrap();
    let key = |request: &VariantRequest| {
        let variant = Variant {
            asset: id.parse().unwrap(),
            original_version: serde_json::from_value(version.clone()).unwrap(),
            transform: request.resolve(Format::Jpeg, Format::Jpeg),
            encoding,
        };
        variant.key().as_str().to_owned()
    };
    let last = job.variants.iter().max_by_key(|request| key(request));
    last.unwrap().width.unwrap().get()
}

/// A job once held the leases of all its variants for as long as it rendered, and had 30 seconds for all of
/// them: the rest were "too slow".
#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_asks_for_a_variant_of_a_large_job_does_not_wait_for_the_job() {
    let cluster = Cluster::distributed(
        1,
        1,
        &[
            setting("THUMBMILL_AVIF_EFFORT", "4"),
            setting("THUMBMILL_RENDER_TIMEOUT", "5s"),
        ],
    )
    .await;
    let id = cluster.upload("a.jpg", photo_jpeg(1200, 900)).await;
    let width = last_width(&cluster, &id, 4).await;
    cluster
        .publish("bulk", std::iter::once(job(&id, VARIANTS)))
        .await;
    // It has given its leases back by then.
    cluster.until("thumbmill_renders_total", "", 8).await;
    let path = format!("/assets/{id}?width={width}&format=avif");
    let ask = cluster.client().get(cluster.url(&path));
    let answer = ask.header("Prefer", "wait=30").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let rendered = cluster.metric("thumbmill_renders_total", "").await;
    assert!(
        rendered < u64::from(VARIANTS) / 2,
        "answered after {rendered}"
    );
    // Each was made once, and none was too slow, though they did not have the time of one.
    cluster.until("thumbmill_jobs_total", "done", 2).await;
    let renders = cluster.metric("thumbmill_renders_total", "").await;
    let ends = ["found", "known", "held", "too_slow", "rendered"];
    let mut counts = Vec::new();
    for end in ends {
        counts.push((end, cluster.metric("thumbmill_variants_total", end).await));
    }
    assert_eq!(renders, u64::from(VARIANTS), "{counts:?}");
    assert_eq!(counts[3], ("too_slow", 0));
    assert!(cluster.metric("thumbmill_jobs_total", "deferred").await >= 1);
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_too_many_variants_is_a_dead_letter_that_names_the_limit() {
    let cluster = Cluster::distributed(1, 1, &[setting("THUMBMILL_MAX_VARIANTS", "5")]).await;
    cluster
        .publish("bulk", std::iter::once(job(ASSET, 6)))
        .await;
    until("a dead letter", async || cluster.waiting("dead").await == 1).await;
    let (_, list) = cluster.command(&["dead-letters", "list"]);
    assert!(
        list.contains("names 6 variants, the limit is THUMBMILL_MAX_VARIANTS=5"),
        "{list}"
    );
    cluster.finish(1).await;
}

/// Jobs of 100 MB once took a worker to 2.9 GB.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_is_no_job_and_takes_no_memory() {
    const LARGE: usize = 100_000_000;
    let cluster = Cluster::distributed(1, 1, &[]).await;
    let before = peak_mib(&cluster);
    let element = r#"{"width":1},"#;
    let filler = element.repeat(LARGE / element.len());
    let body = format!(r#"{{"version":1,"asset":"{ASSET}","variants":[{filler}{{"width":2}}]}}"#);
    let length = body.len();
    // One at a time: the test has it in memory, too.
    for _ in 0..4 {
        cluster.publish("bulk", std::iter::once(body.clone())).await;
    }
    until("dead letters", async || cluster.waiting("dead").await == 4).await;
    let after = peak_mib(&cluster);
    println!(
        "peak memory of the worker: {before} MiB before, {after} MiB after 4 messages of {length} bytes"
    );
    // One message, and room for it to grow into, as the client library collects it.
    assert!(after - before < 450, "{before} MiB, then {after} MiB");
    let (_, list) = cluster.command(&["dead-letters", "list"]);
    let says =
        format!("the message has {length} bytes, a job of at most THUMBMILL_MAX_VARIANTS=100");
    assert!(list.contains(&says), "{list}");
    let id = list.split_whitespace().nth(2).unwrap();
    let (_, shown) = cluster.command(&["dead-letters", "show", id]);
    let shown = shown.lines().next().unwrap();
    assert!(shown.len() < 20_000, "{} bytes", shown.len());
    assert_eq!(cluster.command(&["dead-letters", "drop", "--all"]).0, 0);
    cluster.finish(0).await;
}

/// The largest memory that the worker ever had (proc(5): `VmHWM`).
fn peak_mib(cluster: &Cluster) -> u64 {
    let status = format!("/proc/{}/status", cluster.workers[0].pid().as_raw_nonzero());
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kib / 1024
}
