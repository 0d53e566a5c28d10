//! Many clients want what nobody has made yet.

use futures_util::future::join_all;
use thumbmill_tests::cluster::Cluster;
use thumbmill_tests::pictures::{decode, photo_jpeg};

/// 200 clients on two apis with two workers behind them: one job, one render, and every client
/// has the same whole picture.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_clients_on_two_apis_cause_one_render() {
    let cluster = Cluster::distributed(2, 2, &[]).await;
    let id = cluster.upload("sea.jpg", photo_jpeg(2400, 1600)).await;
    let path = format!("/assets/{id}?width=300&height=200&format=webp");
    let requests = (0..200).map(|client| {
        let url = format!("{}{path}", cluster.apis[client % 2].url());
        let get = cluster.client().get(url);
        tokio::spawn(async move {
            let answer = get.send().await.unwrap();
            assert_eq!(answer.status(), 200);
            answer.bytes().await.unwrap()
        })
    });
    let bodies: Vec<_> = join_all(requests)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let picture = decode(&bodies[0]);
    assert_eq!((picture.width(), picture.height()), (300, 200));
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    let renders = cluster.metric("thumbmill_renders_total", "").await;
    let jobs = cluster.metric("thumbmill_jobs_published_total", "").await;
    assert_eq!((renders, jobs), (1, 1));
    cluster.finish(0).await;
}
