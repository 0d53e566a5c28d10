//! RabbitMQ is away, cut off, silent, killed, and short of memory.

use std::time::{Duration, Instant};

use thumbmill_tests::cluster::Cluster;
use thumbmill_tests::pictures::photo_jpeg;
use thumbmill_tests::proxy::Mode;
use thumbmill_tests::servers::RabbitMq;

use super::{Ended, ask, ask_until_there, behind_proxy, nothing_waits, setting};

/// Hits are hits, and a miss is told within two seconds to come again.
async fn only_hits_are_served(cluster: &Cluster, id: &str, misses: std::ops::Range<u32>) {
    for width in misses {
        let hit = cluster.url(&format!("/assets/{id}?width=50"));
        assert_eq!(ask(cluster.client(), &hit).await, Ended::Picture(50));
        let begin = Instant::now();
        let miss = cluster.url(&format!("/assets/{id}?width={width}"));
        assert_eq!(ask(cluster.client(), &miss).await, Ended::Later);
        assert!(
            begin.elapsed() < Duration::from_secs(2),
            "{:?}",
            begin.elapsed()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_rabbitmq_is_away_hits_are_served_and_misses_told_to_come_again() {
    let (proxy, queue) = behind_proxy("THUMBMILL_QUEUE", "THUMBMILL_TEST_AMQP").await;
    let cluster = Cluster::distributed(1, 1, &[queue]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(600, 400)).await;
    ask_until_there(&cluster, &format!("/assets/{id}?width=50"), 50).await;
    for (mode, first) in [(Mode::Refuse, 60), (Mode::Silent, 70)] {
        proxy.set(mode);
        only_hits_are_served(&cluster, &id, first..first + 3).await;
        proxy.set(Mode::Pass);
        for width in first..first + 5 {
            ask_until_there(&cluster, &format!("/assets/{id}?width={width}"), width).await;
        }
    }
    // A job that was published twice waits until its twin has ended.
    nothing_waits(&cluster).await;
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_rabbitmq_that_are_cut_again_and_again_lose_no_job() {
    let (proxy, queue) = behind_proxy("THUMBMILL_QUEUE", "THUMBMILL_TEST_AMQP").await;
    let attempts = setting("THUMBMILL_ATTEMPTS", "9");
    let cluster = Cluster::distributed(1, 2, &[queue, attempts]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(900, 600)).await;
    let cutting = async {
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            proxy.cut();
        }
    };
    let asking = async {
        for width in 100..200 {
            ask_until_there(&cluster, &format!("/assets/{id}?width={width}"), width).await;
        }
    };
    tokio::select! {
        () = asking => {}
        () = cutting => {}
    }
    nothing_waits(&cluster).await;
    cluster.finish(0).await;
}

/// A broker of the test's own, and its port in the way to kill it.
#[tokio::test(flavor = "multi_thread")]
async fn a_rabbitmq_that_is_killed_or_short_of_memory_loses_no_confirmed_job() {
    let folder = tempfile::tempdir().unwrap();
    // It ends with the thread that starts it.
    let (started, broker) = std::sync::mpsc::channel();
    let (end, ending) = std::sync::mpsc::channel::<()>();
    let path = folder.path().to_owned();
    let keeper = std::thread::spawn(move || {
        let mut rabbitmq = RabbitMq::start(&path).unwrap();
        started.send(rabbitmq.url()).unwrap();
        // Killed and started again.
        ending.recv().unwrap();
        rabbitmq.restart(&path).unwrap();
        started.send(String::new()).unwrap();
        // Short of memory, and not any more.
        for watermark in ["0.0000001", "0.6"] {
            ending.recv().unwrap();
            rabbitmq
                .ctl(&["set_vm_memory_high_watermark", watermark])
                .unwrap();
            started.send(String::new()).unwrap();
        }
        ending.recv().unwrap();
    });
    let next = || {
        end.send(()).unwrap();
        broker.recv().unwrap()
    };
    let queue = ("THUMBMILL_QUEUE", broker.recv().unwrap());
    let mut cluster = Cluster::distributed(1, 0, &[queue]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(600, 400)).await;
    let jobs = 60..80;
    for width in jobs.clone() {
        let get = cluster
            .client()
            .get(cluster.url(&format!("/assets/{id}?width={width}")));
        let answer = get.header("prefer", "respond-async").send().await.unwrap();
        assert_eq!(answer.status(), 202);
    }
    assert_eq!(
        cluster
            .metric("thumbmill_jobs_published_total", "confirmed")
            .await,
        20
    );
    next();
    cluster.start_worker().await;
    cluster.until("thumbmill_renders_total", "", 20).await;
    for width in jobs {
        ask_until_there(&cluster, &format!("/assets/{id}?width={width}"), width).await;
    }
    next();
    let begin = Instant::now();
    let miss = cluster.url(&format!("/assets/{id}?width=90"));
    assert_eq!(ask(cluster.client(), &miss).await, Ended::Later);
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    let hit = cluster.url(&format!("/assets/{id}?width=60"));
    assert_eq!(ask(cluster.client(), &hit).await, Ended::Picture(60));
    next();
    ask_until_there(&cluster, &format!("/assets/{id}?width=90"), 90).await;
    cluster.end().await;
    end.send(()).unwrap();
    keeper.join().unwrap();
}
