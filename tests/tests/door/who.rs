//! Roles, private files, doors, and pages of other sites.

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use rustix::process::Signal;
use tempfile::TempDir;
use thumbmill_tests::cluster::{Cluster, header, until};
use thumbmill_tests::pictures::photo_jpeg;

use super::{Setting, setting, told};

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

/// A cluster with a token of each role, by its name.
pub(super) struct Guarded {
    pub(super) cluster: Cluster,
    pub(super) tokens: Vec<(&'static str, String)>,
    folder: TempDir,
}

impl Guarded {
    pub(super) async fn start(more: &[Setting]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens.toml");
        std::fs::write(&file, "").unwrap();
        let tokens = setting("THUMBMILL_TOKENS", file.display().to_string());
        let settings: Vec<_> = more.iter().cloned().chain([tokens]).collect();
        // The harness needs to read metrics, which it may at an address of their own.
        let mut cluster = Cluster::embedded(&settings).await;
        cluster.variables = settings.into_iter().chain(cluster.variables).collect();
        let mut guarded = Self {
            cluster,
            tokens: Vec::new(),
            folder,
        };
        for role in ["read", "write", "admin"] {
            let token = guarded.new_token(&[role, "--role", role]);
            guarded.tokens.push((role, token));
        }
        guarded.until_known("admin").await;
        guarded
    }

    pub(super) fn new_token(&self, arguments: &[&str]) -> String {
        let (code, printed) = self
            .cluster
            .command(&[&["tokens", "new"], arguments].concat());
        assert_eq!(code, 0, "{printed}");
        printed.trim().to_owned()
    }

    /// The file is read again within seconds.
    async fn until_known(&self, role: &str) {
        until("the tokens are known", async || {
            let answer = self
                .ask(Method::GET, "/campaigns", Some(self.token(role)))
                .await;
            answer.status() == 200
        })
        .await;
    }

    pub(super) fn token(&self, role: &str) -> &str {
        &self
            .tokens
            .iter()
            .find(|(name, _)| *name == role)
            .unwrap()
            .1
    }

    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
    ) -> reqwest::Response {
        let mut request = self
            .cluster
            .client()
            .request(method, self.cluster.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    }

    pub(super) async fn upload(&self, access: Option<&str>, name: &str, bytes: Vec<u8>) -> String {
        let mut form = Form::new();
        if let Some(access) = access {
            form = form.text("access", access.to_owned());
        }
        let form = form.part("file", Part::bytes(bytes).file_name(name.to_owned()));
        let request = self
            .cluster
            .client()
            .post(self.cluster.url("/files"))
            .multipart(form);
        let answer = request
            .bearer_auth(self.token("write"))
            .send()
            .await
            .unwrap();
        let (status, body) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "{body}");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        body["data"]["id"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn every_route_is_for_its_role() {
    let guarded = Guarded::start(&[]).await;
    let public = guarded.upload(None, "a.jpg", photo_jpeg(40, 30)).await;
    let private = guarded
        .upload(Some("private"), "b.jpg", photo_jpeg(40, 30))
        .await;
    let text = guarded
        .upload(Some("private"), "c.txt", b"hello".to_vec())
        .await;
    for role in [None, Some("read"), Some("write"), Some("admin")] {
        let (reads, writes, operates) = (
            role.is_some(),
            matches!(role, Some("write" | "admin")),
            role == Some("admin"),
        );
        let may = |may: bool, then: u16| if may { then } else { 403 };
        let table = [
            (Method::GET, format!("/assets/{public}"), 200),
            (Method::GET, format!("/assets/{public}?width=10"), 200),
            (Method::GET, format!("/assets/{private}"), may(reads, 200)),
            (Method::HEAD, format!("/assets/{private}"), may(reads, 200)),
            (
                Method::GET,
                format!("/assets/{private}?width=10"),
                may(reads, 200),
            ),
            (
                Method::GET,
                format!("/assets/{private}/x.jpg?key=system-small-cover"),
                may(reads, 200),
            ),
            (
                Method::GET,
                format!("/assets/{text}?width=10"),
                may(reads, 200),
            ),
            (Method::GET, format!("/assets/{UNKNOWN}"), may(reads, 404)),
            (
                Method::GET,
                format!("/assets/{UNKNOWN}?width=10"),
                may(reads, 404),
            ),
            (Method::GET, format!("/files/{public}"), may(writes, 200)),
            (Method::GET, format!("/files/{UNKNOWN}"), may(writes, 404)),
            (Method::POST, "/files".to_owned(), may(writes, 415)),
            (Method::PATCH, format!("/files/{public}"), may(writes, 415)),
            (
                Method::DELETE,
                format!("/files/{UNKNOWN}"),
                may(writes, 404),
            ),
            (
                Method::DELETE,
                format!("/files/{UNKNOWN}/variants"),
                may(writes, 404),
            ),
            (Method::GET, "/campaigns".to_owned(), may(operates, 200)),
            (Method::GET, "/campaigns/x".to_owned(), may(operates, 404)),
            (Method::GET, "/metrics".to_owned(), may(operates, 200)),
            (Method::GET, "/livez".to_owned(), 200),
            (Method::GET, "/readyz".to_owned(), 200),
            (Method::GET, "/nowhere".to_owned(), 404),
        ];
        for (method, path, expected) in table {
            let token = role.map(|role| guarded.token(role));
            let head = method == Method::HEAD;
            let answer = guarded.ask(method.clone(), &path, token).await;
            let (status, code) = told(answer).await;
            assert_eq!(status, expected, "{role:?} {method} {path}");
            assert!(
                status != 403 || head || code == "FORBIDDEN",
                "{role:?} {method} {path}: {code}"
            );
        }
    }
    guarded.cluster.finish(0).await;
}

#[tokio::test]
async fn nothing_tells_a_stranger_of_a_private_file() {
    let guarded = Guarded::start(&[]).await;
    let private = guarded
        .upload(Some("private"), "b.jpg", photo_jpeg(40, 30))
        .await;
    let path = format!("/assets/{private}?width=20");
    let seen = guarded
        .ask(Method::GET, &path, Some(guarded.token("read")))
        .await;
    assert_eq!(header(&seen, "cache-control"), "private, max-age=2592000");
    let (etag, modified) = (header(&seen, "etag"), header(&seen, "last-modified"));
    let unknown = path.replace(&private, UNKNOWN);
    for (name, value) in [
        ("if-none-match", etag.as_str()),
        ("if-none-match", "*"),
        ("if-modified-since", &modified),
        ("range", "bytes=0-0"),
        ("prefer", "respond-async"),
        ("prefer", "wait=0"),
        ("accept", "*/*"),
    ] {
        let mut heard = Vec::new();
        for path in [&path, &unknown] {
            let answer = guarded.cluster.client().get(guarded.cluster.url(path));
            let answer = answer.header(name, value).send().await.unwrap();
            let mut headers = answer.headers().clone();
            for varies in ["date", "x-request-id"] {
                headers.remove(varies);
            }
            heard.push((answer.status(), headers, answer.text().await.unwrap()));
        }
        assert_eq!(heard[0].0, 403, "{name}: {value}");
        assert_eq!(heard[0], heard[1], "{name}: {value}");
    }
    // Nobody's miss was put on the queue.
    let with_token = guarded
        .ask(Method::GET, "/metrics", Some(guarded.token("admin")))
        .await;
    let metrics = with_token.text().await.unwrap();
    let renders = metrics
        .lines()
        .find(|line| line.starts_with("thumbmill_renders_total"));
    assert_eq!(
        renders.and_then(|line| line.rsplit(' ').next()),
        Some("1"),
        "{metrics}"
    );
    guarded.cluster.finish(0).await;
}

#[tokio::test]
async fn a_token_comes_in_three_ways_expires_and_is_never_logged() {
    let cookie = setting("THUMBMILL_TOKEN_COOKIE", "session");
    let guarded = Guarded::start(&[cookie]).await;
    let private = guarded
        .upload(Some("private"), "b.jpg", photo_jpeg(40, 30))
        .await;
    let (path, token) = (format!("/assets/{private}?width=20"), guarded.token("read"));
    let with_parameter = guarded
        .ask(Method::GET, &format!("{path}&access_token={token}"), None)
        .await;
    assert_eq!(with_parameter.status(), 200);
    let etag = header(&with_parameter, "etag");
    let with_header = guarded.ask(Method::GET, &path, Some(token)).await;
    assert_eq!(
        header(&with_header, "etag"),
        etag,
        "a token is no part of a key"
    );
    assert!(header(&with_header, "server-timing").starts_with("hit"));
    let get = guarded.cluster.client().get(guarded.cluster.url(&path));
    let with_cookie = get
        .header("cookie", format!("a=b; session={token}"))
        .send()
        .await
        .unwrap();
    assert_eq!(with_cookie.status(), 200);
    for wrong in ["x", "thumbmill_x", &token[..token.len() - 1]] {
        let answer = guarded.ask(Method::GET, &path, Some(wrong)).await;
        assert_eq!(told(answer).await, (401, "INVALID_CREDENTIALS".to_owned()));
    }
    // A browser's old cookie is no credential, and hides nothing that is public.
    let public = guarded.upload(None, "c.jpg", photo_jpeg(40, 30)).await;
    for (id, expected) in [(&public, 200), (&private, 403)] {
        let get = guarded
            .cluster
            .client()
            .get(guarded.cluster.url(&format!("/assets/{id}")));
        let answer = get.header("cookie", "session=old").send().await.unwrap();
        assert_eq!(answer.status(), expected);
    }
    let missing = format!("/assets/{private}?width=33&access_token={token}");
    let get = guarded.cluster.client().get(guarded.cluster.url(&missing));
    let accepted = get.header("prefer", "respond-async").send().await.unwrap();
    assert_eq!(
        header(&accepted, "location"),
        format!("/assets/{private}?width=33")
    );
    let short = guarded.new_token(&["short", "--role", "read", "--expires-in", "3s"]);
    until("the new token is known", async || {
        guarded.ask(Method::GET, &path, Some(&short)).await.status() == 200
    })
    .await;
    until("it expires", async || {
        guarded.ask(Method::GET, &path, Some(&short)).await.status() == 401
    })
    .await;
    let log = guarded.cluster.apis[0].log();
    assert!(log.contains("access_token=***"), "{log}");
    assert!(
        !guarded
            .tokens
            .iter()
            .any(|(_, token)| log.contains(token.as_str())),
        "{log}"
    );
    let (code, printed) = guarded
        .cluster
        .command(&["tokens", "new", "short", "--role", "read"]);
    assert!(
        code != 0 && printed.contains("two tokens of the name"),
        "{printed}"
    );
    guarded.cluster.finish(0).await;
}

/// A file that looks unchanged is read again on SIGHUP. One that cannot be read takes nobody's token away.
#[tokio::test]
async fn tokens_are_read_again_on_sighup_and_a_broken_file_changes_nothing() {
    let guarded = Guarded::start(&[]).await;
    let api = &guarded.cluster.apis[0];
    let file = guarded.folder.path().join("tokens.toml");
    let campaigns = async |role: &str| {
        let token = Some(guarded.token(role));
        let answer = guarded.ask(Method::GET, "/campaigns", token).await;
        answer.status().as_u16()
    };
    until("the token is known", async || {
        campaigns("write").await == 403
    })
    .await;
    // Same length and date: only the signal says that it is another.
    let modified = std::fs::metadata(&file).unwrap().modified().unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = text.replace("role = \"write\"", "role = \"admin\"");
    assert_ne!(changed, text);
    std::fs::write(&file, changed).unwrap();
    let open = std::fs::File::options().write(true).open(&file).unwrap();
    open.set_modified(modified).unwrap();
    api.signal(Signal::HUP);
    until("the token has its new role", async || {
        campaigns("write").await == 200
    })
    .await;
    std::fs::write(&file, "token = 1").unwrap();
    until("the error is logged", async || {
        api.log().contains("the tokens of before stay")
    })
    .await;
    assert_eq!(campaigns("write").await, 200);
}

#[tokio::test]
async fn access_is_changed_at_once_and_kept_when_bytes_are_replaced() {
    let guarded = Guarded::start(&[setting("THUMBMILL_DEFAULT_ACCESS", "private")]).await;
    let id = guarded.upload(None, "a.jpg", photo_jpeg(40, 30)).await;
    let thumbnail = format!("/assets/{id}?width=10");
    let set = async |body: serde_json::Value| {
        let url = guarded.cluster.url(&format!("/files/{id}"));
        let patch = guarded
            .cluster
            .client()
            .patch(url)
            .bearer_auth(guarded.token("write"));
        let answer = patch.json(&body).send().await.unwrap();
        let record: serde_json::Value = answer.json().await.unwrap();
        record["data"]["access"].as_str().unwrap().to_owned()
    };
    let status = async || {
        guarded
            .ask(Method::GET, &thumbnail, None)
            .await
            .status()
            .as_u16()
    };
    assert_eq!(status().await, 403);
    assert_eq!(set(serde_json::json!({"access": "public"})).await, "public");
    assert_eq!(status().await, 200);
    let url = guarded.cluster.url(&format!("/files/{id}"));
    let part = Part::bytes(photo_jpeg(50, 30)).file_name("c.jpg");
    let replace = guarded
        .cluster
        .client()
        .patch(url)
        .multipart(Form::new().part("file", part));
    let replaced = replace
        .bearer_auth(guarded.token("write"))
        .send()
        .await
        .unwrap();
    assert_eq!(replaced.status(), 200);
    assert_eq!(status().await, 200, "a replacement keeps the access");
    assert_eq!(
        set(serde_json::json!({"access": "private"})).await,
        "private"
    );
    assert_eq!(status().await, 403);
    guarded.cluster.finish(0).await;
}

#[tokio::test]
async fn originals_can_be_private_while_thumbnails_are_public() {
    let guarded = Guarded::start(&[
        setting("THUMBMILL_ORIGINALS", "private"),
        setting("THUMBMILL_TRANSFORMS", "presets"),
    ])
    .await;
    let id = guarded.upload(None, "a.jpg", photo_jpeg(40, 30)).await;
    let text = guarded.upload(None, "c.txt", b"hello".to_vec()).await;
    for (path, expected) in [
        (format!("/assets/{id}?key=system-small-cover"), 200),
        (format!("/assets/{id}"), 403),
        (format!("/assets/{id}?download"), 403),
        (format!("/assets/{id}/x.jpg"), 403),
        // No thumbnail can be made of it, so this would be the original.
        (format!("/assets/{text}?key=system-small-cover"), 403),
    ] {
        assert_eq!(
            guarded.ask(Method::GET, &path, None).await.status(),
            expected,
            "{path}"
        );
        let ranged = guarded
            .cluster
            .client()
            .get(guarded.cluster.url(&path))
            .header("range", "bytes=0-0");
        let ranged = ranged.send().await.unwrap().status();
        assert_eq!(ranged == 403, expected == 403, "{path}");
        let reader = guarded
            .ask(Method::GET, &path, Some(guarded.token("read")))
            .await;
        assert_eq!(reader.status(), 200, "{path}");
    }
    guarded.cluster.finish(0).await;
}

/// A preset that changes nothing is another name of the original.
#[tokio::test]
async fn a_preset_that_changes_nothing_shows_no_private_original() {
    let folder = tempfile::tempdir().unwrap();
    let presets = folder.path().join("presets.toml");
    std::fs::write(
        &presets,
        "[same]\n[cover]\nfit = \"cover\"\n[small]\nwidth = 9\n",
    )
    .unwrap();
    for transforms in ["all", "presets"] {
        let guarded = Guarded::start(&[
            setting("THUMBMILL_ORIGINALS", "private"),
            setting("THUMBMILL_TRANSFORMS", transforms),
            setting("THUMBMILL_PRESETS", presets.display().to_string()),
        ])
        .await;
        let id = guarded.upload(None, "a.jpg", photo_jpeg(40, 30)).await;
        for (query, expected) in [("key=same", 403), ("key=cover", 403), ("key=small", 200)] {
            let path = format!("/assets/{id}?{query}");
            let answer = guarded.ask(Method::GET, &path, None).await;
            assert_eq!(answer.status(), expected, "{transforms} {query}");
        }
        guarded.cluster.finish(0).await;
    }
}

/// A file that cannot be described is no news to whoever may not see it.
#[tokio::test]
async fn a_damaged_private_file_looks_like_none() {
    let guarded = Guarded::start(&[]).await;
    let id = guarded
        .upload(Some("private"), "a.jpg", photo_jpeg(40, 30))
        .await;
    let variables = &guarded.cluster.variables;
    let store = variables
        .iter()
        .find(|(name, _)| *name == "THUMBMILL_STORAGE");
    let folder = store.unwrap().1.strip_prefix("file:").unwrap().to_owned();
    std::fs::write(format!("{folder}/uploads/{id}/description.json"), "garbage").unwrap();
    let path = format!("/assets/{id}?width=9");
    assert_eq!(
        told(guarded.ask(Method::GET, &path, None).await).await,
        (403, "FORBIDDEN".to_owned())
    );
    let reader = guarded
        .ask(Method::GET, &path, Some(guarded.token("read")))
        .await;
    assert_eq!(reader.status(), 500);
    guarded.cluster.finish(0).await;
}

/// A page of another site, and a name of another site that points to this machine.
#[tokio::test]
async fn a_page_of_another_site_can_do_nothing_here() {
    let cluster = Cluster::embedded(&[]).await;
    let id = cluster.upload("a.jpg", photo_jpeg(40, 30)).await;
    let file = || Form::new().part("file", Part::bytes(photo_jpeg(8, 8)).file_name("x.jpg"));
    for (name, value, expected) in [
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("origin", "https://evil.example", 403),
        ("origin", "null", 403),
        ("host", "evil.example", 403),
        // A proxy on this machine passes on what comes from anywhere.
        ("x-forwarded-for", "203.0.113.9", 403),
        ("forwarded", "for=203.0.113.9", 403),
        ("via", "1.1 proxy", 403),
        ("sec-fetch-site", "same-origin", 200),
        ("sec-fetch-site", "none", 200),
        ("accept", "*/*", 200),
    ] {
        let post = cluster
            .client()
            .post(cluster.url("/files"))
            .multipart(file())
            .header(name, value);
        assert_eq!(
            post.send().await.unwrap().status(),
            expected,
            "{name}: {value}"
        );
    }
    for (path, expected) in [
        (format!("/files/{id}"), 403),
        ("/campaigns".to_owned(), 403),
        ("/metrics".to_owned(), 403),
        (format!("/assets/{id}?width=5"), 200),
    ] {
        let get = cluster
            .client()
            .get(cluster.url(&path))
            .header("host", "evil.example");
        assert_eq!(get.send().await.unwrap().status(), expected, "{path}");
        // Pictures may be shown anywhere.
        let get = cluster
            .client()
            .get(cluster.url(&path))
            .header("sec-fetch-site", "cross-site");
        assert_eq!(get.send().await.unwrap().status(), 200, "{path}");
    }
    cluster.finish(0).await;
}

/// Without tokens an address that others reach is for reading only, unless the operator says otherwise.
#[tokio::test]
async fn without_tokens_an_address_that_others_reach_is_for_reading() {
    let [port] = thumbmill_tests::servers::free_ports().unwrap();
    let listen = setting("THUMBMILL_ADMIN_LISTEN", format!("0.0.0.0:{port}"));
    for (access, expected) in [("auto", 403), ("local", 200), ("open", 200)] {
        let cluster =
            Cluster::embedded(&[listen.clone(), setting("THUMBMILL_ACCESS", access)]).await;
        let url = format!("http://127.0.0.1:{port}");
        let get = cluster
            .client()
            .get(format!("{url}/campaigns"))
            .send()
            .await
            .unwrap();
        let (status, text) = (get.status(), get.text().await.unwrap());
        assert_eq!(status, expected, "{access}: {text}");
        if expected == 403 {
            assert!(
                text.contains("THUMBMILL_TOKENS") && text.contains("THUMBMILL_ACCESS=open"),
                "{text}"
            );
        }
        let other = cluster
            .client()
            .get(format!("{url}/campaigns"))
            .header("host", "thumbs.example");
        let other = other.send().await.unwrap().status();
        assert_eq!(other == 200, access == "open", "{access}: {other}");
        // The routes of operators are only there.
        for path in ["/files", "/campaigns", "/metrics"] {
            assert_eq!(
                told(cluster.get(path).await).await,
                (404, "ROUTE_NOT_FOUND".to_owned()),
                "{path}"
            );
        }
        let asset = cluster
            .client()
            .get(format!("{url}/assets/{UNKNOWN}"))
            .send()
            .await
            .unwrap();
        assert_eq!(asset.status(), 404);
        for probe in ["/livez", "/readyz"] {
            assert_eq!(cluster.get(probe).await.status(), 200);
            let admin = cluster
                .client()
                .get(format!("{url}{probe}"))
                .send()
                .await
                .unwrap();
            assert_eq!(admin.status(), 200);
        }
        cluster.finish(0).await;
    }
}
