//! An application that says who may see private files.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use thumbmill_tests::pictures::photo_jpeg;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::who::Guarded;
use super::{setting, told};

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

/// An application that knows one user, and keeps what it was asked.
struct Application {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Application {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/may", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).await.unwrap();
                    head.push(byte[0]);
                }
                let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
                let status = match () {
                    () if head.contains("authorization: bearer anna") => "204 No Content",
                    () if head.contains("cookie: user=anna") => "200 OK",
                    () if head.contains("cookie: user=broken") => "500 Internal Server Error",
                    () if head.contains("cookie: user=slow") => {
                        tokio::time::sleep(Duration::from_secs(3)).await;
                        "200 OK"
                    }
                    () => "403 Forbidden",
                };
                kept.lock().unwrap().push(head);
                let answer =
                    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { url, asked, task }
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[tokio::test]
async fn the_application_decides_about_private_files_and_public_ones_need_no_answer() {
    let application = Application::start().await;
    let guarded = Guarded::start(&[
        setting("THUMBMILL_AUTHORIZE", &application.url),
        setting("THUMBMILL_AUTHORIZE_TIMEOUT", "500ms"),
    ])
    .await;
    let public = guarded.upload(None, "a.jpg", photo_jpeg(40, 30)).await;
    let private = guarded
        .upload(Some("private"), "b.jpg", photo_jpeg(40, 30))
        .await;
    let path = format!("/assets/{private}?width=20");
    let as_user = async |path: &str, user: &str| {
        let get = guarded.cluster.client().get(guarded.cluster.url(path));
        let answer = get
            .header("cookie", format!("user={user}"))
            .send()
            .await
            .unwrap();
        told(answer).await
    };
    let forbidden = || (403, "FORBIDDEN".to_owned());
    let ok = || (200, String::new());
    assert_eq!(as_user(&path, "anna").await, ok());
    assert_eq!(application.asked(), 1);
    let question = application.asked.lock().unwrap()[0].clone();
    assert!(question.starts_with("get /may "), "{question}");
    assert!(
        question.contains(&format!("x-original-uri: /assets/{private}\r\n")),
        "{question}"
    );
    assert!(
        question.contains("x-original-method: get\r\n"),
        "{question}"
    );
    // The verdict is kept, also for another size, and not for another user.
    assert_eq!(
        as_user(&format!("/assets/{private}?width=21"), "anna").await,
        ok()
    );
    assert_eq!(application.asked(), 1);
    assert_eq!(as_user(&path, "bert").await, forbidden());
    assert_eq!(application.asked(), 2);
    let bearer = guarded.ask(Method::GET, &path, Some("anna")).await;
    assert_eq!(bearer.status(), 200, "a token of the application's");
    assert_eq!(
        guarded
            .ask(Method::GET, &path, Some(guarded.token("read")))
            .await
            .status(),
        200
    );
    assert_eq!(application.asked(), 3, "our own token needs no question");
    // What is not there is told only to whom the application trusts.
    assert_eq!(
        as_user(&format!("/assets/{UNKNOWN}"), "anna").await,
        (404, "NOT_FOUND".to_owned())
    );
    assert_eq!(
        as_user(&format!("/assets/{UNKNOWN}"), "bert").await,
        forbidden()
    );
    let unavailable = || (503, "SERVICE_UNAVAILABLE".to_owned());
    for trouble in ["slow", "broken"] {
        assert_eq!(as_user(&path, trouble).await, unavailable(), "{trouble}");
    }
    application.task.abort();
    let _ = application.task.await;
    assert_eq!(as_user(&path, "carl").await, unavailable());
    assert_eq!(as_user(&path, "anna").await, ok(), "a verdict that is kept");
    let asked = application.asked.lock().unwrap().len();
    assert_eq!(
        as_user(&format!("/assets/{public}?width=20"), "carl").await,
        ok()
    );
    assert_eq!(application.asked.lock().unwrap().len(), asked);
    guarded.cluster.finish(0).await;
}
