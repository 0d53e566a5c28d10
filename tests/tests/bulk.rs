//! Bulk and people: what is published for later never delays what somebody waits for.

use reqwest::StatusCode;
use thumbmill_tests::cluster::{Cluster, header};
use thumbmill_tests::pictures::photo_jpeg;

/// What somebody asks for that lies far behind in bulk is made at once, and not again when its
/// turn in bulk comes.
#[tokio::test]
async fn a_variant_that_sits_in_bulk_is_made_at_once_when_it_is_asked_for() {
    let setting = ("THUMBMILL_BULK_SLOTS", "1".to_owned());
    let cluster = Cluster::distributed(1, 1, &[setting]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(4000, 3000)).await;
    let jobs = (300..500).map(|width| {
        format!(r#"{{"version":1,"asset":"{id}","variants":[{{"width":{width},"height":300}}]}}"#)
    });
    cluster.publish("bulk", jobs).await;
    let asked = cluster
        .get(&format!("/assets/{id}?width=499&height=300"))
        .await;
    assert_eq!(asked.status(), StatusCode::OK);
    assert!(header(&asked, "server-timing").starts_with("miss"));
    assert!(cluster.waiting("bulk").await > 0, "bulk came first");
    cluster.until("thumbmill_jobs_total", "\"bulk\"", 200).await;
    assert_eq!(cluster.metric("thumbmill_renders_total", "").await, 200);
    cluster.finish(0).await;
}

/// Fields 19 and 41 of proc(5), counted from the name in brackets.
fn priority_and_policy(process: rustix::process::Pid) -> (i32, i32) {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    let stat = stat.unwrap();
    let fields = stat.rsplit(')').next().unwrap();
    let fields: Vec<_> = fields.split_ascii_whitespace().collect();
    (fields[16].parse().unwrap(), fields[38].parse().unwrap())
}

/// People's renders run beside those of bulk and have the CPU first.
#[tokio::test]
async fn renderers_of_bulk_have_the_lowest_priority() {
    let cluster = Cluster::distributed(1, 1, &[]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(480, 320)).await;
    let job = format!(r#"{{"version":1,"asset":"{id}","variants":[{{"width":50}}]}}"#);
    cluster.publish("bulk", [job].into_iter()).await;
    cluster.until("thumbmill_renders_total", "", 1).await;
    // One is started with the worker, for people.
    let renderers = cluster.workers[0].children();
    let mut priorities: Vec<_> = renderers.into_iter().map(priority_and_policy).collect();
    priorities.sort_unstable();
    // SCHED_OTHER and SCHED_IDLE, as sched.h has them.
    assert_eq!(priorities, [(0, 0), (19, 5)]);
    cluster.finish(0).await;
}
