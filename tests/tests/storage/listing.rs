//! What lists of the store and of its originals promise, and the renewal of dates: the same for a
//! folder and for S3.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Store, files, s3};
use bytes::Bytes;
use futures_util::StreamExt;
use thumbmill_shared::asset::AssetId;
use thumbmill_shared::originals::Originals;
use thumbmill_shared::storage::{Condition, Listed, Pages, Source, StorageError};

/// More than two pages of either backend.
const MANY: usize = 2500;

impl Store {
    async fn put(&self, object: &str, text: &'static str) {
        let source = Source::Bytes(Bytes::from(text));
        let put = self
            .storage
            .put(object, source, "text/plain", Condition::Always);
        put.await.unwrap();
    }

    async fn put_many(&self, name: impl Fn(usize) -> String) {
        let puts = (0..MANY).map(|n| {
            let name = name(n);
            async move { self.put(&name, "x").await }
        });
        let puts = futures_util::stream::iter(puts).buffer_unordered(32);
        puts.collect::<Vec<()>>().await;
    }

    async fn objects(&self, prefix: &str) -> BTreeSet<String> {
        let objects = all(self.storage.list(prefix)).await;
        unique(objects.into_iter().map(|listed| listed.object))
    }

    async fn folders(&self, prefix: &str, begins: &str) -> BTreeSet<String> {
        unique(all(self.storage.folders(prefix, begins)).await)
    }
}

/// All that is listed; no page is empty, and none is everything.
async fn all<T: Send + 'static>(mut pages: Pages<T>) -> Vec<T> {
    let mut all = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        assert!((1..=1000).contains(&page.len()), "{}", page.len());
        all.extend(page);
    }
    assert!(pages.next().await.unwrap().is_none());
    all
}

/// Nothing is listed twice.
fn unique(names: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let names: Vec<String> = names.into_iter().collect();
    let unique: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(unique.len(), names.len());
    unique
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

async fn every_object_is_listed_with_what_a_head_says_of_it(store: Store) {
    for (object, text) in [("t/a", "hello"), ("t/b/c/d", "x"), ("t/b/e", "")] {
        store.put(object, text).await;
    }
    store.put("t-neighbour/a", "not below").await;
    let listed: Vec<Listed> = all(store.storage.list("t/")).await;
    assert_eq!(listed.len(), 3);
    for listed in listed {
        let head = store.storage.head(&listed.object).await.unwrap().unwrap();
        assert_eq!(listed.head.length_bytes, head.length_bytes);
        assert_eq!(listed.head.tag, head.tag);
        let apart = match listed.head.modified.duration_since(head.modified) {
            Ok(apart) => apart,
            Err(before) => before.duration(),
        };
        assert!(apart < Duration::from_secs(1), "{apart:?}");
    }
    assert_eq!(
        store.objects("t/").await,
        names(&["t/a", "t/b/c/d", "t/b/e"])
    );
    assert_eq!(store.objects("t/b/").await, names(&["t/b/c/d", "t/b/e"]));
    assert_eq!(store.objects("t/nothing/").await, names(&[]));
    assert_eq!(store.objects("t/a/").await, names(&[]));
}

async fn thousands_of_objects_come_in_pages(store: Store) {
    let name = |n: usize| format!("t/{}/{}/{n}", n % 7, n % 3);
    store.put_many(name).await;
    let expected: BTreeSet<String> = (0..MANY).map(name).collect();
    assert_eq!(store.objects("t/").await, expected);
}

async fn thousands_of_folders_come_in_pages_and_by_their_beginning(store: Store) {
    let folder = |n: usize| format!("{n:04}");
    store.put_many(|n| format!("t/{}/x", folder(n))).await;
    store.put("t/0001/deeper/y", "").await;
    store.put("t/0000-no-folder", "").await;
    let expected: BTreeSet<String> = (0..MANY).map(folder).collect();
    assert_eq!(store.folders("t/", "").await, expected);
    let begins = |begins: &str| {
        let matching = expected.iter().filter(|name| name.starts_with(begins));
        matching.cloned().collect::<BTreeSet<_>>()
    };
    assert_eq!(store.folders("t/", "1").await, begins("1"));
    assert_eq!(store.folders("t/", "1").await.len(), 1000);
    assert_eq!(store.folders("t/", "0001").await, names(&["0001"]));
    assert_eq!(store.folders("t/", "x").await, names(&[]));
    assert_eq!(store.folders("t/0001/", "").await, names(&["deeper"]));
    assert_eq!(store.folders("t/0001/deeper/", "").await, names(&[]));
    assert_eq!(store.folders("nothing/", "").await, names(&[]));
}

async fn what_is_deleted_while_it_is_listed_disturbs_nobody(store: Store) {
    store.put_many(|n| format!("t/{}/{n}", n % 40)).await;
    let mut listing = store.storage.list("t/");
    let mut seen = BTreeSet::new();
    while let Some(page) = listing.next().await.unwrap() {
        for listed in page {
            store.storage.delete(&listed.object).await.unwrap();
            assert!(seen.insert(listed.object));
        }
    }
    assert_eq!(seen.len(), MANY);
    assert_eq!(store.objects("t/").await, names(&[]));
}

async fn a_list_outside_the_store_is_refused(store: Store) {
    for bad in ["", "/", "t", "../", "t//", "tmp/"] {
        let list = store.storage.list(bad).next().await.unwrap_err();
        let folders = store.storage.folders(bad, "").next().await.unwrap_err();
        for error in [list, folders] {
            assert!(matches!(error, StorageError::BadName { .. }), "{bad:?}");
        }
    }
    let error = store.storage.folders("t/", "..").next().await.unwrap_err();
    assert!(matches!(error, StorageError::BadName { .. }));
}

async fn every_original_comes_once_whoever_put_it_there(store: Store) {
    let ids: Vec<AssetId> = (0..60).map(|_| AssetId::random()).collect();
    let (uploaded, rest) = ids.split_at(25);
    let (described, foreign) = rest.split_at(10);
    for id in uploaded.iter().chain(described) {
        store
            .put(&format!("uploads/{id}/description.json"), "")
            .await;
        store.put(&format!("uploads/{id}/bytes"), "").await;
    }
    for id in described.iter().chain(foreign) {
        store.put(&format!("originals/{id}"), "").await;
    }
    let shouted = AssetId::random().to_string().to_uppercase();
    for no_id in ["originals/readme", "uploads/readme/x", "originals/a/b"] {
        store.put(no_id, "").await;
    }
    store.put(&format!("originals/{shouted}"), "").await;
    let every = async |begins: &str| {
        let mut every = Originals::new(store.storage.clone()).every(begins);
        let mut ids = Vec::new();
        while let Some(page) = every.next().await.unwrap() {
            assert!(!page.is_empty());
            ids.extend(page);
        }
        unique(ids.iter().map(ToString::to_string))
    };
    let names: BTreeSet<String> = ids.iter().map(ToString::to_string).collect();
    assert_eq!(every("").await, names);
    for one in [&uploaded[0], &described[0], &foreign[0]] {
        let begins = one.to_string()[..2].to_uppercase();
        let beginning = names
            .iter()
            .filter(|name| name.starts_with(&begins.to_lowercase()));
        assert_eq!(every(&begins).await, beginning.cloned().collect());
    }
    assert_eq!(every("x").await, BTreeSet::new());
}

async fn a_renewed_object_is_the_same_with_the_present_date(store: Store) {
    let Store { storage, .. } = &store;
    store.put("t/a", "hello").await;
    let put = storage.head("t/a").await.unwrap().unwrap().modified;
    // S3 dates to the second.
    let renewed = loop {
        storage.renew("t/a", "image/webp").await.unwrap();
        let now = storage.head("t/a").await.unwrap().unwrap().modified;
        if now > put {
            break now;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(renewed.elapsed().unwrap_or_default() < Duration::from_mins(1));
    let object = storage.get("t/a", None).await.unwrap().unwrap();
    assert_eq!(object.bytes(9).await.unwrap(), "hello");
    storage.renew("t/missing", "image/webp").await.unwrap();
    assert_eq!(store.objects("t/").await, names(&["t/a"]));
}

on_both_backends! {
    every_object_is_listed_with_what_a_head_says_of_it
    thousands_of_objects_come_in_pages
    thousands_of_folders_come_in_pages_and_by_their_beginning
    what_is_deleted_while_it_is_listed_disturbs_nobody
    a_list_outside_the_store_is_refused
    every_original_comes_once_whoever_put_it_there
    a_renewed_object_is_the_same_with_the_present_date
}

#[tokio::test]
async fn names_that_are_none_and_files_being_written_are_left_out() {
    let store = files().await;
    store.put("t/a", "").await;
    let root = store.folder.as_ref().unwrap().path();
    for name in ["t/with blank", "t/a..b", "tmp/being-written"] {
        std::fs::write(root.join(name), "x").unwrap();
    }
    std::fs::create_dir(root.join("t/ö")).unwrap();
    std::os::unix::fs::symlink(root.join("t"), root.join("t/circle")).unwrap();
    std::os::unix::fs::symlink(root.join("nowhere"), root.join("t/dangling")).unwrap();
    assert_eq!(store.objects("t/").await, names(&["t/a"]));
    assert_eq!(store.folders("t/", "").await, names(&[]));
}
