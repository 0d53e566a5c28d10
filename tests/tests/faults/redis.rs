//! Redis is away, silent, cut off and emptied.

use std::time::{Duration, Instant};

use thumbmill_tests::cluster::{Cluster, job_of_campaign, until};
use thumbmill_tests::pictures::photo_jpeg;
use thumbmill_tests::proxy::Mode;
use thumbmill_tests::servers::Redis;

use super::{Ended, ask, ask_until_there, behind_proxy};

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_hits_are_served_and_misses_made() {
    let (proxy, readiness) = behind_proxy("THUMBMILL_READINESS", "THUMBMILL_TEST_REDIS").await;
    let cluster = Cluster::distributed(2, 1, &[readiness]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(600, 400)).await;
    ask_until_there(&cluster, &format!("/assets/{id}?width=50"), 50).await;
    for (mode, first) in [(Mode::Refuse, 60), (Mode::Silent, 70)] {
        proxy.set(mode);
        let hit = cluster.url(&format!("/assets/{id}?width=50"));
        assert_eq!(ask(cluster.client(), &hit).await, Ended::Picture(50));
        for width in first..first + 3 {
            ask_until_there(&cluster, &format!("/assets/{id}?width={width}"), width).await;
        }
        proxy.set(Mode::Pass);
        // The subscription is back: what the other api publishes is announced to this one.
        let begin = Instant::now();
        for width in first + 5..first + 8 {
            ask_until_there(&cluster, &format!("/assets/{id}?width={width}"), width).await;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "{:?}",
            begin.elapsed()
        );
    }
    cluster.finish(0).await;
}

/// Each of a variant's jobs rendered it, if it had begun before the first of them was done.
#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_a_worker_makes_nothing_twice() {
    let (proxy, readiness) = behind_proxy("THUMBMILL_READINESS", "THUMBMILL_TEST_REDIS").await;
    let one = ("THUMBMILL_SLOTS", "1".into());
    let cluster = Cluster::distributed(1, 1, &[readiness, one]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(1200, 800)).await;
    proxy.set(Mode::Refuse);
    let job = format!(r#"{{"version":1,"asset":"{id}","variants":[{{"width":50}}]}}"#);
    cluster
        .publish("interactive", std::iter::repeat_n(job, 10))
        .await;
    cluster.until("thumbmill_jobs_total", "done", 10).await;
    assert_eq!(cluster.metric("thumbmill_renders_total", "").await, 1);
    proxy.set(Mode::Pass);
    cluster.finish(0).await;
}

/// Ends that the ledger had not heard of went with the worker, and the campaign never ended.
#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_a_killed_worker_leaves_no_campaign_without_its_end() {
    let (proxy, readiness) = behind_proxy("THUMBMILL_READINESS", "THUMBMILL_TEST_REDIS").await;
    let mut cluster = Cluster::distributed(1, 1, &[readiness]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(300, 200)).await;
    let job = |number: u32| job_of_campaign(&id, number);
    cluster.publish("bulk", std::iter::once(job(0))).await;
    cluster.until("thumbmill_jobs_total", "done", 1).await;
    proxy.set(Mode::Refuse);
    cluster.publish("bulk", (1..5).map(job)).await;
    cluster.until("thumbmill_renders_total", "", 3).await;
    // A job among those of people does not hold their slots meanwhile.
    cluster
        .publish("interactive", std::iter::once(job(5)))
        .await;
    let gone = r#"lane="interactive",settled="postponed""#;
    cluster.until("thumbmill_jobs_total", gone, 1).await;
    assert_eq!(cluster.metric("thumbmill_jobs_total", "done").await, 1);
    // What is dropped is killed.
    cluster.workers.clear();
    proxy.set(Mode::Pass);
    cluster.start_worker().await;
    until("the campaign's end", async || {
        let (_, shown) = cluster.command(&["campaigns", "show", "c", "--json"]);
        shown.contains(r#""done":6"#)
    })
    .await;
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_redis_that_are_cut_again_and_again_leave_nobody_waiting() {
    let (proxy, readiness) = behind_proxy("THUMBMILL_READINESS", "THUMBMILL_TEST_REDIS").await;
    let cluster = Cluster::distributed(1, 1, &[readiness]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(600, 400)).await;
    let cutting = async {
        loop {
            tokio::time::sleep(Duration::from_millis(70)).await;
            proxy.cut();
        }
    };
    let asking = async {
        for width in 100..150 {
            let url = cluster.url(&format!("/assets/{id}?width={width}"));
            assert_eq!(ask(cluster.client(), &url).await, Ended::Picture(width));
        }
    };
    tokio::select! {
        () = asking => {}
        () = cutting => {}
    }
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_emptied_loses_no_thumbnail() {
    let folder = tempfile::tempdir().unwrap();
    let (started, url) = std::sync::mpsc::channel();
    let (end, ending) = std::sync::mpsc::channel::<()>();
    let path = folder.path().to_owned();
    // It ends with the thread that starts it.
    let keeper = std::thread::spawn(move || {
        let redis = Redis::start(&path).unwrap();
        started.send(redis.url()).unwrap();
        let _ = ending.recv();
    });
    let url = url.recv().unwrap();
    let cluster = Cluster::distributed(1, 1, &[("THUMBMILL_READINESS", url.clone())]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(600, 400)).await;
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for width in 100..140 {
        let url = cluster.url(&format!("/assets/{id}?width={width}"));
        let client = cluster.client().clone();
        let asked = tokio::spawn(async move { ask(&client, &url).await });
        let emptied: redis::RedisResult<()> =
            redis::cmd("FLUSHALL").query_async(&mut connection).await;
        emptied.unwrap();
        assert_eq!(asked.await.unwrap(), Ended::Picture(width));
    }
    for width in 100..140 {
        let url = cluster.url(&format!("/assets/{id}?width={width}"));
        assert_eq!(ask(cluster.client(), &url).await, Ended::Picture(width));
    }
    cluster.finish(0).await;
    end.send(()).unwrap();
    keeper.join().unwrap();
}
