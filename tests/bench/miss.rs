//! Measures what a miss adds to the render itself, on RabbitMQ, Redis and S3 (one api, one worker)
//! and in one process on embedded parts, in turn: one client asks for thumbnails of a 12-megapixel
//! JPEG that were never asked for, one after the other, and then for the same ones again.
//!
//! Run it with `./tests/bench/run [MISSES]` (default 100, at most 195: a width is used once). The
//! servers run on this machine, so no network is in the numbers.
//!
//! *total* is the client's time until it has the whole body, *render* what the worker's histogram of
//! renders gained by it (`Server-Timing` cuts off fractions of a millisecond), *added* the
//! difference. Below it is what other histograms of the worker gained: the job's wait on the queue
//! and the worker's use of the store, where *head* and *get* overlap; *else* is added less these.
//! *hit* is the client's time of a hit.

use std::time::Instant;

use thumbmill_tests::cluster::Cluster;
use thumbmill_tests::pictures::photo_jpeg;

const WARM_UP: usize = 5;
const ROWS: [&str; 9] = [
    "total", "render", "added", "- queued", "- head", "- get", "- put", "- else", "hit",
];
/// Sums of the worker's histograms, in seconds.
const PARTS: [&str; 5] = [
    "thumbmill_job_queued_seconds_sum",
    "thumbmill_storage_seconds_sum{operation=\"head\"}",
    "thumbmill_storage_seconds_sum{operation=\"get\"}",
    "thumbmill_storage_seconds_sum{operation=\"put\"}",
    "thumbmill_render_seconds_sum",
];

/// One form of the service, and the milliseconds that were measured.
struct Form {
    name: &'static str,
    id: String,
    cluster: Cluster,
    rows: [Vec<f64>; ROWS.len()],
    refused: Vec<usize>,
}

impl Form {
    async fn new(name: &'static str, cluster: Cluster, picture: &[u8]) -> Self {
        Self {
            name,
            id: cluster.upload("photo.jpg", picture).await,
            cluster,
            rows: Default::default(),
            refused: Vec::new(),
        }
    }

    /// Gets a thumbnail: milliseconds until it is complete, and its `Server-Timing`.
    async fn get(&self, width: usize) -> Option<(f64, String)> {
        let path = format!("/assets/{}?width={width}&height=200", self.id);
        let begin = Instant::now();
        let answer = self.cluster.get(&path).await.error_for_status().ok()?;
        let timing = &answer.headers()["server-timing"];
        let timing = timing.to_str().unwrap().to_owned();
        answer.bytes().await.unwrap();
        Some((begin.elapsed().as_secs_f64() * 1e3, timing))
    }

    async fn miss(&mut self, width: usize) {
        let before = self.parts().await;
        let Some((total, timing)) = self.get(width).await else {
            return self.refused.push(width);
        };
        let after = self.parts().await;
        assert!(timing.starts_with("miss"), "{timing}");
        let [queued, head, get, put, render] = std::array::from_fn(|i| after[i] - before[i]);
        let added = total - render;
        let other = added - queued - head - get - put;
        let values = [total, render, added, queued, head, get, put, other];
        for (row, value) in self.rows.iter_mut().zip(values) {
            row.push(value);
        }
    }

    async fn hit(&mut self, width: usize) {
        if let Some((total, timing)) = self.get(width).await {
            assert!(timing.starts_with("hit"), "{timing}");
            self.rows[ROWS.len() - 1].push(total);
        }
    }

    /// Milliseconds of each of [`PARTS`] so far.
    async fn parts(&self) -> [f64; PARTS.len()] {
        let worker = self.cluster.workers.first();
        let url = worker.unwrap_or(&self.cluster.apis[0]).url() + "/metrics";
        let answer = self.cluster.client().get(url).send().await.unwrap();
        let text = answer.text().await.unwrap();
        PARTS.map(|part| {
            let lines = text.lines().filter(|line| line.starts_with(part));
            let values = lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>());
            values.sum::<Result<f64, _>>().unwrap() * 1e3
        })
    }

    fn print(&mut self) {
        println!("\n{}: {} misses, ms", self.name, self.rows[0].len());
        println!("              min   median      p90      p99      max");
        for (name, values) in ROWS.iter().zip(&mut self.rows) {
            values.sort_by(f64::total_cmp);
            let rank = |part: usize| (values.len() * part).div_ceil(100).max(1) - 1;
            let cells = [0, 50, 90, 99, 100].map(|part| format!("{:9.2}", values[rank(part)]));
            println!("{name:8}{}", cells.concat());
        }
        if !self.refused.is_empty() {
            println!("REFUSED, and not counted: widths {:?}", self.refused);
        }
    }
}

#[tokio::main]
async fn main() {
    let argument = std::env::args().nth(1).unwrap_or("100".to_owned());
    let misses: usize = argument.parse().expect("a number of misses");
    let (first, end) = (200 + WARM_UP, 200 + WARM_UP + misses.clamp(1, 195));
    let picture = photo_jpeg(4000, 3000);
    let cores = std::thread::available_parallelism().unwrap();
    println!("{cores} cores; a 4000x3000 JPEG, thumbnails from {first}x200 on");
    let distributed = Cluster::distributed(1, 1, &[]).await;
    let embedded = Cluster::embedded(&[]).await;
    let mut forms = [
        Form::new("RabbitMQ, Redis, S3", distributed, &picture).await,
        Form::new("One process", embedded, &picture).await,
    ];
    for width in 200..first {
        for form in &forms {
            form.get(width).await;
        }
    }
    for width in first..end {
        for form in &mut forms {
            form.miss(width).await;
        }
    }
    for width in first..end {
        for form in &mut forms {
            form.hit(width).await;
        }
    }
    for mut form in forms {
        form.print();
        form.cluster.finish(0).await;
    }
}
