//! Measures what it costs to render in child processes: two services in one process each, one with
//! and one without it (`THUMBMILL_ISOLATION=off`), in turn, busy with as many misses at a time as there are
//! cores. Each miss is a 200 px wide cut of a 12-megapixel JPEG that was never asked for.
//!
//! Run it with `./tests/bench/run isolation [ROUNDS]` (default 15). Printed are medians of the
//! rounds: thumbnails a second, and CPU time a thumbnail, of the service and its renderers.

use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::iter;
use rustix::process::Pid;
use thumbmill_tests::cluster::Cluster;
use thumbmill_tests::pictures::photo_jpeg;

const MISSES_A_ROUND: usize = 40;

struct Form {
    name: &'static str,
    cluster: Cluster,
    id: String,
    asked: usize,
    per_second: Vec<f64>,
    cpu_ms: Vec<f64>,
}

impl Form {
    async fn new(name: &'static str, isolation: &str, picture: &[u8]) -> Self {
        let isolation = ("THUMBMILL_ISOLATION", isolation.to_owned());
        let cluster = Cluster::embedded(&[isolation]).await;
        Self {
            name,
            id: cluster.upload("photo.jpg", picture).await,
            cluster,
            asked: 0,
            per_second: Vec::new(),
            cpu_ms: Vec::new(),
        }
    }

    async fn round(&mut self, at_a_time: usize) {
        let (cpu, begin) = (self.cpu_seconds(), Instant::now());
        let paths = (self.asked..self.asked + MISSES_A_ROUND)
            .map(|number| format!("/assets/{}?width=200&height={}", self.id, 150 + number));
        let cluster = &self.cluster;
        let misses = iter(paths).map(|path| async move {
            let answer = cluster.get(&path).await.error_for_status().unwrap();
            answer.bytes().await.unwrap();
        });
        misses.buffer_unordered(at_a_time).count().await;
        self.asked += MISSES_A_ROUND;
        let misses = MISSES_A_ROUND as f64;
        self.per_second.push(misses / begin.elapsed().as_secs_f64());
        self.cpu_ms.push((self.cpu_seconds() - cpu) / misses * 1e3);
    }

    /// CPU time of the service and of its renderers so far.
    fn cpu_seconds(&self) -> f64 {
        let service = &self.cluster.apis[0];
        let all = service.children().into_iter().chain([service.pid()]);
        all.map(cpu_seconds).sum()
    }
}

/// proc(5): `utime` and `stime`, in hundredths of a second.
fn cpu_seconds(process: Pid) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    let stat = stat.unwrap();
    let after_name = stat.rsplit(") ").next().unwrap();
    let ticks = after_name.split(' ').skip(11).take(2);
    ticks
        .map(|ticks| ticks.parse::<f64>().unwrap())
        .sum::<f64>()
        / 100.0
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::main]
async fn main() {
    let argument = std::env::args().nth(1).unwrap_or("15".to_owned());
    let rounds: usize = argument.parse().expect("a number of rounds");
    let picture = photo_jpeg(4000, 3000);
    let cores = std::thread::available_parallelism().unwrap().get();
    let mut forms = [
        Form::new("child processes", "required", &picture).await,
        Form::new("one process", "off", &picture).await,
    ];
    for form in &mut forms {
        form.round(cores).await;
        (form.per_second, form.cpu_ms) = (Vec::new(), Vec::new());
    }
    for _ in 0..rounds {
        for form in &mut forms {
            form.round(cores).await;
        }
        forms.reverse();
    }
    println!("{cores} cores, {rounds} rounds of {MISSES_A_ROUND} misses, {cores} at a time");
    for mut form in forms {
        let (per_second, cpu_ms) = (median(&mut form.per_second), median(&mut form.cpu_ms));
        println!(
            "{:16} {per_second:6.1} thumbnails/s, {cpu_ms:5.2} ms CPU each",
            form.name
        );
        form.cluster.finish(0).await;
    }
}
