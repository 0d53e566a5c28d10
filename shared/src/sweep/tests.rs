use std::fs::File;
use std::path::Path;

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::settings::FilesMode;
use crate::storage::{Condition, Location, S3Options, Source};

const DAY: Duration = Duration::from_hours(24);

async fn store() -> (TempDir, Storage) {
    let folder = tempfile::tempdir().unwrap();
    let s3 = S3Options {
        endpoint: None,
        connect_timeout: DAY,
        attempt_timeout: DAY,
        operation_timeout: DAY,
    };
    let location = Location::Files(folder.path().to_owned());
    let storage = Storage::open(&location, &s3, FilesMode::Private)
        .await
        .unwrap();
    (folder, storage)
}

/// A name that a thumbnail may have.
fn thumbnail(number: u32) -> String {
    format!("variants/3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f/{number:032x}/{number:032x}.webp")
}

async fn put(storage: &Storage, root: &Path, object: &str, age: Duration) {
    let source = Source::Bytes(Bytes::from_static(&[7; 1000]));
    let put = storage.put(object, source, "image/webp", Condition::Always);
    put.await.unwrap();
    let file = File::options().write(true).open(root.join(object)).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

/// Thumbnails that are 0, 1, 2 days old and so on, of 1000 bytes each.
async fn fill(storage: &Storage, root: &Path, count: u32) {
    for number in 0..count {
        put(storage, root, &thumbnail(number), number * DAY).await;
    }
}

fn stay(root: &Path) -> Vec<u32> {
    let there = (0..100).filter(|number| root.join(thumbnail(*number)).exists());
    there.collect()
}

fn up_to(end: u32) -> Vec<u32> {
    (0..end).collect()
}

async fn swept(storage: &Storage, rules: Rules) -> Swept {
    let mut swept = Swept::default();
    let done = sweep(storage, &rules, SystemTime::now(), &mut swept).await;
    done.unwrap();
    swept
}

fn sum(objects: u64) -> Sum {
    Sum {
        objects,
        bytes: objects * 1000,
    }
}

#[tokio::test]
async fn a_store_above_its_bound_loses_the_oldest_thumbnails() {
    let (folder, storage) = store().await;
    let root = folder.path();
    fill(&storage, root, 20).await;
    let rules = |most_bytes| Rules {
        bound: Some(Bound::of(most_bytes)),
        oldest: None,
    };
    // As much as may lie there.
    let first = swept(&storage, rules(20_000)).await;
    assert_eq!((first.kept, first.evicted), (sum(20), sum(0)));
    let second = swept(&storage, rules(19_999)).await;
    assert_eq!((second.kept, second.evicted), (sum(18), sum(2)));
    assert_eq!(stay(root), up_to(18));
    let third = swept(&storage, rules(5_000)).await;
    assert_eq!((third.kept, third.evicted), (sum(4), sum(14)));
    assert_eq!(stay(root), [0, 1, 2, 3]);
}

#[tokio::test]
async fn of_equally_old_thumbnails_no_more_go_than_have_to_and_none_that_was_just_made() {
    let (folder, storage) = store().await;
    let root = folder.path();
    for number in 0..30 {
        put(&storage, root, &thumbnail(number), DAY).await;
    }
    for number in 30..35 {
        put(&storage, root, &thumbnail(number), Duration::ZERO).await;
    }
    let rules = |most_bytes| Rules {
        bound: Some(Bound::of(most_bytes)),
        oldest: None,
    };
    let swept_once = swept(&storage, rules(20_000)).await;
    assert_eq!(swept_once.kept, sum(18));
    let there = stay(root);
    assert_eq!(there.len(), 18);
    assert!(there.ends_with(&[30, 31, 32, 33, 34]), "{there:?}");
    // They alone are more than the bound.
    assert_eq!(swept(&storage, rules(2_000)).await.kept, sum(5));
    assert_eq!(stay(root), [30, 31, 32, 33, 34]);
}

#[tokio::test]
async fn thumbnails_that_nobody_asked_for_for_long_go_whatever_the_bound() {
    let (folder, storage) = store().await;
    fill(&storage, folder.path(), 20).await;
    let rules = Rules {
        bound: Some(Bound::of(100_000)),
        oldest: Some(DAY * 9 + DAY / 2),
    };
    let both = swept(&storage, rules).await;
    assert_eq!((both.expired, both.evicted), (sum(10), sum(0)));
    assert_eq!(stay(folder.path()), up_to(10));
    let rules = Rules {
        bound: Some(Bound::of(5_000)),
        oldest: Some(7 * DAY + DAY / 2),
    };
    let both = swept(&storage, rules).await;
    assert_eq!((both.expired, both.evicted), (sum(2), sum(4)));
    assert_eq!(both.kept, sum(4));
}

#[tokio::test]
async fn originals_and_what_other_tools_put_there_stay() {
    let (folder, storage) = store().await;
    let root = folder.path();
    let id = "3f2b8c1e-0d4a-4c58-9a55-0b7c1f1d2e3f";
    let others = [
        format!("originals/{id}"),
        format!("uploads/{id}/description.json"),
        format!("uploads/{id}/{:032x}", 1),
        format!("variants/{id}/{:032x}/readme.txt", 1),
        "variants/index.webp".to_owned(),
    ];
    for object in &others {
        put(&storage, root, object, 1000 * DAY).await;
    }
    fill(&storage, root, 10).await;
    let rules = Rules {
        bound: Some(Bound::of(1)),
        oldest: Some(Duration::from_mins(1)),
    };
    swept(&storage, rules).await;
    assert_eq!(stay(root), [0]);
    for object in &others {
        assert!(root.join(object).exists(), "{object}");
    }
}

#[tokio::test]
async fn two_sweeps_at_once_remove_what_one_would() {
    let (folder, storage) = store().await;
    let root = folder.path();
    fill(&storage, root, 100).await;
    let rules = Rules {
        bound: Some(Bound::of(50_000)),
        oldest: None,
    };
    tokio::join!(swept(&storage, rules), swept(&storage, rules));
    assert_eq!(stay(root), up_to(45));
}
