//! Who may read what lies in a folder store, whatever umask the service was started with.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use reqwest::StatusCode;
use reqwest::multipart::{Form, Part};
use thumbmill_tests::cluster::Cluster;
use thumbmill_tests::pictures::photo_jpeg;

/// The modes of a folder and of all below it.
fn modes(path: &Path, all: &mut BTreeMap<String, u32>) {
    let metadata = fs::metadata(path).unwrap();
    all.insert(path.display().to_string(), metadata.mode() & 0o777);
    if metadata.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            modes(&entry.unwrap().path(), all);
        }
    }
}

/// Uploads, renders, replaces and deletes under this umask, and checks the modes after each step.
async fn use_all_of_it(umask: &str, mode: &str, (folder, file): (u32, u32)) {
    let data = tempfile::tempdir().unwrap();
    let store = data.path().join("deep/store");
    let command = format!("umask {umask}; exec \"$0\"");
    let settings = [
        ("THUMBMILL_STORAGE", format!("file:{}", store.display())),
        ("THUMBMILL_FILES_MODE", mode.to_owned()),
    ];
    let cluster = Cluster::embedded_under(&["sh", "-c", &command], &settings).await;
    let check = |step: &str, least: usize| {
        let mut all = BTreeMap::new();
        modes(&data.path().join("deep"), &mut all);
        assert!(all.len() >= least, "{step}: {all:?}");
        for (path, mode) in all {
            let expected = if Path::new(&path).is_dir() {
                folder
            } else {
                file
            };
            assert_eq!(mode, expected, "umask {umask}, {step}: {path} has {mode:o}");
        }
    };
    check("at the start", 4);
    let kept = cluster.upload("a.jpg", photo_jpeg(60, 40)).await;
    let gone = cluster.upload("b.jpg", photo_jpeg(60, 40)).await;
    check("after uploads", 10);
    for id in [&kept, &gone] {
        let answer = cluster.get(&format!("/assets/{id}?width=20")).await;
        assert_eq!(answer.status(), StatusCode::OK);
    }
    check("after renders", 16);
    let part = Part::bytes(photo_jpeg(50, 40)).file_name("a.jpg");
    let url = cluster.url(&format!("/files/{kept}"));
    let replace = cluster.client().patch(&url);
    let replaced = replace.multipart(Form::new().part("file", part));
    assert_eq!(replaced.send().await.unwrap().status(), StatusCode::OK);
    let url = cluster.url(&format!("/files/{gone}"));
    let deleted = cluster.client().delete(&url).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    check("after a replacement and a deletion", 6);
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_in_a_folder_store_is_its_owners_alone() {
    for umask in ["000", "022", "077"] {
        use_all_of_it(umask, "private", (0o700, 0o600)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_who_share_a_folder_store_have_what_the_umask_lets_them() {
    use_all_of_it("002", "umask", (0o775, 0o664)).await;
    use_all_of_it("027", "umask", (0o750, 0o640)).await;
}
