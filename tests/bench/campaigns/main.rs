//! Measures bulk pregeneration on RabbitMQ, Redis and S3: how fast jobs are published beside the most
//! that the broker takes, whether memory stays flat, how the drain scales with the workers where
//! renders cost no CPU, and thumbnails a CPU second beside a script that calls sharp for each.
//!
//! Run it with `./tests/bench/run campaigns [PART...]`; parts are `publish`, `memory`, `drain` and
//! `sharp` (which needs Node and npm), by default all. Without a part the
//! report ends with what `./tests/bench/run bulk` says: how people fare meanwhile. The servers run on this machine, too.

mod drain;
mod publish;
mod sharp;

/// Published at a time in comparisons.
const JOBS: usize = 200_000;
const ROUNDS: usize = 3;
/// As many as wait in the queue in the end, where memory is measured.
const MANY: usize = 1_000_000;

#[tokio::main]
async fn main() {
    let parts: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    if wanted("publish") {
        publish::rates(JOBS, ROUNDS).await;
    }
    if wanted("memory") {
        publish::memory(MANY).await;
    }
    if wanted("drain") {
        drain::run(&[1, 2, 4, 8]).await;
    }
    if wanted("sharp") {
        sharp::run(2000).await;
    }
}
