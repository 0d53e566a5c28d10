//! Publishing: our publisher beside the broker's own limit, and memory over many jobs.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::iter;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueuePurgeOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use thumbmill_shared::asset::AssetId;
use thumbmill_shared::job::RenderJob;
use thumbmill_shared::queue::{Lane, Message, Queue, Seen};
use thumbmill_shared::settings::{self, Program};
use thumbmill_shared::shutdown::Shutdown;
use thumbmill_shared::trace::TraceContext;
use thumbmill_tests::cluster::{Cluster, variable};
use thumbmill_tests::service::{Binary, Service};

/// Jobs without their confirmation, of which the best is the broker's limit.
const WINDOWS: [usize; 3] = [1000, 4000, 16_000];
/// Of ours: what `THUMBMILL_QUEUE_UNCONFIRMED` is by default.
const AT_A_TIME: usize = 1000;

fn job(asset: AssetId, number: usize) -> RenderJob {
    let text = format!(r#"[{{"preset":"card"}},{{"width":{}}}]"#, number % 6000 + 1);
    RenderJob {
        campaign: Some("bench".parse().unwrap()),
        number: Some(number as u32),
        ..RenderJob::new(asset, serde_json::from_str(&text).unwrap())
    }
}

/// A queue of nobody's but ours, and its channel for what the queue does not offer.
struct Bench {
    queue: Queue,
    channel: Channel,
    namespace: String,
    _connection: Connection,
    _shutdown: Shutdown,
}

impl Bench {
    async fn open(namespace: &str) -> Self {
        let flags = [
            "bench",
            "--queue",
            &variable("THUMBMILL_TEST_AMQP"),
            "--namespace",
            namespace,
            // Several confirmations are waited for at a time, and all have to come.
            "--queue-timeout",
            "30s",
        ];
        let command = settings::command(Program::Api, "Measures.");
        let matches = command.try_get_matches_from(flags).unwrap();
        let shutdown = Shutdown::default();
        let settings = settings::read(Program::Api, &matches).unwrap();
        let queue = Queue::open(&settings, &shutdown).unwrap();
        let url = variable("THUMBMILL_TEST_AMQP");
        let connection = Connection::connect(&url, ConnectionProperties::default());
        let connection = connection.await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let confirms = ConfirmSelectOptions::default();
        channel.confirm_select(confirms).await.unwrap();
        let this = Self {
            queue,
            channel,
            namespace: namespace.to_owned(),
            _connection: connection,
            _shutdown: shutdown,
        };
        // Until everything is declared.
        while this.ours(1).await.is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        this.purge().await;
        this
    }

    /// Jobs a second, as the service publishes them; nothing if one was not taken.
    async fn ours(&self, jobs: usize) -> Option<f64> {
        self.ours_from(0, jobs).await
    }

    async fn ours_from(&self, first: usize, jobs: usize) -> Option<f64> {
        let (asset, begin) = (AssetId::random(), Instant::now());
        let published = iter(first..first + jobs).map(|number| async move {
            let message = Message::new(&job(asset, number), Seen::Nothing, TraceContext::random());
            self.queue.publish(Lane::Bulk, message.unwrap()).await
        });
        let mut published = published.buffer_unordered(AT_A_TIME);
        while let Some(taken) = published.next().await {
            taken.ok()?;
        }
        Some(jobs as f64 / begin.elapsed().as_secs_f64())
    }

    /// Jobs a second with the client library alone, the same bodies, so many unconfirmed.
    async fn broker(&self, jobs: usize, window: usize) -> f64 {
        let (asset, begin) = (AssetId::random(), Instant::now());
        let mut confirms = VecDeque::with_capacity(window);
        for number in 0..jobs {
            let body = job(asset, number).to_body().unwrap();
            let properties = BasicProperties::default().with_delivery_mode(2);
            let options = BasicPublishOptions {
                mandatory: true,
                ..BasicPublishOptions::default()
            };
            let exchange = self.namespace.as_str().into();
            let publish =
                self.channel
                    .basic_publish(exchange, "bulk".into(), options, &body, properties);
            confirms.push_back(publish.await.unwrap());
            if confirms.len() > window {
                confirms.pop_front().unwrap().await.unwrap();
            }
        }
        for confirm in confirms {
            confirm.await.unwrap();
        }
        jobs as f64 / begin.elapsed().as_secs_f64()
    }

    async fn purge(&self) {
        let queue = format!("{}.bulk", self.namespace);
        let purge = QueuePurgeOptions::default();
        self.channel.queue_purge(queue.into(), purge).await.unwrap();
        // What was there is written and thrown away.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// In turn, each round on an empty queue.
pub(super) async fn rates(jobs: usize, rounds: usize) {
    let bench = Bench::open(&format!("t{}", uuid::Uuid::new_v4().simple())).await;
    let mut ours = Vec::new();
    let mut broker = vec![Vec::new(); WINDOWS.len()];
    for _ in 0..rounds {
        ours.push(bench.ours(jobs).await.expect("every job is taken"));
        bench.purge().await;
        for (window, rates) in WINDOWS.iter().zip(&mut broker) {
            rates.push(bench.broker(jobs, *window).await);
            bench.purge().await;
        }
    }
    let ours = median(ours);
    println!("publishing {jobs} jobs, confirmed, median of {rounds} rounds in turn");
    let mut limit = 0.0_f64;
    for (window, rates) in WINDOWS.iter().zip(broker) {
        let rate = median(rates);
        limit = limit.max(rate);
        println!("  the client library alone, {window:5} unconfirmed  {rate:8.0} a second");
    }
    println!("  thumbmill's publisher, {AT_A_TIME:5} unconfirmed        {ours:8.0} a second");
    println!("  thumbmill's of the broker's limit {:23.2}", ours / limit);
}

fn rss_kib(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse().unwrap()
}

/// Memory of this publisher and of a worker that has its job in hand, while more and more wait.
pub(super) async fn memory(jobs: usize) {
    let cluster = Cluster::distributed(0, 0, &[]).await;
    let bench = Bench::open(&cluster.namespace).await;
    let mut variables = cluster.variables.clone();
    variables.push(("PRETEND_MS", "3600000".to_owned()));
    let path = super::drain::pretending_worker();
    let worker = Service::start_under(&[path], Binary::Worker, &variables).await;
    let worker_pid = worker.pid().as_raw_nonzero().get() as u32;
    let steps = 10;
    println!("memory over {jobs} jobs, MB           jobs  publisher  idle worker");
    let mut seen = Vec::new();
    for step in 0..=steps {
        if step > 0 {
            let jobs = jobs / steps;
            let taken = bench.ours_from((step - 1) * jobs, jobs).await;
            taken.expect("every job is taken");
        }
        let now = [std::process::id(), worker_pid].map(|process| rss_kib(process) / 1024.0);
        println!("{:41}{:11.1}{:13.1}", step * jobs / steps, now[0], now[1]);
        seen.push(now);
    }
    for (part, name) in ["publisher", "idle worker"].iter().enumerate() {
        let (first, last) = (seen[1][part], seen[steps][part]);
        let change = (last / first - 1.0) * 100.0;
        println!("  {name}: {change:+.1} % from the first tenth to the last");
    }
    bench.purge().await;
}
