//! Measures whether bulk delays people: misses of one client, one after the other, on RabbitMQ,
//! Redis and S3 (one api, one worker), first on an idle queue, then while bulk jobs wait and are
//! worked off as a campaign, then on an idle queue again. All thumbnails are of 12-megapixel JPEGs.
//!
//! Run it with `./tests/bench/run bulk [JOBS] [MISSES]` (default 1,000,000 and 300). The servers and
//! the client run on this machine, too, so bulk takes of its cores what it does in them.

use std::time::{Duration, Instant};

use lapin::options::QueuePurgeOptions;
use lapin::{Connection, ConnectionProperties};
use thumbmill_tests::cluster::{Cluster, header, variable};
use thumbmill_tests::pictures::photo_jpeg;

const PERCENTILES: [usize; 4] = [50, 90, 99, 100];
/// Between two misses, as between clicks.
const PAUSE: Duration = Duration::from_millis(20);
/// Between publishing and measuring.
const REST: Duration = Duration::from_secs(30);

struct Bench {
    cluster: Cluster,
    id: String,
    asked: usize,
}

impl Bench {
    /// Milliseconds of so many misses, and of the renders among them.
    async fn misses(&mut self, count: usize) -> Vec<[f64; 2]> {
        let mut took = Vec::with_capacity(count);
        for _ in 0..count {
            let (width, height) = (200 + self.asked / 800, 200 + self.asked % 800);
            self.asked += 1;
            let path = format!("/assets/{}?width={width}&height={height}", self.id);
            let begin = Instant::now();
            let answer = self.cluster.get(&path).await;
            if !answer.status().is_success() {
                println!(
                    "{} after {:?}: not counted",
                    answer.status(),
                    begin.elapsed()
                );
                continue;
            }
            let timing = header(&answer, "server-timing");
            assert!(timing.starts_with("miss"), "{timing}");
            answer.bytes().await.unwrap();
            let render = timing.split("render;dur=").nth(1).unwrap();
            let render = render.split(',').next().unwrap().parse().unwrap();
            took.push([begin.elapsed().as_secs_f64() * 1e3, render]);
            tokio::time::sleep(PAUSE).await;
        }
        took
    }

    /// Publishes bulk jobs, each for one variant that nobody has asked for; jobs a second.
    async fn publish(&self, jobs: usize) -> f64 {
        let begin = Instant::now();
        let bodies = (0..jobs).map(|number| {
            let (width, height) = (1001 + number / 2000, 100 + number % 2000);
            format!(
                r#"{{"version":1,"asset":"{}","variants":[{{"width":{width},"height":{height}}}],"campaign":"bench","number":{number}}}"#,
                self.id
            )
        });
        self.cluster.publish("bulk", bodies).await;
        jobs as f64 / begin.elapsed().as_secs_f64()
    }

    /// Takes away those jobs that no worker has.
    async fn purge(&self) {
        let (url, options) = (
            variable("THUMBMILL_TEST_AMQP"),
            ConnectionProperties::default(),
        );
        let connection = Connection::connect(&url, options).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let name = format!("{}.bulk", self.cluster.namespace);
        let purge = QueuePurgeOptions::default();
        channel.queue_purge(name.into(), purge).await.unwrap();
    }
}

/// Of the whole misses (0) or of the renders (1).
fn percentiles(took: &[[f64; 2]], part: usize) -> [f64; PERCENTILES.len()] {
    let mut took: Vec<f64> = took.iter().map(|took| took[part]).collect();
    took.sort_by(f64::total_cmp);
    PERCENTILES.map(|part| took[(took.len() * part).div_ceil(100).max(1) - 1])
}

fn print(name: &str, values: [f64; PERCENTILES.len()]) {
    let cells = values.map(|value| format!("{value:9.2}"));
    println!("{name:30}{}", cells.concat());
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| {
        let given = arguments.next().map(|text| text.parse());
        given.unwrap_or(Ok(default)).expect("a number")
    };
    let (jobs, misses) = (number(1_000_000), number(300));
    let cluster = Cluster::distributed(1, 1, &[]).await;
    let id = cluster.upload("photo.jpg", photo_jpeg(4000, 3000)).await;
    let mut bench = Bench {
        cluster,
        id,
        asked: 0,
    };
    bench.misses(20).await;
    let mut idle = bench.misses(misses / 2).await;
    let rate = bench.publish(jobs).await;
    // What was published in a row RabbitMQ goes on writing to its segments for a while.
    tokio::time::sleep(REST).await;
    let (begin, before) = (Instant::now(), rendered(&bench.cluster).await);
    let busy = bench.misses(misses).await;
    let (took, waiting) = (begin.elapsed(), bench.cluster.waiting("bulk").await);
    let bulk = rendered(&bench.cluster).await - before - misses as u64;
    bench.purge().await;
    idle.extend(bench.misses(misses - misses / 2).await);
    println!("{jobs} bulk jobs published, {rate:.0} a second; {waiting} still waited in the end");
    println!("{misses} misses each, ms            median      p90      p99      max");
    for (name, took) in [("idle queue", &idle), ("bulk waits", &busy)] {
        print(&format!("{name}, of it renders"), percentiles(took, 1));
    }
    let (idle, busy) = (percentiles(&idle, 0), percentiles(&busy, 0));
    print("idle queue", idle);
    print("bulk waits", busy);
    let ratios: [f64; PERCENTILES.len()] = std::array::from_fn(|i| busy[i] / idle[i]);
    print("ratio", ratios);
    let per_second = bulk as f64 / took.as_secs_f64();
    println!("beside them {per_second:.1} bulk thumbnails a second were made");
    bench.cluster.finish(0).await;
}

async fn rendered(cluster: &Cluster) -> u64 {
    cluster.metric("thumbmill_renders_total", "").await
}
