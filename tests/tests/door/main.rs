//! The door: clients that send too much, too slowly or nothing, and those who may not see or do what they
//! ask for. On real sockets.

use thumbmill_tests::cluster::Cluster;

mod application;
mod connections;
mod limits;
mod signed;
mod who;

type Setting = (&'static str, String);

fn setting(name: &'static str, value: impl Into<String>) -> Setting {
    (name, value.into())
}

/// An answer's status and code.
async fn told(answer: reqwest::Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body = answer.bytes().await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let code = body["errors"][0]["extensions"]["code"].as_str();
    (status, code.unwrap_or_default().to_owned())
}

/// A form with a file, as the text of a request's body; its boundary is `X`.
fn form(fields: &str, file: &[u8]) -> Vec<u8> {
    let head = format!(
        "{fields}--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n"
    );
    [head.as_bytes(), file, b"\r\n--X--\r\n"].concat()
}

/// A part with a text.
fn field(name: &str, text: &str) -> String {
    format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
}

/// What a cluster's first api has left of uploads that did not end well.
fn spooled(cluster: &Cluster) -> usize {
    let (_, store) = cluster
        .variables
        .iter()
        .find(|(name, _)| *name == "THUMBMILL_STORAGE")
        .unwrap();
    let folder = format!("{}/tmp", store.strip_prefix("file:").unwrap());
    std::fs::read_dir(folder).unwrap().count()
}
