//! Connections that do nothing, or not enough, and too many of them.

use std::net::IpAddr;
use std::time::Duration;

use thumbmill_tests::cluster::{Cluster, until};
use thumbmill_tests::pictures::{photo, png};
use thumbmill_tests::raw::{connect_from, exchange, next_answer, read_to_end, status};
use thumbmill_tests::service::{Binary, Service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{form, setting, spooled};

const CUT: &str = "thumbmill_http_connections_cut_total";
const REFUSED: &str = "thumbmill_http_connections_refused_total";
const LIVEZ: &[u8] = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn short_times() -> [super::Setting; 4] {
    [
        setting("THUMBMILL_HEADER_TIMEOUT", "300ms"),
        setting("THUMBMILL_BODY_TIMEOUT", "300ms"),
        setting("THUMBMILL_IDLE_TIMEOUT", "600ms"),
        setting("THUMBMILL_WRITE_TIMEOUT", "500ms"),
    ]
}

#[tokio::test]
async fn whoever_sends_nothing_or_half_of_a_request_is_told_so_and_let_go() {
    let cluster = Cluster::embedded(&short_times()).await;
    let address = cluster.apis[0].address();
    for head in ["", "GET /", "GET /livez HTTP/1.1\r\nHost: localhost\r\n"] {
        let answer = exchange(address, head.as_bytes()).await;
        assert_eq!(status(&answer), 408, "{head:?}: {answer}");
        assert!(answer.contains("THUMBMILL_HEADER_TIMEOUT"), "{answer}");
    }
    let half = form("", &[7; 10_000]);
    let head = "POST /files HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=X\r\n\
                Content-Length: 20000\r\n\r\n";
    let answer = exchange(address, &[head.as_bytes(), &half[..5000]].concat()).await;
    assert_eq!(status(&answer), 408, "{answer}");
    assert!(answer.contains("THUMBMILL_BODY_TIMEOUT"), "{answer}");
    let json = b"PATCH /files/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    let id = uuid::Uuid::new_v4().to_string();
    let json = String::from_utf8_lossy(json).replace("/x ", &format!("/{id} "));
    assert_eq!(status(&exchange(address, json.as_bytes()).await), 408);
    // An answer, and then nothing more.
    let answer = exchange(address, LIVEZ).await;
    assert_eq!(status(&answer), 200);
    assert_eq!(cluster.metric(CUT, "header").await, 3);
    assert_eq!(cluster.metric(CUT, "idle").await, 1);
    assert_eq!(spooled(&cluster), 0);
    cluster.finish(0).await;
}

#[tokio::test]
async fn a_connection_is_used_again_while_it_is_used() {
    let cluster = Cluster::embedded(&short_times()).await;
    let mut stream = TcpStream::connect(cluster.apis[0].address()).await.unwrap();
    // Longer than each of the limits, all in all.
    for _ in 0..8 {
        stream.write_all(LIVEZ).await.unwrap();
        assert_eq!(status(&next_answer(&mut stream).await), 200);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // Two requests in one packet.
    stream.write_all(&[LIVEZ, LIVEZ].concat()).await.unwrap();
    let mut answers = next_answer(&mut stream).await;
    while answers.matches("alive").count() < 2 {
        answers.push_str(&next_answer(&mut stream).await);
    }
    cluster.finish(0).await;
}

#[tokio::test]
async fn an_upload_that_goes_on_lives_however_slow_it_is() {
    let cluster = Cluster::embedded(&short_times()).await;
    let picture = png(&photo(40, 30).into());
    let body = form("", &picture);
    let mut stream = TcpStream::connect(cluster.apis[0].address()).await.unwrap();
    let head = format!(
        "POST /files HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=X\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for piece in body.chunks(body.len().div_ceil(12)) {
        stream.write_all(piece).await.unwrap();
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    let answer = read_to_end(&mut stream).await;
    assert_eq!(status(&answer), 200, "{answer}");
    cluster.finish(0).await;
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_let_go_and_one_that_is_slow_is_not() {
    let cluster = Cluster::embedded(&short_times()).await;
    let original = vec![7; 30 << 20];
    let id = cluster.upload("a.bin", original.clone()).await;
    let get = format!("GET /assets/{id} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut deaf = TcpStream::connect(cluster.apis[0].address()).await.unwrap();
    deaf.write_all(get.as_bytes()).await.unwrap();
    cluster.until(CUT, "write", 1).await;
    let mut slow = TcpStream::connect(cluster.apis[0].address()).await.unwrap();
    slow.write_all(get.as_bytes()).await.unwrap();
    let (mut read, mut buffer) = (0, vec![0; 4 << 20]);
    loop {
        match slow.read(&mut buffer).await.unwrap() {
            0 => break,
            more => read += more,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(read > original.len(), "{read}");
    assert_eq!(cluster.metric(CUT, "write").await, 1);
    cluster.finish(0).await;
}

#[tokio::test]
async fn a_client_has_so_many_connections_and_all_together_have_so_many() {
    let cluster = Cluster::embedded(&[
        setting("THUMBMILL_MAX_CONNECTIONS", "12"),
        setting("THUMBMILL_MAX_CONNECTIONS_PER_CLIENT", "4"),
    ])
    .await;
    let address = cluster.apis[0].address();
    let client = |n: u8| IpAddr::from([127, 0, 0, n]);
    let open = async |n: u8| {
        let mut stream = connect_from(client(n), address).await.unwrap();
        stream.write_all(LIVEZ).await.unwrap();
        let answer = next_answer(&mut stream).await;
        (status(&answer), answer, stream)
    };
    let mut held = Vec::new();
    for n in 2..=4 {
        for _ in 0..4 {
            let (status, answer, stream) = open(n).await;
            assert_eq!(status, 200, "{answer}");
            held.push(stream);
        }
        if n == 2 {
            let (status, answer, _) = open(n).await;
            assert_eq!(status, 429, "{answer}");
            assert!(
                answer.contains("THUMBMILL_MAX_CONNECTIONS_PER_CLIENT"),
                "{answer}"
            );
        }
    }
    let (status, answer, _) = open(5).await;
    assert_eq!(status, 503, "{answer}");
    assert!(answer.contains("(THUMBMILL_MAX_CONNECTIONS)"), "{answer}");
    drop(held);
    until("there is room again", async || open(5).await.0 == 200).await;
    assert_eq!(cluster.metric(REFUSED, "client").await, 1);
    cluster.finish(0).await;
}

/// The system's limit is lower than the setting: whoever configured that is told, and nothing is lost.
#[tokio::test]
async fn when_the_system_has_no_more_files_it_is_logged_and_goes_on_later() {
    let data = tempfile::tempdir().unwrap();
    let limited = ["sh", "-c", "ulimit -n 128; exec \"$0\""].map(str::to_owned);
    let variables = [
        setting(
            "THUMBMILL_STORAGE",
            format!("file:{}", data.path().display()),
        ),
        setting("THUMBMILL_MAX_CONNECTIONS", "1000"),
        setting("THUMBMILL_MAX_CONNECTIONS_PER_CLIENT", "1000"),
    ];
    let service = Service::start_under(&limited, Binary::Thumbmill, &variables).await;
    let mut held = Vec::new();
    for _ in 0..200 {
        held.push(TcpStream::connect(service.address()).await.unwrap());
    }
    until("the log says so", async || {
        service.log().contains("raise its limit on open files")
    })
    .await;
    drop(held);
    until("it answers again", async || {
        status(&exchange(service.address(), b"GET /readyz HTTP/1.0\r\n\r\n").await) == 200
    })
    .await;
    assert!(service.terminate(Duration::from_secs(30)).await.success());
}

/// RFC 9112, 3.2.
#[tokio::test]
async fn a_request_names_one_host() {
    let cluster = Cluster::embedded(&[]).await;
    for (head, expected) in [
        ("GET /assets/x HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (
            "GET /assets/x HTTP/1.1\r\nHost: a\r\nHost: a\r\nConnection: close\r\n\r\n",
            400,
        ),
        (
            "GET /assets/x HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
            400,
        ),
        (
            "GET /assets/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            404,
        ),
        ("GET /assets/x HTTP/1.0\r\n\r\n", 404),
    ] {
        let answer = exchange(cluster.apis[0].address(), head.as_bytes()).await;
        assert_eq!(status(&answer), expected, "{head:?}: {answer}");
    }
    // A head that is too long is refused by name.
    let long = format!(
        "GET /assets/{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "x".repeat(36_000)
    );
    let answer = exchange(cluster.apis[0].address(), long.as_bytes()).await;
    assert_eq!(status(&answer), 431, "{answer}");
    assert!(answer.contains("THUMBMILL_MAX_HEADER_BYTES"), "{answer}");
    cluster.finish(0).await;
}

/// HTTP/2 is for a proxy in front: without TLS nobody's browser speaks it.
#[tokio::test]
async fn http_2_is_not_served() {
    let cluster = Cluster::embedded(&[]).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let answer = exchange(cluster.apis[0].address(), preface).await;
    assert!(!answer.contains("200"), "{answer:?}");
    let upgrade = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n\
                    HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n";
    assert_eq!(
        status(&exchange(cluster.apis[0].address(), upgrade).await),
        200
    );
    cluster.finish(0).await;
}
