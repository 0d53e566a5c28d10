//! The whole way of a request, on one process and on RabbitMQ, Redis and S3: the same answers.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Response, StatusCode};
use thumbmill_shared::storage::Storage;
use thumbmill_tests::cluster::{Cluster, header, until};
use thumbmill_tests::pictures::damage::{png_bomb, png_with_corrupt_data, truncated};
use thumbmill_tests::pictures::{CORNERS, assert_near, decode, photo, photo_jpeg, png};

/// Runs a test on both forms.
macro_rules! on_both_forms {
    ($($test:ident)*) => {
        mod embedded {
            $(#[tokio::test] async fn $test() { let cluster = super::Cluster::embedded(&[]).await; super::$test(cluster).await; })*
        }
        mod distributed {
            $(#[tokio::test] async fn $test() { let cluster = super::Cluster::distributed(1, 1, &[]).await; super::$test(cluster).await; })*
        }
    };
}

on_both_forms! {
    a_thumbnail_is_made_once_and_served_from_then_on
    an_original_is_served_as_it_came
    a_thumbnail_has_ranges_and_validators_too
    a_replaced_original_has_new_thumbnails
    a_deleted_original_takes_its_thumbnails_with_it
    bad_requests_are_named_and_lose_nothing
    bad_originals_are_named_and_lose_nothing
    uploads_are_checked
    a_client_that_does_not_wait_is_told_to_come_back
    a_thumbnail_that_was_removed_behind_our_back_is_made_again
}

async fn code(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body: serde_json::Value = answer.json().await.unwrap();
    let error = &body["errors"][0];
    assert!(!error["message"].as_str().unwrap().is_empty());
    (
        status,
        error["extensions"]["code"].as_str().unwrap().to_owned(),
    )
}

async fn a_thumbnail_is_made_once_and_served_from_then_on(cluster: Cluster) {
    let id = cluster.upload("sea.jpg", photo_jpeg(800, 600)).await;
    let path = format!("/assets/{id}?width=200&height=100&fit=cover&format=png");
    let made = cluster.get(&path).await;
    assert_eq!(made.status(), StatusCode::OK);
    assert!(
        header(&made, "server-timing").starts_with("miss, queue;dur="),
        "{}",
        header(&made, "server-timing")
    );
    assert_eq!(header(&made, "content-type"), "image/png");
    assert_eq!(
        header(&made, "content-disposition"),
        "inline; filename=\"sea.png\""
    );
    assert_eq!(header(&made, "x-content-type-options"), "nosniff");
    assert_eq!(
        header(&made, "content-security-policy"),
        "default-src 'none'; sandbox"
    );
    let first = made.bytes().await.unwrap();
    let picture = decode(&first).into_rgb8();
    assert_eq!(picture.dimensions(), (200, 100));

    // Other words for the same picture: the same bytes, and nothing is rendered.
    let same = format!(
        "/assets/{id}?height=100&width=200&format=png&quality=100&withoutEnlargement=false"
    );
    let hit = cluster.get(&same).await;
    assert!(header(&hit, "server-timing").starts_with("hit"));
    assert_eq!(hit.bytes().await.unwrap(), first);
    assert_eq!(cluster.metric("thumbmill_renders_total", "").await, 1);
    cluster.finish(0).await;
}

async fn an_original_is_served_as_it_came(cluster: Cluster) {
    let original = photo_jpeg(300, 200);
    let id = cluster
        .upload("../naïve \"name\".png", original.clone())
        .await;
    let whole = cluster.get(&format!("/assets/{id}")).await;
    assert_eq!(header(&whole, "content-type"), "image/jpeg");
    let disposition = header(&whole, "content-disposition");
    assert!(
        disposition.ends_with("filename*=UTF-8''na%C3%AFve%20%22name%22.png"),
        "{disposition}"
    );
    let etag = header(&whole, "etag");
    assert_eq!(whole.bytes().await.unwrap(), original);
    let part = cluster
        .client()
        .get(cluster.url(&format!("/assets/{id}/x.jpg?download")))
        .header("range", "bytes=-1");
    let part = part.send().await.unwrap();
    assert_eq!(
        (part.status(), header(&part, "content-range")),
        (
            StatusCode::PARTIAL_CONTENT,
            format!("bytes {0}-{0}/{1}", original.len() - 1, original.len())
        )
    );
    assert_eq!(
        header(&part, "content-disposition"),
        "attachment; filename=\"x.jpg\""
    );
    assert_eq!(part.bytes().await.unwrap(), &original[original.len() - 1..]);
    let behind = cluster
        .client()
        .get(cluster.url(&format!("/assets/{id}")))
        .header("range", "bytes=999999-")
        .send()
        .await
        .unwrap();
    assert_eq!(
        header(&behind, "content-range"),
        format!("bytes */{}", original.len())
    );
    assert_eq!(
        code(behind).await,
        (416, "RANGE_NOT_SATISFIABLE".to_owned())
    );
    let unchanged = cluster
        .client()
        .get(cluster.url(&format!("/assets/{id}")))
        .header("if-none-match", etag)
        .send()
        .await
        .unwrap();
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    assert!(unchanged.bytes().await.unwrap().is_empty());
    let head = cluster
        .client()
        .head(cluster.url(&format!("/assets/{id}")))
        .send()
        .await
        .unwrap();
    assert_eq!(header(&head, "content-length"), original.len().to_string());
    let text = cluster.upload("note.txt", "hello").await;
    let text = cluster.get(&format!("/assets/{text}?width=100")).await;
    assert_eq!(
        (header(&text, "content-type"), text.text().await.unwrap()),
        ("text/plain; charset=utf-8".to_owned(), "hello".to_owned())
    );
    cluster.finish(0).await;
}

async fn a_thumbnail_has_ranges_and_validators_too(cluster: Cluster) {
    let id = cluster.upload("sea.jpg", photo_jpeg(400, 300)).await;
    let url = cluster.url(&format!("/assets/{id}?width=50"));
    let head = cluster.client().head(&url).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    let whole = cluster.client().get(&url).send().await.unwrap();
    assert!(
        header(&whole, "server-timing").starts_with("hit"),
        "HEAD made it"
    );
    let etag = header(&whole, "etag");
    assert_eq!(etag, header(&head, "etag"));
    let whole = whole.bytes().await.unwrap();
    assert_eq!(header(&head, "content-length"), whole.len().to_string());
    let part = cluster
        .client()
        .get(&url)
        .header("range", "bytes=0-0")
        .header("if-range", &etag)
        .send()
        .await
        .unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes().await.unwrap(), &whole[..1]);
    let unchanged = cluster
        .client()
        .get(&url)
        .header("if-none-match", format!("\"x\", {etag}"))
        .send()
        .await
        .unwrap();
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    let other = cluster.get(&format!("/assets/{id}?width=51")).await;
    assert_ne!(header(&other, "etag"), etag);
    cluster.finish(0).await;
}

async fn a_replaced_original_has_new_thumbnails(cluster: Cluster) {
    let id = cluster.upload("a.jpg", photo_jpeg(400, 300)).await;
    let path = format!("/assets/{id}?width=40&format=png");
    let before = cluster.get(&path).await;
    let old_etag = header(&before, "etag");
    let turned = image::imageops::rotate180(&photo(400, 300));
    let part = Part::bytes(png(&turned.into())).file_name("b.png");
    let replaced = cluster
        .client()
        .patch(cluster.url(&format!("/files/{id}")))
        .multipart(Form::new().part("file", part));
    let record: serde_json::Value = replaced.send().await.unwrap().json().await.unwrap();
    assert_eq!(record["data"]["type"], "image/png");
    let after = cluster
        .client()
        .get(cluster.url(&path))
        .header("if-none-match", &old_etag)
        .send()
        .await
        .unwrap();
    assert_eq!(after.status(), StatusCode::OK);
    assert_ne!(header(&after, "etag"), old_etag);
    let picture = decode(&after.bytes().await.unwrap()).into_rgb8();
    assert_near(*picture.get_pixel(1, 1), CORNERS[3], 25);
    let named = cluster
        .client()
        .patch(cluster.url(&format!("/files/{id}")))
        .json(&serde_json::json!({"filename_download": "c.png"}));
    assert_eq!(named.send().await.unwrap().status(), StatusCode::OK);
    let named = cluster.get(&format!("/assets/{id}")).await;
    assert_eq!(
        header(&named, "content-disposition"),
        "inline; filename=\"c.png\""
    );
    cluster.finish(0).await;
}

async fn a_deleted_original_takes_its_thumbnails_with_it(cluster: Cluster) {
    let id = cluster.upload("a.jpg", photo_jpeg(40, 30)).await;
    let path = format!("/assets/{id}?width=10");
    assert_eq!(cluster.get(&path).await.status(), StatusCode::OK);
    let deleted = cluster
        .client()
        .delete(cluster.url(&format!("/files/{id}")))
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    for path in [path, format!("/assets/{id}"), format!("/files/{id}")] {
        assert_eq!(
            code(cluster.get(&path).await).await,
            (404, "NOT_FOUND".to_owned()),
            "{path}"
        );
    }
    let again = cluster
        .client()
        .delete(cluster.url(&format!("/files/{id}")))
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
    cluster.finish(0).await;
}

async fn bad_requests_are_named_and_lose_nothing(cluster: Cluster) {
    let id = cluster.upload("a.jpg", photo_jpeg(40, 30)).await;
    let unknown = "00000000-0000-4000-8000-000000000000";
    let table = [
        (format!("/assets/{unknown}"), 404, "NOT_FOUND"),
        (format!("/assets/{unknown}?width=10"), 404, "NOT_FOUND"),
        ("/assets/nonsense".to_owned(), 404, "NOT_FOUND"),
        (format!("/assets/{id}?key=unknown"), 400, "INVALID_QUERY"),
        (format!("/assets/{id}?width=0"), 400, "INVALID_QUERY"),
        (format!("/assets/{id}?height=-5"), 400, "INVALID_QUERY"),
        (format!("/assets/{id}?format=gif"), 400, "INVALID_QUERY"),
        (
            format!("/assets/{id}?width=6001"),
            400,
            "ILLEGAL_ASSET_TRANSFORMATION",
        ),
        (
            format!("/assets/{id}?width=4294967295&height=4294967295&fit=outside"),
            400,
            "ILLEGAL_ASSET_TRANSFORMATION",
        ),
        (format!("/assets/{id}/%ff"), 400, "INVALID_PATH"),
        ("/nowhere".to_owned(), 404, "ROUTE_NOT_FOUND"),
        (format!("/assets/{id}/a/b"), 404, "ROUTE_NOT_FOUND"),
    ];
    for (path, status, name) in table {
        assert_eq!(
            code(cluster.get(&path).await).await,
            (status, name.to_owned()),
            "{path}"
        );
    }
    let method = cluster
        .client()
        .put(cluster.url(&format!("/assets/{id}")))
        .send()
        .await
        .unwrap();
    assert!(
        header(&method, "allow").contains("GET"),
        "{}",
        header(&method, "allow")
    );
    assert_eq!(code(method).await, (405, "METHOD_NOT_ALLOWED".to_owned()));
    assert_eq!(
        cluster
            .get(&format!("/assets/{id}?width=10"))
            .await
            .status(),
        StatusCode::OK
    );
    cluster.finish(0).await;
}

async fn bad_originals_are_named_and_lose_nothing(cluster: Cluster) {
    let good = photo_jpeg(300, 200);
    let table = [
        (
            "truncated.jpg",
            truncated(&good, 60),
            422,
            "CORRUPT_ORIGINAL",
        ),
        (
            "no_end.jpg",
            good[..good.len() - 2].to_vec(),
            422,
            "CORRUPT_ORIGINAL",
        ),
        ("header.jpg", good[..100].to_vec(), 422, "CORRUPT_ORIGINAL"),
        (
            "corrupt.png",
            png_with_corrupt_data(&png(&photo(300, 200).into())),
            422,
            "CORRUPT_ORIGINAL",
        ),
        (
            "truncated.png",
            truncated(&png(&photo(300, 200).into()), 50),
            422,
            "CORRUPT_ORIGINAL",
        ),
        (
            "bomb.png",
            png_bomb(20_000, 20_000),
            400,
            "ILLEGAL_ASSET_TRANSFORMATION",
        ),
        (
            "limit.png",
            png_bomb(6001, 1),
            400,
            "ILLEGAL_ASSET_TRANSFORMATION",
        ),
    ];
    for (name, bytes, status, expected) in table {
        let id = cluster.upload(name, bytes.clone()).await;
        // Twice: rendered, and remembered.
        for _ in 0..2 {
            let answer = cluster.get(&format!("/assets/{id}?width=50")).await;
            assert_eq!(header(&answer, "cache-control"), "no-store");
            assert_eq!(code(answer).await, (status, expected.to_owned()), "{name}");
        }
        assert_eq!(
            cluster
                .get(&format!("/assets/{id}"))
                .await
                .bytes()
                .await
                .unwrap(),
            bytes,
            "{name}"
        );
    }
    assert_eq!(cluster.metric("thumbmill_renders_total", "").await, 0);
    let id = cluster.upload("good.jpg", good).await;
    assert_eq!(
        cluster
            .get(&format!("/assets/{id}?width=50"))
            .await
            .status(),
        StatusCode::OK
    );
    cluster.finish(0).await;
}

async fn uploads_are_checked(cluster: Cluster) {
    let post = |form: Form| {
        cluster
            .client()
            .post(cluster.url("/files"))
            .multipart(form)
            .send()
    };
    let file = |bytes: Vec<u8>| Part::bytes(bytes).file_name("x.jpg");
    let empty = post(Form::new().part("file", file(Vec::new())))
        .await
        .unwrap();
    assert_eq!(code(empty).await, (400, "INVALID_PAYLOAD".to_owned()));
    let none = post(Form::new().text("title", "x")).await.unwrap();
    assert_eq!(code(none).await, (400, "INVALID_PAYLOAD".to_owned()));
    let bad_id = post(Form::new().text("id", "../x").part("file", file(vec![1])))
        .await
        .unwrap();
    assert_eq!(code(bad_id).await, (400, "INVALID_PAYLOAD".to_owned()));
    let plain = cluster
        .client()
        .post(cluster.url("/files"))
        .body("x")
        .send()
        .await
        .unwrap();
    assert_eq!(
        code(plain).await,
        (415, "UNSUPPORTED_MEDIA_TYPE".to_owned())
    );
    let id = "11111111-2222-4333-8444-555555555555";
    let with_id = || {
        Form::new()
            .text("id", id)
            .text("title", "Sea")
            .part("file", file(photo_jpeg(8, 8)))
    };
    let made: serde_json::Value = post(with_id()).await.unwrap().json().await.unwrap();
    assert_eq!(
        (&made["data"]["id"], &made["data"]["title"]),
        (&id.into(), &"Sea".into())
    );
    assert_eq!(
        code(post(with_id()).await.unwrap()).await,
        (400, "RECORD_NOT_UNIQUE".to_owned())
    );
    let too_long = post(Form::new().part("file", file(vec![0; 101 * 1024 * 1024]))).await;
    // The api answers before it has read everything; a client that goes on writing may miss it.
    if let Ok(answer) = too_long {
        assert_eq!(code(answer).await, (413, "CONTENT_TOO_LARGE".to_owned()));
    }
    assert_eq!(
        cluster.get(&format!("/files/{id}")).await.status(),
        StatusCode::OK
    );
    cluster.finish(0).await;
}

async fn a_client_that_does_not_wait_is_told_to_come_back(cluster: Cluster) {
    let id = cluster.upload("a.jpg", photo_jpeg(1200, 900)).await;
    let path = format!("/assets/{id}?width=77");
    let accepted = cluster
        .client()
        .get(cluster.url(&path))
        .header("prefer", "respond-async")
        .send()
        .await
        .unwrap();
    assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&accepted, "location"), path);
    assert_eq!(header(&accepted, "cache-control"), "no-store");
    assert!(!header(&accepted, "retry-after").is_empty());
    assert_eq!(cluster.get(&path).await.status(), StatusCode::OK);
    let impatient = format!("/assets/{id}?width=1100&format=webp");
    let late = cluster
        .client()
        .get(cluster.url(&impatient))
        .header("prefer", "wait=0")
        .send()
        .await
        .unwrap();
    assert!(!header(&late, "retry-after").is_empty());
    assert_eq!(header(&late, "cache-control"), "no-store");
    assert_eq!(code(late).await, (503, "SERVICE_UNAVAILABLE".to_owned()));
    // The work went on.
    assert_eq!(cluster.get(&impatient).await.status(), StatusCode::OK);
    assert_eq!(cluster.metric("thumbmill_renders_total", "").await, 2);
    cluster.finish(0).await;
}

async fn a_thumbnail_that_was_removed_behind_our_back_is_made_again(cluster: Cluster) {
    let id = cluster.upload("a.jpg", photo_jpeg(120, 90)).await;
    let path = format!("/assets/{id}?width=12&format=png");
    let first = cluster.get(&path).await.bytes().await.unwrap();
    cluster
        .storage()
        .await
        .delete_all(&format!("variants/{id}/"))
        .await
        .unwrap();
    let again = cluster.get(&path).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(again.bytes().await.unwrap(), first);
    let picture = decode(&first).into_rgb8();
    assert_near(*picture.get_pixel(0, 0), CORNERS[0], 25);
    cluster.finish(0).await;
}

async fn patch(cluster: &Cluster, id: &str, bytes: Vec<u8>) -> reqwest::Result<reqwest::Response> {
    let part = Part::bytes(bytes).file_name("a.jpg");
    let form = Form::new().part("file", part);
    let url = cluster.url(&format!("/files/{id}"));
    cluster.client().patch(url).multipart(form).send().await
}

/// Publishes a job for a version of an original, and waits until workers have told so often why they make nothing.
async fn fail_job(cluster: &Cluster, id: &str, version: &str, (width, failures): (u32, u64)) {
    let job = format!(
        r#"{{"version":1,"asset":"{id}","original_version":"{version}","variants":[{{"width":{width},"format":"jpg"}}]}}"#
    );
    cluster.publish("interactive", std::iter::once(job)).await;
    // `original_replaced` or `original_missing`.
    cluster
        .until("thumbmill_variants_total", "original_", failures)
        .await;
}

/// A job for bytes that were replaced or deleted says nothing of them for later: once it was remembered for a
/// minute, and who restored them met 409 for as long.
#[tokio::test]
async fn bytes_that_come_back_are_served_at_once_whatever_was_said_of_them_meanwhile() {
    let cluster = Cluster::distributed(1, 1, &[]).await;
    let (old, new) = (photo_jpeg(300, 200), photo_jpeg(200, 300));
    let id = cluster.upload("a.jpg", old.clone()).await;
    let etag = header(&cluster.get(&format!("/assets/{id}")).await, "etag");
    let version = etag.trim_matches('"').to_owned();
    let status = async |width| {
        let thumbnail = format!("/assets/{id}?width={width}");
        cluster.get(&thumbnail).await.status()
    };
    patch(&cluster, &id, new).await.unwrap();
    fail_job(&cluster, &id, &version, (24, 1)).await;
    patch(&cluster, &id, old.clone()).await.unwrap();
    assert_eq!(status(24).await, 200);
    let url = cluster.url(&format!("/files/{id}"));
    let delete = async || cluster.client().delete(&url).send().await.unwrap().status();
    assert_eq!(delete().await, 204);
    fail_job(&cluster, &id, &version, (25, 2)).await;
    let form = Form::new().text("id", id.clone());
    let form = form.part("file", Part::bytes(old).file_name("a.jpg"));
    let post = cluster.client().post(cluster.url("/files"));
    assert_eq!(post.multipart(form).send().await.unwrap().status(), 200);
    assert_eq!(status(25).await, 200);
    cluster.finish(0).await;
}

async fn objects(storage: &Storage, folder: &str) -> Vec<String> {
    let (mut objects, mut listing) = (Vec::new(), storage.list(folder));
    while let Some(page) = listing.next().await.unwrap() {
        objects.extend(page.into_iter().map(|listed| listed.object));
    }
    objects
}

/// Whenever the client hangs up, a change happens whole or not at all, and leaves nothing behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_survives_the_client_that_asked_for_it() {
    let cluster = Cluster::distributed(1, 1, &[]).await;
    let storage = cluster.storage().await;
    let mut ids = Vec::new();
    for millis in (0..60).step_by(2) {
        let id = cluster.upload("a.jpg", photo_jpeg(300, 200)).await;
        let thumbnail = cluster.get(&format!("/assets/{id}?width=24")).await;
        assert_eq!(thumbnail.status(), 200);
        let changing = patch(&cluster, &id, photo_jpeg(200, 300));
        let hangs_up = Duration::from_millis(millis);
        let _ = tokio::time::timeout(hangs_up, changing).await;
        ids.push(id);
    }
    for id in ids {
        until(
            "one original with its own bytes and variants is left",
            async || {
                let etag = header(&cluster.get(&format!("/assets/{id}")).await, "etag");
                let version = etag.trim_matches('"');
                let originals = objects(&storage, &format!("uploads/{id}/")).await;
                let variants = objects(&storage, &format!("variants/{id}/")).await;
                originals.len() == 2 && variants.iter().all(|variant| variant.contains(version))
            },
        )
        .await;
    }
    cluster.finish(0).await;
}
