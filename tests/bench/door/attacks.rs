//! All attacks at once, from many addresses of this machine, and what they cost the api.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use thumbmill_tests::cluster::Cluster;
use thumbmill_tests::pictures::photo_jpeg;
use thumbmill_tests::raw::connect_from;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const FORM: &str = "POST /files HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=X\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";

/// A way to misbehave: its name, how many do so, and what each sends first and then again and again.
struct Attack {
    name: &'static str,
    attackers: u8,
    first: String,
    again: Vec<u8>,
    every: Duration,
}

fn attacks(id: &str, large: &str) -> Vec<Attack> {
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000)).into_bytes();
    let json = format!(
        "PATCH /files/{id} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
         a\r\n{{\"title\":\"\r\n"
    );
    let chunked = |text: &str| format!("{FORM}{:x}\r\n{text}\r\n", text.len());
    let part = "--X\r\nContent-Disposition: form-data; name=\"";
    let file = "--X\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n";
    let at_once = Duration::ZERO;
    let slowly = Duration::from_millis(500);
    let attack = |name, attackers, first: String, again: &[u8], every| Attack {
        name,
        attackers,
        first,
        again: again.to_vec(),
        every,
    };
    vec![
        attack("JSON without end", 10, json, &chunk, at_once),
        attack("form without a part", 10, FORM.to_owned(), &chunk, at_once),
        attack(
            "part header without end",
            10,
            chunked(part),
            &chunk,
            at_once,
        ),
        attack(
            "field without end",
            10,
            chunked(&format!("{part}title\"\r\n\r\n")),
            &chunk,
            at_once,
        ),
        attack("file without end", 4, chunked(file), &chunk, at_once),
        attack(
            "file byte by byte",
            40,
            chunked(file),
            b"1\r\na\r\n",
            slowly,
        ),
        attack(
            "head byte by byte",
            60,
            "GET / HTTP/1.1\r\nX: ".to_owned(),
            b"a",
            slowly,
        ),
        attack(
            "head without end",
            20,
            "GET / HTTP/1.1\r\nX: ".to_owned(),
            &[b'a'; 4096],
            at_once,
        ),
        attack("nothing", 100, String::new(), b"", slowly),
        attack(
            "a large answer that is not read",
            60,
            format!("GET /assets/{large} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            b"",
            slowly,
        ),
        attack(
            "pipelined misses",
            20,
            String::new(),
            misses(id).as_bytes(),
            slowly,
        ),
        attack(
            "hits",
            10,
            String::new(),
            format!("GET /assets/{id}?width=50 HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes(),
            at_once,
        ),
    ]
}

/// Many misses in one packet.
fn misses(id: &str) -> String {
    (1000..1200).fold(String::new(), |mut misses, width| {
        let get = format!("GET /assets/{id}?width={width} HTTP/1.1\r\n");
        misses.push_str(&get);
        misses + "Host: localhost\r\nPrefer: respond-async\r\n\r\n"
    })
}

pub async fn run(lasts: Duration) {
    let settings = [
        ("THUMBMILL_WRITE_TIMEOUT", "5s"),
        ("THUMBMILL_HEADER_TIMEOUT", "5s"),
    ];
    let settings = settings.map(|(name, value)| (name, value.to_owned()));
    let cluster = Cluster::distributed(1, 1, &settings).await;
    let id = cluster.upload("a.jpg", photo_jpeg(1600, 1200)).await;
    let large = cluster.upload("a.bin", vec![7; 50 << 20]).await;
    let path = format!("/assets/{id}?width=50");
    cluster.get(&path).await.bytes().await.unwrap();
    let api = &cluster.apis[0];
    println!(
        "memory: peak before all attacks {:.1} MB",
        api.peak_memory_kib() as f64 / 1024.0
    );
    let until = Instant::now() + lasts;
    let sent = Arc::new(AtomicU64::new(0));
    let mut attackers = JoinSet::new();
    let mut address = 0u16;
    for attack in attacks(&id, &large).into_iter().map(Arc::new) {
        println!("memory: {} clients: {}", attack.attackers, attack.name);
        for _ in 0..attack.attackers {
            address += 1;
            // A few connections for each address.
            let [high, low] = (address / 4).to_be_bytes();
            let from = IpAddr::from([127, 1, high, low + 1]);
            let attack = Arc::clone(&attack);
            attackers.spawn(attack.go_on(from, api.address(), until, Arc::clone(&sent)));
        }
    }
    let (mut worst, mut answers, mut failed) = (Duration::ZERO, 0, 0);
    while Instant::now() < until {
        let begin = Instant::now();
        match cluster.client().get(cluster.url(&path)).send().await {
            Ok(answer) if answer.status() == 200 => answers += 1,
            _ => failed += 1,
        }
        worst = worst.max(begin.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    attackers.shutdown().await;
    println!(
        "memory: {} MB were sent in {lasts:?}; peak {:.1} MB (wanted: 150); hits meanwhile: {answers} served, {failed} not, the slowest {worst:?}",
        sent.load(Ordering::Relaxed) >> 20,
        api.peak_memory_kib() as f64 / 1024.0
    );
    let log = api.log();
    println!(
        "memory: panics {}, answers with 500: {}",
        log.matches("panicked").count(),
        log.matches("status=500").count()
    );
}

impl Attack {
    /// Does so, on one connection after the other.
    async fn go_on(
        self: Arc<Self>,
        from: IpAddr,
        to: SocketAddr,
        until: Instant,
        sent: Arc<AtomicU64>,
    ) {
        while Instant::now() < until {
            match connect_from(from, to).await {
                Ok(stream) => self.misbehave(stream, &sent).await,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    /// Until the other end has had enough.
    async fn misbehave(&self, mut stream: TcpStream, sent: &AtomicU64) {
        let mut answer = [0; 1024];
        if stream.write_all(self.first.as_bytes()).await.is_err() {
            return;
        }
        while stream.write_all(&self.again).await.is_ok() {
            sent.fetch_add(self.again.len() as u64, Ordering::Relaxed);
            tokio::time::sleep(self.every).await;
            if self.again.is_empty() {
                // Who sends nothing reads nothing either.
                if matches!(stream.try_read(&mut [0; 1]), Ok(0)) {
                    return;
                }
            } else {
                // Enough is read that the answers do not fill the pipe.
                let read = stream.read(&mut answer);
                let _ = tokio::time::timeout(Duration::from_millis(1), read).await;
            }
        }
    }
}
