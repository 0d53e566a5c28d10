//! How the drain scales: workers that wait 20 ms a job instead of rendering, one job at a time. The
//! store is a folder in memory: an S3 server would need more of the CPUs that all share than
//! everything else, and a disk has one queue for all.

use std::path::Path;
use std::time::{Duration, Instant};

use thumbmill_tests::cluster::Cluster;
use thumbmill_tests::pictures::photo_jpeg;
use thumbmill_tests::service::{Binary, Service};

const TAKES_MS: u64 = 20;
/// For each worker: as many seconds as a worker alone needs for them.
const SECONDS: u64 = 12;
const ORIGINALS: usize = 50;

/// Beside the benchmark, among the examples.
pub(super) fn pretending_worker() -> String {
    let this = std::env::current_exe().unwrap();
    let folder = this.parent().unwrap_or(Path::new("."));
    let path = folder.join("examples/pretending-worker");
    assert!(path.exists(), "{} is not built", path.display());
    path.display().to_string()
}

/// Prints jobs a second for so many workers.
pub(super) async fn run(counts: &[usize]) {
    println!("draining jobs that take {TAKES_MS} ms and no CPU, one at a time in each worker");
    println!("  workers  jobs a second  of linear");
    let mut alone = None;
    for count in counts {
        let rate = drain(*count).await;
        let linear = *count as f64 * *alone.get_or_insert(rate);
        println!("{count:9}{rate:15.1}{:11.2}", rate / linear);
    }
}

async fn drain(workers: usize) -> f64 {
    // In memory, if there is such a folder: what a disk takes to write is the disk's own.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let folder = folder.unwrap();
    let more = [
        (
            "THUMBMILL_STORAGE",
            format!("file:{}", folder.path().display()),
        ),
        ("PRETEND_MS", TAKES_MS.to_string()),
        ("THUMBMILL_BULK_SLOTS", "1".to_owned()),
    ];
    let cluster = Cluster::distributed(1, 0, &more).await;
    let mut ids = Vec::new();
    for number in 0..ORIGINALS {
        let picture = photo_jpeg(600 + number as u32, 400);
        ids.push(cluster.upload("a.jpg", picture).await);
    }
    let jobs = workers * (SECONDS * 1000 / TAKES_MS) as usize;
    let bodies = (0..jobs).map(|number| {
        let (id, width) = (&ids[number % ORIGINALS], 1 + number / ORIGINALS);
        format!(r#"{{"version":1,"asset":"{id}","variants":[{{"width":{width}}}],"campaign":"drain","number":{number}}}"#)
    });
    cluster.publish("bulk", bodies).await;
    let command = [pretending_worker()];
    let mut services = Vec::new();
    for _ in 0..workers {
        services.push(Service::start_under(&command, Binary::Worker, &cluster.variables).await);
    }
    let done = || async {
        let mut done = 0;
        for service in &services {
            done += service.metric("thumbmill_jobs_total", "done").await;
        }
        done as usize
    };
    let until = |count: usize| {
        let done = &done;
        async move {
            loop {
                let now = done().await;
                if now >= count {
                    return (now, Instant::now());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    };
    // Once all have begun, and before the first has nothing left.
    let (first, begin) = until(jobs / 10).await;
    let (last, end) = until(jobs * 9 / 10).await;
    until(jobs).await;
    for service in services {
        assert!(service.terminate(Duration::from_secs(30)).await.success());
    }
    cluster.finish(0).await;
    (last - first) as f64 / (end - begin).as_secs_f64()
}
