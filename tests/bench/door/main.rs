//! Measures what clients that misbehave cost, on RabbitMQ, Redis and S3.
//!
//! Run it with `./tests/bench/run door [SECONDS]` (default 20): `memory` and `crowd` and `decisions`
//! after it measure one part.
//!
//! * `memory`: the api's peak memory while all attacks go on at once, and what a well-behaved client meets.
//! * `crowd`: what 19 clients wait for misses, alone and beside one that asks for 11,000 variants.
//! * `decisions`: the time of an access decision with 1,000 tokens.

mod attacks;
mod crowd;
mod decisions;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seconds = arguments.iter().find_map(|argument| argument.parse().ok());
    let part = arguments
        .iter()
        .find(|argument| argument.parse::<u64>().is_err());
    let wanted = |name: &str| part.is_none_or(|part| part == name);
    if wanted("decisions") {
        decisions::run();
    }
    if wanted("memory") {
        attacks::run(std::time::Duration::from_secs(seconds.unwrap_or(20))).await;
    }
    if wanted("crowd") {
        crowd::run().await;
    }
}
