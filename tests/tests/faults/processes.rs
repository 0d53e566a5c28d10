//! Workers and apis that are killed and asked to end, and originals that change meanwhile.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::StatusCode;
use reqwest::multipart::{Form, Part};
use thumbmill_tests::cluster::Cluster;
use thumbmill_tests::pictures::{decode, jpeg, photo_jpeg};

use super::{Ended, ask, ask_until_there, nothing_waits, setting, until_there};

/// Asks for `widths` of a picture, all at once and each until it is there.
fn load(cluster: &Cluster, id: &str, widths: std::ops::Range<u32>) -> tokio::task::JoinHandle<()> {
    let (client, url) = (
        cluster.client().clone(),
        cluster.url(&format!("/assets/{id}")),
    );
    tokio::spawn(async move {
        let each = widths.map(|width| {
            let (client, url) = (client.clone(), format!("{url}?width={width}"));
            tokio::spawn(async move {
                until_there(&client, &url, width).await;
            })
        });
        for each in each.collect::<Vec<_>>() {
            each.await.unwrap();
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn sigkill_of_workers_at_any_moment_loses_no_thumbnail() {
    let settings = [setting("THUMBMILL_ATTEMPTS", "9")];
    let mut cluster = Cluster::distributed(1, 2, &settings).await;
    let id = cluster.upload("a.jpg", photo_jpeg(1200, 800)).await;
    let load = load(&cluster, &id, 100..200);
    let mut random = StdRng::seed_from_u64(1);
    let mut kills = 0;
    while !load.is_finished() && kills < 25 {
        let pause = random.random_range(0..120);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        // Dropped is killed.
        cluster.workers.remove(random.random_range(0..2));
        cluster.start_worker().await;
        kills += 1;
    }
    load.await.unwrap();
    assert!(kills >= 3, "only {kills} kills");
    // None of them became a dead letter, and no job is left.
    nothing_waits(&cluster).await;
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_of_all_workers_under_load_loses_no_request() {
    let mut cluster = Cluster::distributed(1, 2, &[]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(1200, 800)).await;
    let asked: Vec<_> = (100..180)
        .map(|width| {
            let (client, url) = (
                cluster.client().clone(),
                cluster.url(&format!("/assets/{id}?width={width}")),
            );
            tokio::spawn(async move { ask(&client, &url).await == Ended::Picture(width) })
        })
        .collect();
    for _ in 0..2 {
        let worker = cluster.workers.remove(0);
        cluster.start_worker().await;
        let status = worker.terminate(Duration::from_secs(26)).await;
        assert!(status.success(), "{status}");
    }
    for asked in asked {
        assert!(asked.await.unwrap());
    }
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_dies_takes_only_its_own_clients_with_it() {
    let mut cluster = Cluster::distributed(2, 0, &[]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(600, 400)).await;
    let ask_all = |api: usize| {
        let url = format!("{}/assets/{id}?width=60", cluster.apis[api].url());
        let client = cluster.client().clone();
        let asking = move || {
            let (client, url) = (client.clone(), url.clone());
            tokio::spawn(async move { ask(&client, &url).await })
        };
        (0..50).map(|_| asking()).collect::<Vec<_>>()
    };
    let (dying, living) = (ask_all(0), ask_all(1));
    cluster.until("thumbmill_waiting_requests", "", 2).await;
    // And a connection each that asks for this.
    cluster.until("thumbmill_http_connections", "", 102).await;
    cluster.apis.remove(0);
    cluster.start_worker().await;
    for asked in living {
        assert_eq!(asked.await.unwrap(), Ended::Picture(60));
    }
    for asked in dying {
        assert_eq!(asked.await.unwrap(), Ended::Gone);
    }
    assert_eq!(cluster.metric("thumbmill_renders_total", "").await, 1);
    cluster.finish(0).await;
}

/// A picture of one colour.
fn plain(red: u8, green: u8) -> Vec<u8> {
    let colour = image::Rgb([red, green, 0]);
    jpeg(&image::RgbImage::from_pixel(600, 600, colour).into())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_that_is_replaced_while_it_renders_is_never_shown_for_the_new_one() {
    let slow = [setting("THUMBMILL_AVIF_EFFORT", "9")];
    let cluster = Cluster::distributed(1, 1, &slow).await;
    let id = cluster.upload("a.jpg", plain(200, 0)).await;
    // The slow variant keeps the worker at the old original while the fast one waits behind it.
    let waiting: Vec<_> = ["width=500&format=avif&quality=100", "width=50"]
        .map(|query| {
            let get = cluster
                .client()
                .get(cluster.url(&format!("/assets/{id}?{query}")));
            tokio::spawn(async move { get.send().await.unwrap().status() })
        })
        .into();
    cluster.until("thumbmill_jobs_running", "", 1).await;
    let part = Part::bytes(plain(0, 200)).file_name("b.jpg");
    let replaced = cluster
        .client()
        .patch(cluster.url(&format!("/files/{id}")))
        .multipart(Form::new().part("file", part))
        .send();
    assert_eq!(replaced.await.unwrap().status(), StatusCode::OK);
    ask_until_there(&cluster, &format!("/assets/{id}?width=50"), 50).await;
    let shown = cluster.get(&format!("/assets/{id}?width=50")).await;
    let shown = decode(&shown.bytes().await.unwrap()).to_rgb8();
    let [red, green, _] = shown.get_pixel(25, 25).0;
    assert!(green > 150 && red < 50, "{red} {green}");
    for waiting in waiting {
        let status = waiting.await.unwrap();
        assert!([200, 409, 503].contains(&status.as_u16()), "{status}");
    }
    cluster.finish(0).await;
}
