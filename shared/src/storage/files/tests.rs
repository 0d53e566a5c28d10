use std::os::unix::fs::PermissionsExt;

use super::*;

fn names_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

async fn put(files: &Files, object: &str, text: &'static str) -> Tag {
    let source = Source::Bytes(Bytes::from(text));
    files.put(object, source, Condition::Always).await.unwrap()
}

#[tokio::test]
async fn stale_temporary_files_are_removed_at_open_and_young_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let tmp = folder.path().join("tmp");
    fs::create_dir_all(&tmp).unwrap();
    for name in ["old", "young"] {
        fs::write(tmp.join(name), "x").unwrap();
    }
    let old = File::options().write(true).open(tmp.join("old")).unwrap();
    old.set_modified(SystemTime::now() - Duration::from_hours(25))
        .unwrap();
    Files::open(folder.path(), FilesMode::Private)
        .await
        .unwrap();
    assert_eq!(names_below(&tmp), [tmp.join("young")]);
}

#[tokio::test]
async fn empty_folders_go_with_their_last_object() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(folder.path(), FilesMode::Private)
        .await
        .unwrap();
    put(&files, "a/b/c", "1").await;
    put(&files, "a/d", "2").await;
    files.delete("a/b/c", None).await.unwrap();
    assert_eq!(
        names_below(&folder.path().join("a")),
        [folder.path().join("a/d")]
    );
    files.delete("a/d", None).await.unwrap();
    assert!(!folder.path().join("a").exists());
    put(&files, "a/b/c", "1").await;
    files.delete_all("a/b/").await.unwrap();
    assert!(!folder.path().join("a").exists());
}

#[tokio::test]
async fn every_put_has_another_tag_even_of_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(folder.path(), FilesMode::Private)
        .await
        .unwrap();
    let mut tags = std::collections::HashSet::new();
    for _ in 0..200 {
        assert!(tags.insert(put(&files, "a", "same").await));
    }
}

#[tokio::test]
async fn puts_and_deletes_that_race_for_a_folder_both_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(folder.path(), FilesMode::Private)
        .await
        .unwrap();
    let racers = (0..8).map(|racer| {
        let files = files.clone();
        async move {
            let object = format!("shared/folder/{racer}");
            for _ in 0..50 {
                put(&files, &object, "x").await;
                assert!(files.head(&object).await.unwrap().is_some());
                files.delete(&object, None).await.unwrap();
            }
        }
    });
    futures_util::future::join_all(racers).await;
    assert!(!folder.path().join("shared").exists());
}

#[tokio::test]
async fn a_marker_is_removed_only_in_the_expected_state() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::open(folder.path(), FilesMode::Private)
        .await
        .unwrap();
    let old = put(&files, "a", "1").await;
    let new = put(&files, "a", "2").await;
    files.delete("a", Some(old)).await.unwrap();
    assert!(files.head("a").await.unwrap().is_some());
    files.delete("a", Some(new)).await.unwrap();
    assert!(files.head("a").await.unwrap().is_none());
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_a_misconfiguration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = Files::open(&file.join("below"), FilesMode::Private)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StorageError::Misconfigured { .. }),
        "{error:?}"
    );
}

#[test]
fn a_full_disk_is_told_from_a_broken_one() {
    let full = Operation::Put.failed("a", ErrorKind::StorageFull.into());
    assert!(matches!(full, StorageError::Full { .. }));
    let quota = Operation::Put.failed("a", ErrorKind::QuotaExceeded.into());
    assert!(matches!(quota, StorageError::Full { .. }));
    let broken = Operation::Put.failed("a", ErrorKind::Other.into());
    assert_eq!(broken.to_string(), "put a: the store is unavailable");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

/// Whoever may open a lock may hold it, also if he may only read it.
#[tokio::test]
async fn a_store_of_before_keeps_its_objects_and_loses_what_strangers_may_do_with_its_lock() {
    let folder = tempfile::tempdir().unwrap();
    let (lock, tmp) = (folder.path().join("lock"), folder.path().join("tmp"));
    let files = Files::open(folder.path(), FilesMode::Umask).await.unwrap();
    put(&files, "a/b", "1").await;
    for (path, wide) in [(folder.path(), 0o755), (&tmp, 0o777), (&lock, 0o644)] {
        fs::set_permissions(path, fs::Permissions::from_mode(wide)).unwrap();
    }
    let files = Files::open(folder.path(), FilesMode::Private)
        .await
        .unwrap();
    assert_eq!((mode(&lock), mode(&tmp)), (0o600, 0o700));
    assert!(files.get("a/b", None).await.unwrap().is_some());
    put(&files, "a/c", "1").await;
    put(&files, "d/c", "1").await;
    let modes = ["a/c", "d", "d/c"].map(|name| mode(&folder.path().join(name)));
    assert_eq!(modes, [0o600, 0o700, 0o600]);
    files.delete_all("a/").await.unwrap();
    assert!(!folder.path().join("a").exists());
}

/// An upload is collected in a file that is private.
#[tokio::test]
async fn a_file_that_was_made_elsewhere_gets_the_permissions_of_the_store() {
    for (chosen, expected) in [(FilesMode::Private, Some(0o600)), (FilesMode::Umask, None)] {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path(), chosen).await.unwrap();
        put(&files, "bytes", "1").await;
        for (spooled, wide) in [("s/private", 0o600), ("s/open", 0o644)] {
            let path = files.spool().join("spooled");
            fs::write(&path, "1").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(wide)).unwrap();
            let source = Source::File(path);
            let put = files.put(spooled, source, Condition::Always);
            put.await.unwrap();
            let expected = expected.unwrap_or_else(|| mode(&folder.path().join("bytes")));
            assert_eq!(mode(&folder.path().join(spooled)), expected);
        }
    }
}
