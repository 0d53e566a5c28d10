//! What an operator does with campaigns that there are.

use std::time::Duration;

use serde_json::{Value, json};
use thumbmill_tests::cluster::{Cluster, job_of_campaign, until};
use thumbmill_tests::pictures::photo_jpeg;

use super::{is_hit, renders};

async fn until_settled(cluster: &Cluster, name: &str) -> Value {
    let mut state = Value::Null;
    until("the campaign's end", async || {
        let answer = cluster.get(&format!("/campaigns/{name}")).await;
        let mut body: Value = answer.json().await.unwrap();
        state = body["data"].take();
        state["outstanding"] == 0
    })
    .await;
    state
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
    let job = |number: u32| job_of_campaign(&id, number);
    cluster.publish("bulk", std::iter::once(job(0))).await;
    let made = |count| {
        let cluster = &cluster;
        async move {
            until("renders", async || renders(cluster).await >= count).await;
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
    until("jobs put aside", async || {
        cluster.waiting("paused.c").await >= 19
    })
    .await;
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
    cluster.until("thumbmill_jobs_total", "done", 41).await;
    let (_, shown) = cluster.command(&["campaigns", "show", "c", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (&shown["done"], &shown["state"]),
        (&json!(20), &json!("running"))
    );

    assert_eq!(cluster.command(&["campaigns", "cancel", "c"]).0, 0);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    cluster.publish("bulk", (20..30).map(job)).await;
    cluster.until("thumbmill_jobs_total", "done", 51).await;
    assert_eq!(renders(&cluster).await, 21);
    let (_, listed) = cluster.command(&["campaigns", "list"]);
    assert!(
        listed.starts_with("c  cancelled  20 of 30 done, 0 skipped, 0 failed, 10 cancelled"),
        "{listed}"
    );
    assert_eq!(cluster.command(&["campaigns", "pause", "d"]).0, 1);
    cluster.finish(0).await;
}
