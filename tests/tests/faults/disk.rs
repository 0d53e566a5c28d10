//! The disk under a folder of originals and thumbnails is full.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response};
use serde_json::Value;
use thumbmill_tests::cluster::{header, until};
use thumbmill_tests::disk::OnSmallDisk;
use thumbmill_tests::pictures::{decode, photo_jpeg};

use super::{Ended, ask};

const END_WITHIN: Duration = Duration::from_secs(30);

fn file(bytes: Vec<u8>) -> Form {
    Form::new().part("file", Part::bytes(bytes).file_name("a.jpg"))
}

async fn upload(client: &Client, disk: &OnSmallDisk, bytes: Vec<u8>) -> Response {
    let post = client.post(format!("{}/files", disk.service.url()));
    post.multipart(file(bytes)).send().await.unwrap()
}

/// 507, with the code that says why.
async fn is_refused_for_room(answer: Response) {
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(status, 507, "{body}");
    let code = &body["errors"][0]["extensions"]["code"];
    assert_eq!(code, "INSUFFICIENT_STORAGE");
}

async fn jobs(disk: &OnSmallDisk, settled: &str) -> u64 {
    disk.service.metric("thumbmill_jobs_total", settled).await
}

/// Waits until so many jobs were settled like this.
async fn until_settled(disk: &OnSmallDisk, settled: &str, times: u64) {
    until(settled, async || jobs(disk, settled).await >= times).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_uploads_are_refused_and_jobs_wait_until_there_is_room() {
    let disk = OnSmallDisk::start(&[]).await;
    let client = Client::builder().no_proxy().build().unwrap();
    let answer = upload(&client, &disk, photo_jpeg(600, 400)).await;
    let body: Value = answer.json().await.unwrap();
    let id = body["data"]["id"].as_str().unwrap();
    let asset = format!("{}/assets/{id}", disk.service.url());
    let description = format!("{}/files/{id}", disk.service.url());
    assert_eq!(
        ask(&client, &format!("{asset}?width=50")).await,
        Ended::Picture(50)
    );
    let before = disk.files();
    let deleted = upload(&client, &disk, photo_jpeg(300, 200)).await;
    let deleted: Value = deleted.json().await.unwrap();
    let deleted = deleted["data"]["id"].as_str().unwrap();
    let url = disk.service.url();
    let thumbnail = format!("{url}/assets/{deleted}?width=50");
    assert_eq!(ask(&client, &thumbnail).await, Ended::Picture(50));

    disk.fill();
    // Smaller and larger than what a program writes at once.
    for picture in [photo_jpeg(60, 40), photo_jpeg(2000, 1500)] {
        is_refused_for_room(upload(&client, &disk, picture.clone()).await).await;
        let replace = client.patch(&description).multipart(file(picture));
        is_refused_for_room(replace.send().await.unwrap()).await;
    }
    let amend = client
        .patch(&description)
        .json(&serde_json::json!({"title": "B"}));
    is_refused_for_room(amend.send().await.unwrap()).await;
    // To delete something is how one makes room.
    let delete = client.delete(format!("{url}/files/{deleted}"));
    assert_eq!(delete.send().await.unwrap().status(), 204);
    disk.fill();
    for width in [60, 300] {
        let get = client.get(format!("{asset}?width={width}"));
        let answer = get.header("prefer", "wait=1").send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "retry-after")),
            (503, "1".into())
        );
    }
    until_settled(&disk, "postponed", 2).await;
    assert_eq!(
        ask(&client, &format!("{asset}?width=50")).await,
        Ended::Picture(50)
    );
    let mut during = disk.files();
    during.retain(|path| !path.ends_with("ballast"));
    assert_eq!(during, before, "something was left behind");

    disk.empty();
    // Without anybody who asks.
    until_settled(&disk, "done", 4).await;
    for width in [60, 300] {
        let answer = client
            .get(format!("{asset}?width={width}"))
            .send()
            .await
            .unwrap();
        assert!(
            header(&answer, "server-timing").starts_with("hit"),
            "{answer:?}"
        );
        assert_eq!(decode(&answer.bytes().await.unwrap()).width(), width);
    }
    assert_eq!(
        upload(&client, &disk, photo_jpeg(60, 40)).await.status(),
        200
    );
    assert_eq!(jobs(&disk, "dead").await, 0);
    assert!(disk.service.terminate(END_WITHIN).await.success());
}
