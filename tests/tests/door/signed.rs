//! Signed URLs, by our command and by the snippets of the documentation.

use std::process::Command;

use reqwest::Method;
use thumbmill_tests::cluster::header;
use thumbmill_tests::pictures::photo_jpeg;

use super::who::Guarded;
use super::{setting, told};

const KEYS: &str = "new:0123456789abcdef0123456789abcdef,old:fedcba9876543210fedcba9876543210";
const SECRET: &str = "0123456789abcdef0123456789abcdef";

async fn start() -> Guarded {
    Guarded::start(&[
        setting("THUMBMILL_SIGNING_KEYS", KEYS),
        setting("THUMBMILL_TRANSFORMS", "signed"),
    ])
    .await
}

fn sign(guarded: &Guarded, url: &str, more: &[&str]) -> String {
    let (code, printed) = guarded.cluster.command(&[&["sign", url], more].concat());
    assert_eq!(code, 0, "{printed}");
    printed.trim().to_owned()
}

#[tokio::test]
async fn a_signed_url_shows_what_it_was_signed_for_and_nothing_else() {
    let guarded = start().await;
    let public = guarded.upload(None, "a.jpg", photo_jpeg(400, 300)).await;
    let private = guarded
        .upload(Some("private"), "b.jpg", photo_jpeg(400, 300))
        .await;
    let get = async |path: &str| guarded.ask(Method::GET, path, None).await;
    // Free transforms need a signature, presets do not.
    assert_eq!(
        told(get(&format!("/assets/{public}?width=20")).await).await,
        (403, "FORBIDDEN".to_owned())
    );
    assert_eq!(
        get(&format!("/assets/{public}?key=system-small-cover"))
            .await
            .status(),
        200
    );
    assert_eq!(
        get(&format!("/assets/{public}?key=system-small-cover&width=9"))
            .await
            .status(),
        403
    );
    for id in [&public, &private] {
        let signed = sign(
            &guarded,
            &format!("/assets/{id}?width=20"),
            &["--expires-in", "1h"],
        );
        let answer = get(&signed).await;
        assert_eq!(answer.status(), 200, "{signed}");
        let control = header(&answer, "cache-control");
        let age: u64 = control.rsplit('=').next().unwrap().parse().unwrap();
        assert!((3590..=3600).contains(&age), "{control}");
        assert_eq!(control.starts_with("private"), *id == private, "{control}");
        for changed in [
            signed.replace("width=20", "width=21"),
            format!("{signed}&height=10"),
            format!("{signed}&width=20"),
            format!("{signed}&width%3D=20"),
            signed.replace("expires=1", "expires=2"),
            signed.replace(id.as_str(), if *id == public { &private } else { &public }),
            signed.replace("signature=new", "signature=old"),
            signed.replace("signature=new", "signature=newer"),
        ] {
            let answer = get(&changed).await;
            assert_eq!(
                told(answer).await,
                (403, "FORBIDDEN".to_owned()),
                "{changed}"
            );
        }
    }
    // The original and a file name, for ever, by the whole URL.
    let whole = guarded
        .cluster
        .url(&format!("/assets/{private}/sea%20view.jpg"));
    let signed = sign(&guarded, &whole, &[]);
    let answer = guarded.cluster.client().get(&signed).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{signed}");
    assert_eq!(header(&answer, "cache-control"), "private, max-age=2592000");
    let expired = sign(
        &guarded,
        &format!("/assets/{private}?width=20"),
        &["--expires-in", "0s"],
    );
    let answer = get(&expired).await;
    let text = answer.text().await.unwrap();
    assert!(text.contains("has expired"), "{text}");
    let log = guarded.cluster.apis[0].log();
    assert!(
        log.contains("signature=***") && !log.contains(SECRET),
        "{log}"
    );
    guarded.cluster.finish(0).await;
}

/// The snippets of api/SIGNING.md, each as a program of its own.
#[tokio::test]
async fn the_snippets_of_the_documentation_sign_as_we_do() {
    let guarded = start().await;
    let id = guarded
        .upload(Some("private"), "a.jpg", photo_jpeg(400, 300))
        .await;
    let transforms = r#"[["blur",5],["rotate",90]]"#;
    let manual = include_str!("../../../api/SIGNING.md");
    for (language, program, flag) in [
        ("python", "python3", "-c"),
        ("js", "node", "-e"),
        ("php", "php", "-r"),
    ] {
        let begin = format!("```{language}\n");
        let snippet = manual
            .split(&begin)
            .nth(1)
            .unwrap()
            .split("```")
            .next()
            .unwrap();
        let script = snippet
            .replace("3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f", &id)
            .replace("<?php\n", "");
        let output = Command::new(program)
            .args([flag, &script])
            .env("THUMBMILL_KEY", SECRET)
            .env("THUMBMILL_TRANSFORM", transforms)
            .output()
            .unwrap_or_else(|error| {
                panic!("{program}: {error}: run ./tests/run, which installs it")
            });
        let printed = String::from_utf8(output.stdout).unwrap();
        let path = printed.trim();
        assert!(
            path.contains("expires=") && path.contains("transforms="),
            "{language}: {path} {output:?}",
            output = output.stderr
        );
        let answer = guarded.ask(Method::GET, path, None).await;
        assert_eq!(
            answer.status(),
            200,
            "{language}: {path}: {}",
            answer.text().await.unwrap()
        );
    }
    guarded.cluster.finish(0).await;
}
