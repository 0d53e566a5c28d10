//! Bytes on a socket, for what no HTTP client would send.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// No test waits longer.
const WITHIN: Duration = Duration::from_secs(30);

/// A connection to `to` from this address of this machine: each is another client.
pub async fn connect_from(from: IpAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(to).await
}

/// Everything that comes until the other end closes the connection.
pub async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(WITHIN, stream.read_to_end(&mut bytes)).await;
    // A reset is an end, too; what came before it counts.
    let _ = read.expect("the connection stays open");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends all of this, and only then reads what comes.
pub async fn exchange(to: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    // Whoever does not take it all is heard all the same.
    let _ = stream.write_all(bytes).await;
    read_to_end(&mut stream).await
}

/// The status of an answer.
pub fn status(answer: &str) -> u16 {
    let word = answer.split(' ').nth(1).unwrap_or_default();
    word.parse()
        .unwrap_or_else(|_| panic!("no answer: {answer:?}"))
}

/// The next answer's head and body, which has a Content-Length, on a connection that stays open.
pub async fn next_answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return text;
            }
        }
        let mut more = [0; 4096];
        let read = tokio::time::timeout(WITHIN, stream.read(&mut more)).await;
        let read = read.expect("no answer").unwrap();
        assert!(read > 0, "closed: {text:?}");
        bytes.extend_from_slice(&more[..read]);
    }
}
