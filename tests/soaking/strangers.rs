//! Strangers: clients that misbehave all the time. What they get is of no interest, but nobody else may
//! notice them, and nothing may break.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use thumbmill_tests::raw::connect_from;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::World;

/// Strangers at a time, each with an address of its own.
pub const STRANGERS: usize = 8;
/// How long one attack may last.
const LASTS: Duration = Duration::from_secs(8);

/// What they have done.
#[derive(Debug, Default)]
pub struct Visits {
    attacks: AtomicU64,
    bytes: AtomicU64,
}

impl Visits {
    /// For the table.
    pub fn text(&self) -> String {
        let bytes = self.bytes.load(Ordering::Relaxed);
        format!(
            "{STRANGERS} at a time; {} attacks with {} MB: bodies and heads without end, byte by byte, broken off or not sent; \
             answers that are not read; floods of misses that nobody waits for",
            self.attacks.load(Ordering::Relaxed),
            bytes >> 20
        )
    }
}

/// Misbehaves until the load ends.
pub async fn stranger(world: Arc<World>, number: usize) {
    let mut random = world.plan.random("stranger", number);
    let from = IpAddr::from([127, 0, 1, u8::try_from(number).unwrap() + 1]);
    while world.pause_between(&mut random, 100, 3000).await {
        let api = world.fleet.any_api(&mut random);
        let Some(to) = api
            .url
            .strip_prefix("http://")
            .and_then(|to| to.parse().ok())
        else {
            continue;
        };
        world.visits.attacks.fetch_add(1, Ordering::Relaxed);
        let attack = attack(&world, from, to, &mut random);
        // A killed api ends it, too.
        let sent = tokio::time::timeout(LASTS, attack).await;
        if let Ok(Some(bytes)) = sent {
            world.visits.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

async fn attack(world: &World, from: IpAddr, to: SocketAddr, random: &mut StdRng) -> Option<u64> {
    let mut stream = connect_from(from, to).await.ok()?;
    let form = "POST /files HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=X\r\n\
                Transfer-Encoding: chunked\r\n\r\n";
    let part = "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n";
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let piece = chunk(&"a".repeat(0x10000));
    let id = world.subjects.any(random).id.clone();
    match random.random_range(0..8) {
        0 => {
            let json = format!(
                "PATCH /files/{id} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            );
            send(&mut stream, &json, &piece, 200).await
        }
        1 => send(&mut stream, form, &piece, 200).await,
        2 => send(&mut stream, &format!("{form}{}", chunk(part)), &piece, 50).await,
        3 => {
            // Broken off.
            let sent = send(&mut stream, &format!("{form}{}", chunk(part)), &piece, 3).await;
            drop(stream);
            sent
        }
        4 => send(&mut stream, "GET / HTTP/1.1\r\nX: ", &"a".repeat(4096), 100).await,
        5 => {
            let _ = stream.read(&mut [0; 1]).await;
            Some(0)
        }
        6 => {
            let get = format!("GET /assets/{id} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let sent = send(&mut stream, &get, &get, 200).await;
            tokio::time::sleep(LASTS / 2).await;
            sent
        }
        _ => {
            let (width, prefer) = (random.random_range(30..420), random.random_bool(0.5));
            let prefer = if prefer {
                "Prefer: respond-async\r\n"
            } else {
                ""
            };
            let flood = (330..370).fold(String::new(), |mut flood, height| {
                let get = format!("GET /assets/{id}?width={width}&height={height} HTTP/1.1\r\n");
                flood.push_str(&get);
                flood.push_str("Host: localhost\r\n");
                flood + prefer + "\r\n"
            });
            let sent = send(&mut stream, "", &flood, 1).await;
            tokio::time::sleep(Duration::from_millis(random.random_range(0..500))).await;
            sent
        }
    }
}

/// Sends this, and then `again` so many times, and reads little of what comes.
async fn send(stream: &mut TcpStream, first: &str, again: &str, times: u64) -> Option<u64> {
    stream.write_all(first.as_bytes()).await.ok()?;
    for n in 0..times {
        if stream.write_all(again.as_bytes()).await.is_err() {
            return Some(n * again.len() as u64);
        }
    }
    Some(times * again.len() as u64)
}
