//! What is read of a body has a bound, and who sends more is told so.

use thumbmill_tests::cluster::{Cluster, until};
use thumbmill_tests::pictures::photo_jpeg;
use thumbmill_tests::raw::{exchange, status};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{field, form, setting, spooled};

const FORM: &str = "Content-Type: multipart/form-data; boundary=X\r\n";
const JSON: &str = "Content-Type: application/json\r\n";
/// What the api's memory may grow by, however much it is sent.
const GROWS_KIB: u64 = 16 * 1024;

/// A request whose body comes in chunks: `first`, and then the same bytes again and again.
fn endless(request: &str, headers: &str, first: &str, total: usize) -> Vec<u8> {
    let piece = "a".repeat(64 * 1024);
    let head = format!(
        "{request} HTTP/1.1\r\nHost: localhost\r\n{headers}Transfer-Encoding: chunked\r\n\r\n"
    );
    let mut bytes = head.into_bytes();
    let pieces = std::iter::once(first).chain(std::iter::repeat_n(&*piece, total / piece.len()));
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        bytes.extend_from_slice(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes());
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

fn whole(request: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_end_is_refused_at_its_limit_and_takes_no_memory() {
    let cluster = Cluster::embedded(&[]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(40, 30)).await;
    let before = cluster.apis[0].peak_memory_kib();
    let (patch, part) = (
        format!("PATCH /files/{id}"),
        "--X\r\nContent-Disposition: form-data; name=\"",
    );
    let (fields, headers) = (
        field("x", "y").repeat(2000),
        format!("{part}x\"\r\nX: {}\r\n\r\n", "b".repeat(9000)),
    );
    for (request, content, first, names) in [
        (&*patch, JSON, "{\"title\":\"", "THUMBMILL_MAX_JSON_BYTES"),
        (&*patch, FORM, "", "THUMBMILL_MAX_FIELDS_BYTES"),
        ("POST /files", FORM, "", "THUMBMILL_MAX_FIELDS_BYTES"),
        ("POST /files", FORM, part, "THUMBMILL_MAX_FIELDS_BYTES"),
        (
            "POST /files",
            FORM,
            &format!("{part}title\"\r\n\r\n"),
            "THUMBMILL_MAX_FIELDS_BYTES",
        ),
        ("POST /files", FORM, &fields, "THUMBMILL_MAX_FIELDS_BYTES"),
        (
            "POST /files",
            FORM,
            &headers,
            "THUMBMILL_MAX_PART_HEADER_BYTES",
        ),
    ] {
        let answer = exchange(
            cluster.apis[0].address(),
            &endless(request, content, first, 48 << 20),
        )
        .await;
        assert_eq!(status(&answer), 413, "{request} {first:.60}: {answer}");
        assert!(answer.contains(names), "{request} {first:.60}: {answer}");
    }
    // The file is too long, too, and so is what comes behind a file.
    let begun = String::from_utf8(form("", b"")).unwrap();
    let begun = begun.strip_suffix("\r\n--X--\r\n").unwrap();
    let answer = exchange(
        cluster.apis[0].address(),
        &endless("POST /files", FORM, begun, 101 << 20),
    )
    .await;
    assert!(answer.contains("THUMBMILL_MAX_ORIGINAL_BYTES"), "{answer}");
    let ended =
        format!("{begun}abc\r\n--X\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\n");
    let answer = exchange(
        cluster.apis[0].address(),
        &endless("POST /files", FORM, &ended, 48 << 20),
    )
    .await;
    assert!(answer.contains("THUMBMILL_MAX_FIELDS_BYTES"), "{answer}");
    let grown = cluster.apis[0].peak_memory_kib() - before;
    assert!(grown < GROWS_KIB, "memory grew by {grown} KiB");
    assert_eq!(
        cluster.get(&format!("/assets/{id}?width=9")).await.status(),
        200
    );
    until("nothing is left of the uploads", async || {
        spooled(&cluster) == 0
    })
    .await;
    cluster.finish(0).await;
}

/// As Python's `http.client` and Node's `fetch` do: they would see a reset instead of the answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_everything_before_it_reads_sees_the_answer() {
    let cluster = Cluster::embedded(&[setting("THUMBMILL_MAX_ORIGINAL_BYTES", "30MiB")]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(40, 30)).await;
    let body = vec![b'x'; 20 << 20];
    let long = vec![b'x'; 31 << 20];
    for (request, headers, body, expected) in [
        ("POST /files", FORM, &form("", &long), 413),
        ("POST /files", FORM, &form(&field("id", "../x"), &body), 400),
        (
            "POST /files",
            FORM,
            &form(&field("title", &"x".repeat(1001)), &body),
            400,
        ),
        (
            "POST /files",
            &format!(
                "Content-Type: multipart/form-data; boundary={}\r\n",
                "X".repeat(71)
            ),
            &body,
            400,
        ),
        ("POST /nowhere", FORM, &body, 404),
        ("PUT /files", FORM, &body, 405),
        ("POST /files", JSON, &body, 415),
        (&*format!("PATCH /files/{id}"), JSON, &body, 413),
        (&*format!("GET /assets/{id}?width=0"), "", &body, 400),
        (
            &*format!("DELETE /files/{}", uuid::Uuid::new_v4()),
            "",
            &body,
            404,
        ),
        (
            &*format!("PATCH /files/{}", uuid::Uuid::new_v4()),
            FORM,
            &form("", &body),
            404,
        ),
        ("POST /files", "Origin: http://evil.example\r\n", &body, 403),
    ] {
        let answer = exchange(cluster.apis[0].address(), &whole(request, headers, body)).await;
        assert_eq!(status(&answer), expected, "{request}: {answer}");
    }
    cluster.finish(0).await;
}

#[tokio::test]
async fn an_upload_that_its_client_breaks_off_is_no_fault_of_the_server() {
    let cluster = Cluster::embedded(&[]).await;
    for broken in [
        form("", &vec![7; 100_000]),
        form(&field("title", "x"), b""),
        b"--X\r\n".to_vec(),
    ] {
        let half = &broken[..broken.len() / 2];
        let head = format!(
            "POST /files HTTP/1.1\r\nHost: localhost\r\n{FORM}Content-Length: 900000\r\n\r\n"
        );
        let mut stream = TcpStream::connect(cluster.apis[0].address()).await.unwrap();
        stream
            .write_all(&[head.as_bytes(), half].concat())
            .await
            .unwrap();
        stream.shutdown().await.unwrap();
        drop(stream);
    }
    until("nothing is left of the uploads", async || {
        spooled(&cluster) == 0
    })
    .await;
    // This one comes after them.
    cluster.upload("a.jpg", photo_jpeg(40, 30)).await;
    let log = cluster.apis[0].log();
    assert!(
        !log.contains("request failed") && !log.contains("status=5"),
        "{log}"
    );
    cluster.finish(0).await;
}

#[tokio::test]
async fn what_is_written_of_a_file_can_be_read_again() {
    let cluster = Cluster::embedded(&[]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(40, 30)).await;
    let patch = async |body: serde_json::Value| {
        let url = cluster.url(&format!("/files/{id}"));
        let answer = cluster
            .client()
            .patch(url)
            .json(&body)
            .send()
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, text) = patch(serde_json::json!({"title": "x".repeat(1001)})).await;
    assert_eq!(status, 400);
    assert!(text.contains("at most 1000 characters"), "{text}");
    let (status, text) = patch(serde_json::json!({"x".repeat(5000): 1})).await;
    assert_eq!(status, 400);
    assert!(!text.contains(&"x".repeat(101)), "{text}");
    assert!(
        text.contains("only filename_download, title, access"),
        "{text}"
    );
    for wrong in [
        serde_json::json!([1]),
        serde_json::json!({"title": 1}),
        serde_json::json!({"access": "secret"}),
    ] {
        assert_eq!(patch(wrong).await.0, 400);
    }
    // The longest that there may be.
    let longest =
        serde_json::json!({"title": "\u{1}".repeat(1000), "filename_download": "ü".repeat(9000)});
    assert_eq!(patch(longest).await.0, 200);
    assert_eq!(cluster.get(&format!("/files/{id}")).await.status(), 200);
    let deleted = cluster
        .client()
        .delete(cluster.url(&format!("/files/{id}")))
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), 204);
    cluster.finish(0).await;
}

#[tokio::test]
async fn a_second_file_in_a_form_is_refused_and_none_is_kept() {
    let cluster = Cluster::embedded(&[]).await;
    let two = form(
        &String::from_utf8(form("", b"one"))
            .unwrap()
            .replace("\r\n--X--", ""),
        b"two",
    );
    let answer = exchange(
        cluster.apis[0].address(),
        &whole("POST /files", &format!("{FORM}Connection: close\r\n"), &two),
    )
    .await;
    assert_eq!(status(&answer), 400, "{answer}");
    assert!(answer.contains("Two files"), "{answer}");
    assert_eq!(spooled(&cluster), 0);
    cluster.finish(0).await;
}
