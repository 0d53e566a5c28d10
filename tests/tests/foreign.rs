//! Jobs from other AMQP clients: the README's examples are run as they stand there.

use std::process::Command;

use thumbmill_tests::cluster::{Cluster, header, until, variable};
use thumbmill_tests::pictures::photo_jpeg;

const README: &str = include_str!("../../README.md");

/// The README's block of this language that has `word` in it, for a namespace of the test's own.
fn example(language: &str, word: &str, namespace: &str) -> String {
    let begin = format!("```{language}\n");
    let blocks = README.split(&begin).skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap());
    let block = blocks.filter(|block| block.contains(word)).last();
    let block = block.unwrap_or_else(|| panic!("README has no {language} with {word}"));
    assert!(block.contains("thumbmill"), "{block}");
    block
        .replace("exchange=thumbmill", &format!("exchange={namespace}"))
        .replace("\"thumbmill\"", &format!("\"{namespace}\""))
}

fn run(program: &str, flag: &str, text: &str, asset: &str) {
    let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/tools");
    let output = Command::new(program)
        .args([flag, text])
        .env("THUMBMILL_QUEUE", variable("THUMBMILL_TEST_AMQP"))
        .env("ASSET", asset)
        .env("PYTHONPATH", tools)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}: run ./tests/run"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {said}\n{text}");
}

/// What a job may name, once there are queues: an exchange without them drops a message.
async fn original(cluster: &Cluster) -> String {
    cluster.until_connected().await;
    cluster.upload("a.jpg", photo_jpeg(300, 200)).await
}

async fn until_there(cluster: &Cluster, path: &str) {
    cluster.until("thumbmill_jobs_total", "done", 1).await;
    let answer = cluster.get(path).await;
    let timing = header(&answer, "server-timing");
    assert!(timing.starts_with("hit"), "{timing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn python_publishes_a_job_with_pika() {
    let cluster = Cluster::distributed(1, 1, &[]).await;
    let id = original(&cluster).await;
    run(
        "python3",
        "-c",
        &example("python", "pika", &cluster.namespace),
        &id,
    );
    until_there(&cluster, &format!("/assets/{id}?width=200")).await;
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_publishes_a_job_with_amqp_tools() {
    let cluster = Cluster::distributed(1, 1, &[]).await;
    let id = original(&cluster).await;
    run(
        "sh",
        "-c",
        &example("sh", "amqp-publish", &cluster.namespace),
        &id,
    );
    until_there(&cluster, &format!("/assets/{id}?width=200")).await;
    cluster.finish(0).await;
}

/// Whoever sends what is no job finds out why.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_job_is_put_aside_with_what_is_wrong_with_it() {
    let cluster = Cluster::distributed(1, 1, &[]).await;
    let table = [
        ("nonsense", "the message is not a render job: expected"),
        (
            r#"{"version":2,"new":true}"#,
            "the job has version 2, this worker knows version 1",
        ),
        (
            r#"{"version":1,"asset":"3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f","variants":[{"widht":2}]}"#,
            "unknown field `widht`",
        ),
        (
            r#"{"version":1,"asset":"3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f","variants":[]}"#,
            "the job names no variants",
        ),
    ];
    let bodies = table.iter().map(|(body, _)| (*body).to_owned());
    cluster.publish("bulk", bodies).await;
    until("dead letters", async || cluster.waiting("dead").await >= 4).await;
    let (code, list) = cluster.command(&["dead-letters", "list"]);
    for (body, why) in table {
        assert!(list.contains(why), "{code} {body}: {list}");
    }
    cluster.finish(4).await;
}
