//! What the store and the originals in it promise, the same for a folder and for S3.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by a panic"
)]

use std::future::ready;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{StreamExt, TryStreamExt};
use tempfile::TempDir;
use thumbmill_shared::asset::{AssetId, Filename, Original, OriginalVersion, Title};
use thumbmill_shared::originals::{Originals, OriginalsError, Upload};
use thumbmill_shared::settings::FilesMode;
use thumbmill_shared::storage::{
    Condition, Location, S3Options, Source, Storage, StorageError, Tag,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, tcp};
use tokio::task::JoinSet;
use uuid::Uuid;

/// The same promises of a folder and of S3.
macro_rules! on_both_backends {
    ($($promise:ident)*) => {
        mod in_a_folder {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::$promise(super::files().await).await;
            })*
        }
        mod in_s3 {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $promise() {
                super::$promise(super::s3().await).await;
            })*
        }
    };
}

mod listing;

const BUCKET: &str = "thumbmill-test";
const TYPE: &str = "application/octet-stream";

/// A store of the test's own.
struct Store {
    storage: Storage,
    location: Location,
    folder: Option<TempDir>,
}

async fn files() -> Store {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Files(folder.path().to_owned());
    Store {
        storage: Storage::open(
            &location,
            &options("http://127.0.0.1:9"),
            FilesMode::Private,
        )
        .await
        .unwrap(),
        location,
        folder: Some(folder),
    }
}

async fn s3() -> Store {
    let location = Location::S3 {
        bucket: BUCKET.into(),
        prefix: format!("storage-{}", Uuid::new_v4()),
    };
    Store {
        storage: Storage::open(&location, &patient(&endpoint()), FilesMode::Private)
            .await
            .unwrap(),
        location,
        folder: None,
    }
}

#[expect(clippy::disallowed_methods, reason = "it is no setting of the program")]
fn endpoint() -> String {
    std::env::var("THUMBMILL_TEST_S3").expect("THUMBMILL_TEST_S3 is not set: run ./tests/run")
}

fn options(endpoint: &str) -> S3Options {
    S3Options {
        endpoint: Some(endpoint.to_owned()),
        connect_timeout: Duration::from_millis(500),
        attempt_timeout: Duration::from_secs(3),
        operation_timeout: Duration::from_secs(8),
    }
}

/// `SeaweedFS` asks for the lock of an object once a second; of twenty rivals the last may wait
/// for seven.
fn patient(endpoint: &str) -> S3Options {
    S3Options {
        attempt_timeout: Duration::from_secs(30),
        operation_timeout: Duration::from_secs(30),
        ..options(endpoint)
    }
}

impl Store {
    fn originals(&self) -> Originals {
        Originals::new(self.storage.clone())
    }

    /// How often a race is held; in S3 each takes seconds.
    fn rounds(&self, in_a_folder: usize) -> usize {
        self.folder.as_ref().map_or(2, |_| in_a_folder)
    }

    /// Asserts that nothing temporary is left behind, and cleans up.
    async fn finish(self) {
        for prefix in ["t/", "uploads/", "variants/", "originals/"] {
            self.storage.delete_all(prefix).await.unwrap();
        }
        if let Some(folder) = &self.folder {
            assert_eq!(paths_below(folder.path()), [folder.path().join("lock")]);
        }
    }
}

/// All files below a folder.
fn paths_below(folder: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            paths.extend(paths_below(&path));
        } else {
            paths.push(path);
        }
    }
    paths
}

fn bytes(text: impl Into<Vec<u8>>) -> Source {
    Source::Bytes(Bytes::from(text.into()))
}

async fn put(store: &Store, object: &str, text: impl Into<Vec<u8>>) -> Tag {
    let put = store
        .storage
        .put(object, bytes(text), TYPE, Condition::Always);
    put.await.unwrap()
}

async fn put_if(store: &Store, object: &str, text: &str, condition: Condition) -> Option<Tag> {
    let put = store.storage.put(object, bytes(text), TYPE, condition);
    match put.await {
        Ok(tag) => Some(tag),
        Err(StorageError::Conflict { .. }) => None,
        Err(error) => panic!("{error:?}"),
    }
}

async fn text(store: &Store, object: &str) -> Option<String> {
    let object = store.storage.get(object, None).await.unwrap()?;
    let bytes = object.bytes(64 * 1024 * 1024).await.unwrap();
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

async fn an_object_is_put_found_read_and_deleted(store: Store) {
    let Store { storage, .. } = &store;
    assert_eq!(storage.head("t/a").await.unwrap(), None);
    assert!(storage.get("t/a", None).await.unwrap().is_none());
    storage.delete("t/a").await.unwrap();

    let tag = put(&store, "t/a", "hello").await;
    let head = storage.head("t/a").await.unwrap().unwrap();
    assert_eq!((head.length_bytes, &head.tag), (5, &tag));
    assert!(head.modified.elapsed().unwrap_or_default() < Duration::from_mins(1));
    let object = storage.get("t/a", None).await.unwrap().unwrap();
    assert_eq!(
        (object.head.tag.clone(), object.body.length_bytes()),
        (tag.clone(), 5)
    );
    assert_eq!(object.bytes(5).await.unwrap(), "hello");

    assert_ne!(put(&store, "t/a", "other").await, tag);
    assert_eq!(text(&store, "t/a").await.unwrap(), "other");
    storage.delete("t/a").await.unwrap();
    assert_eq!(text(&store, "t/a").await, None);
    put(&store, "t/empty", "").await;
    assert_eq!(text(&store, "t/empty").await.unwrap(), "");
    store.finish().await;
}

async fn a_spooled_file_is_taken(store: Store) {
    let path = store.storage.spool().join(Uuid::new_v4().to_string());
    let long = "0123456789".repeat(1_000_000);
    std::fs::write(&path, &long).unwrap();
    let source = Source::File(path.clone());
    let put = store.storage.put("t/long", source, TYPE, Condition::Always);
    put.await.unwrap();
    assert!(!path.exists());
    assert!(text(&store, "t/long").await.unwrap() == long);
    store.finish().await;
}

async fn a_range_gives_these_bytes_and_the_whole_length(store: Store) {
    put(&store, "t/a", "0123456789").await;
    put(&store, "t/empty", "").await;
    let table = [
        ("t/a", 0..1, "0"),
        ("t/a", 9..10, "9"),
        ("t/a", 3..7, "3456"),
        ("t/a", 0..10, "0123456789"),
        ("t/a", 8..99, "89"),
        ("t/a", 10..11, ""),
        ("t/a", 5..5, ""),
        ("t/empty", 0..4096, ""),
    ];
    for (name, range, expected) in table {
        let object = store.storage.get(name, Some(range.clone())).await.unwrap();
        let object = object.unwrap();
        let whole = if name == "t/a" { 10 } else { 0 };
        assert_eq!(object.head.length_bytes, whole, "{name} {range:?}");
        assert_eq!(object.body.length_bytes(), expected.len() as u64);
        assert_eq!(
            object.bytes(99).await.unwrap(),
            expected,
            "{name} {range:?}"
        );
    }
    assert!(
        store
            .storage
            .get("t/no", Some(0..1))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        store
            .storage
            .get("t/no", Some(1..1))
            .await
            .unwrap()
            .is_none()
    );
    store.finish().await;
}

async fn an_object_over_the_limit_is_not_read(store: Store) {
    put(&store, "t/a", "0123456789").await;
    let object = store.storage.get("t/a", None).await.unwrap().unwrap();
    let error = object.bytes(9).await.unwrap_err();
    assert!(matches!(
        error,
        StorageError::TooLarge { limit_bytes: 9, .. }
    ));
    store.finish().await;
}

async fn a_condition_that_does_not_hold_is_a_conflict(store: Store) {
    let first = put_if(&store, "t/a", "1", Condition::IfAbsent)
        .await
        .unwrap();
    assert_eq!(put_if(&store, "t/a", "x", Condition::IfAbsent).await, None);
    let second = put_if(&store, "t/a", "22", Condition::IfTag(first.clone()));
    let second = second.await.unwrap();
    let late = Condition::IfTag(first);
    assert_eq!(put_if(&store, "t/a", "x", late).await, None);
    assert_eq!(text(&store, "t/a").await.unwrap(), "22");
    store.storage.delete("t/a").await.unwrap();
    let gone = Condition::IfTag(second);
    assert_eq!(put_if(&store, "t/a", "x", gone).await, None);
    assert_eq!(text(&store, "t/a").await, None);
    store.finish().await;
}

/// Twenty put at the same time; gives the one who wins.
async fn race(store: &Store, name: &str, condition: Condition) -> (String, Tag) {
    let puts = (0..20).map(|n| {
        let (condition, text) = (condition.clone(), format!("{condition:?} {n}"));
        async move {
            let tag = put_if(store, name, &text, condition).await?;
            Some((text, tag))
        }
    });
    let winners: Vec<_> = join_all(puts).await.into_iter().flatten().collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    winners.into_iter().next().unwrap()
}

async fn of_twenty_conditional_puts_exactly_one_wins(store: Store) {
    for round in 0..store.rounds(5) {
        let name = format!("t/{round}");
        let (won, tag) = race(&store, &name, Condition::IfAbsent).await;
        assert_eq!(text(&store, &name).await.unwrap(), won);
        let (won, _) = race(&store, &name, Condition::IfTag(tag)).await;
        assert_eq!(text(&store, &name).await.unwrap(), won);
    }
    store.finish().await;
}

async fn a_reader_never_gets_a_mixture(store: Store) {
    const LENGTH: usize = 8 * 1024 * 1024;
    put(&store, "t/a", vec![b'a'; LENGTH]).await;
    let object = store.storage.get("t/a", None).await.unwrap().unwrap();
    let mut body = object.body;
    let first = body.next().await.unwrap().unwrap();
    put(&store, "t/a", vec![b'b'; LENGTH]).await;
    let rest: Result<Vec<Bytes>, _> = body.try_collect().await;
    if let Ok(rest) = rest {
        let all = std::iter::once(first).chain(rest).flatten();
        assert_eq!(all.filter(|byte| *byte == b'a').count(), LENGTH);
    }
    assert!(
        text(&store, "t/a")
            .await
            .unwrap()
            .bytes()
            .all(|b| b == b'b')
    );
    store.finish().await;
}

async fn a_name_outside_the_store_is_refused(store: Store) {
    let Store { storage, .. } = &store;
    for bad in [
        "",
        "/etc/passwd",
        "../x",
        "a/../x",
        "a//b",
        "a/",
        "tmp/x",
        "a b",
        "a\0",
    ] {
        let put = storage.put(bad, bytes("x"), TYPE, Condition::Always);
        let errors = [
            put.await.err(),
            storage.head(bad).await.err(),
            storage.get(bad, None).await.err(),
            storage.delete(bad).await.err(),
        ];
        for error in errors {
            assert!(
                matches!(error, Some(StorageError::BadName { .. })),
                "{bad:?}"
            );
        }
    }
    for bad in ["", "/", "t", "../", "t//"] {
        let error = storage.delete_all(bad).await.unwrap_err();
        assert!(matches!(error, StorageError::BadName { .. }), "{bad:?}");
    }
    store.finish().await;
}

async fn eleven_hundred_objects_go_and_their_neighbours_stay(store: Store) {
    let puts = (0..1100).map(|n| {
        let store = &store;
        async move { put(store, &format!("t/many/{}/{n}", n % 7), "x").await }
    });
    futures_util::stream::iter(puts)
        .buffer_unordered(32)
        .collect::<Vec<_>>()
        .await;
    put(&store, "t/many-more/a", "stays").await;
    store.storage.delete_all("t/many/").await.unwrap();
    store.storage.delete_all("t/many/").await.unwrap();
    for n in [0, 1, 6, 500, 999, 1000, 1099] {
        assert_eq!(text(&store, &format!("t/many/{}/{n}", n % 7)).await, None);
    }
    assert_eq!(text(&store, "t/many-more/a").await.unwrap(), "stays");
    store.finish().await;
}

async fn a_put_that_fails_leaves_nothing(store: Store) {
    put(&store, "t/a", "1").await;
    let path = store.storage.spool().join(Uuid::new_v4().to_string());
    for (object, condition) in [("t/a", Condition::IfAbsent), ("../x", Condition::Always)] {
        std::fs::write(&path, "2").unwrap();
        let source = Source::File(path.clone());
        let put = store.storage.put(object, source, TYPE, condition);
        assert!(put.await.is_err());
        assert!(!path.exists());
    }
    let missing = store
        .storage
        .put("t/b", Source::File(path), TYPE, Condition::Always);
    assert!(missing.await.is_err());
    assert_eq!(text(&store, "t/a").await.unwrap(), "1");
    assert_eq!(text(&store, "t/b").await, None);
    store.finish().await;
}

/// A picture in the first bytes only.
fn picture(text: &str) -> String {
    format!("GIF89a {text}")
}

fn version(content: &str) -> OriginalVersion {
    OriginalVersion::of_store_tag(content)
}

fn upload(store: &Store, id: Option<AssetId>, content: &str) -> Upload {
    let spooled = store.storage.spool().join(Uuid::new_v4().to_string());
    std::fs::write(&spooled, content).unwrap();
    Upload {
        id,
        spooled,
        version: version(content),
        length_bytes: content.len() as u64,
        media_type: "image/gif".into(),
        filename: Filename::of("a.gif").unwrap(),
        title: content.to_owned().into(),
        access: None,
        focal_point: (None, None),
    }
}

async fn content(store: &Store, original: &Original) -> Option<String> {
    let object = store.originals().open(original, None).await.unwrap()?;
    let bytes = object.bytes(1024 * 1024).await.unwrap();
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

/// Puts a variant of the original's present state.
async fn put_variant(store: &Store, original: &Original) -> String {
    let object = format!("variants/{}/{}/x.jpg", original.id, original.version);
    put(store, &object, "variant").await;
    object
}

async fn an_original_is_created_described_and_opened(store: Store) {
    let originals = store.originals();
    let given = upload(&store, None, "one");
    let spooled = given.spooled.clone();
    let created = originals.create(given).await.unwrap();
    assert!(!spooled.exists());
    let described = originals.describe(created.id).await.unwrap().unwrap();
    assert_eq!(described, created);
    assert_eq!(content(&store, &created).await.unwrap(), "one");
    let part = originals.open(&created, Some(1..3)).await.unwrap().unwrap();
    assert_eq!(part.bytes(9).await.unwrap(), "ne");

    let again = upload(&store, Some(created.id), "two");
    let spooled = again.spooled.clone();
    let error = originals.create(again).await.unwrap_err();
    assert!(matches!(error, OriginalsError::Duplicate(id) if id == created.id));
    assert!(!spooled.exists());
    assert_eq!(content(&store, &created).await.unwrap(), "one");
    assert_eq!(originals.describe(AssetId::random()).await.unwrap(), None);
    store.finish().await;
}

async fn of_ten_creations_of_one_id_exactly_one_wins(store: Store) {
    let (originals, id) = (store.originals(), AssetId::random());
    let creations = (0..10).map(|n| originals.create(upload(&store, Some(id), &format!("{n}"))));
    let created: Vec<_> = join_all(creations).await.into_iter().flatten().collect();
    assert_eq!(created.len(), 1);
    assert_eq!(
        content(&store, &created[0]).await.unwrap(),
        &*created[0].title
    );
    if let Some(folder) = &store.folder {
        // The bytes, the description and the lock.
        assert_eq!(paths_below(folder.path()).len(), 3);
    }
    store.finish().await;
}

async fn a_replaced_original_has_other_bytes_and_loses_its_variants(store: Store) {
    let originals = store.originals();
    let old = originals.create(upload(&store, None, "one")).await.unwrap();
    let variant = put_variant(&store, &old).await;
    // Others hear of the change before anything is removed: until then they serve the old bytes.
    let told = async {
        assert_eq!(content(&store, &old).await.unwrap(), "one");
        assert!(text(&store, &variant).await.is_some());
    };
    let new = originals.replace(old.id, upload(&store, None, "two"), told);
    let new = new.await.unwrap();
    assert_eq!((new.id, new.uploaded_unix), (old.id, old.uploaded_unix));
    assert_eq!(originals.describe(old.id).await.unwrap().unwrap(), new);
    assert_eq!(content(&store, &new).await.unwrap(), "two");
    assert_eq!(content(&store, &old).await, None);
    assert_eq!(text(&store, &variant).await, None);

    let variant = put_variant(&store, &new).await;
    let same = originals
        .replace(old.id, upload(&store, None, "two"), ready(()))
        .await;
    assert_eq!(content(&store, &same.unwrap()).await.unwrap(), "two");
    assert!(text(&store, &variant).await.is_some());

    let nobody = upload(&store, None, "three");
    let error = originals
        .replace(AssetId::random(), nobody, ready(()))
        .await;
    assert!(matches!(error, Err(OriginalsError::Missing(_))));
    store.finish().await;
}

async fn an_amended_original_keeps_its_bytes(store: Store) {
    let originals = store.originals();
    let old = originals.create(upload(&store, None, "one")).await.unwrap();
    let amended = originals.amend(old.id, |original| {
        original.title = Title::from("Title".to_owned());
        original.object = "elsewhere".into();
    });
    let amended = amended.await.unwrap();
    let expected = Original {
        title: Title::from("Title".to_owned()),
        ..old
    };
    assert_eq!(amended, expected);
    assert_eq!(
        originals.describe(expected.id).await.unwrap(),
        Some(expected.clone())
    );
    assert_eq!(content(&store, &expected).await.unwrap(), "one");
    let error = originals.amend(AssetId::random(), |_| {}).await;
    assert!(matches!(error, Err(OriginalsError::Missing(_))));
    store.finish().await;
}

async fn a_deleted_original_is_gone_and_its_id_can_be_used_again(store: Store) {
    let originals = store.originals();
    let old = originals.create(upload(&store, None, "one")).await.unwrap();
    let variant = put_variant(&store, &old).await;
    assert!(originals.delete(old.id, ready(())).await.unwrap());
    assert_eq!(originals.describe(old.id).await.unwrap(), None);
    assert_eq!(text(&store, &old.object).await, None);
    assert_eq!(text(&store, &variant).await, None);
    assert!(!originals.delete(old.id, ready(())).await.unwrap());
    assert!(
        !originals
            .delete(AssetId::random(), ready(()))
            .await
            .unwrap()
    );
    if let Some(folder) = &store.folder {
        assert_eq!(paths_below(folder.path()), [folder.path().join("lock")]);
    }
    let error = originals
        .replace(old.id, upload(&store, None, "no"), ready(()))
        .await;
    assert!(matches!(error, Err(OriginalsError::Missing(_))));
    let new = originals.create(upload(&store, Some(old.id), "two")).await;
    assert_eq!(content(&store, &new.unwrap()).await.unwrap(), "two");
    store.finish().await;
}

/// A deletion that ended, or met a creation, between its marker and the bytes.
async fn a_creation_clears_away_what_a_deletion_left(store: Store) {
    let originals = store.originals();
    let old = originals.create(upload(&store, None, "old")).await.unwrap();
    let description = format!("uploads/{}/description.json", old.id);
    let marker = serde_json::json!({
        "revision": Uuid::new_v4(),
        "deleted": { "object": old.object },
    });
    put(&store, &description, marker.to_string()).await;
    assert_eq!(text(&store, &old.object).await.as_deref(), Some("old"));
    let new = originals.create(upload(&store, Some(old.id), "new")).await;
    assert_eq!(content(&store, &new.unwrap()).await.unwrap(), "new");
    assert_eq!(text(&store, &old.object).await, None);
    store.finish().await;
}

async fn an_object_of_another_tool_is_an_original(store: Store) {
    let (originals, id) = (store.originals(), AssetId::random());
    let object = format!("originals/{id}");
    put(&store, &object, picture("one")).await;
    let first = originals.describe(id).await.unwrap().unwrap();
    assert_eq!(first.media_type, "image/gif");
    assert_eq!(&*first.filename, format!("{id}.gif"));
    assert_eq!(first.length_bytes, 10);
    assert_eq!(content(&store, &first).await.unwrap(), picture("one"));
    let duplicate = originals.create(upload(&store, Some(id), "x")).await;
    assert!(matches!(duplicate, Err(OriginalsError::Duplicate(_))));

    put(&store, &object, "<svg> of another length").await;
    assert_eq!(content(&store, &first).await, None, "describe it again");
    let second = originals.describe(id).await.unwrap().unwrap();
    assert_eq!(second.media_type, "image/svg+xml");
    assert_ne!(second.version, first.version);

    let title = Title::from("Title".to_owned());
    let amended = originals.amend(id, |original| original.title.clone_from(&title));
    assert_eq!(amended.await.unwrap().title, title);
    put(&store, &object, picture("three")).await;
    let third = originals.describe(id).await.unwrap().unwrap();
    assert_eq!((&*third.title, &*third.media_type), (&*title, "image/gif"));
    assert_eq!(content(&store, &third).await.unwrap(), picture("three"));

    let replaced = originals
        .replace(id, upload(&store, None, "four"), ready(()))
        .await;
    assert_eq!(content(&store, &replaced.unwrap()).await.unwrap(), "four");
    assert_eq!(text(&store, &object).await, None);
    assert!(originals.delete(id, ready(())).await.unwrap());
    put(&store, &object, picture("five")).await;
    assert!(originals.describe(id).await.unwrap().is_some());
    assert!(originals.delete(id, ready(())).await.unwrap());
    assert_eq!(originals.describe(id).await.unwrap(), None);
    store.finish().await;
}

/// Whatever a description tells of can be opened, or has been changed meanwhile.
async fn check_reader(store: &Store, id: AssetId) {
    let Some(original) = store.originals().describe(id).await.unwrap() else {
        return;
    };
    if let Some(content) = content(store, &original).await {
        assert_eq!(version(&content), original.version);
    }
}

async fn changes_that_race_leave_a_description_that_opens(store: Store) {
    let originals = store.originals();
    for round in 0..store.rounds(10) {
        let id = AssetId::random();
        let first = upload(&store, Some(id), "first");
        originals.create(first).await.unwrap();
        let (store, originals) = (&store, &originals);
        let replaces = (0..10).map(|n| async move {
            let content = format!("replacement {n}");
            let replaced = originals
                .replace(id, upload(store, None, &content), ready(()))
                .await;
            match replaced {
                Ok(_) | Err(OriginalsError::Missing(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
        });
        let amends = (0..5).map(|n| async move {
            let amend =
                originals.amend(id, |original| original.title = Title::from(format!("{n}")));
            match amend.await {
                Ok(_) | Err(OriginalsError::Missing(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
        });
        // In the even rounds nobody deletes, so that the replaces meet each other.
        let deletes = (0..round % 2 * 3).map(|n| async move {
            originals.delete(id, ready(())).await.unwrap();
            let created = originals.create(upload(store, Some(id), &format!("new {n}")));
            match created.await {
                Ok(_) | Err(OriginalsError::Duplicate(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
        });
        let readers = (0..5).map(|_| async move {
            for _ in 0..10 {
                check_reader(store, id).await;
            }
        });
        tokio::join!(
            join_all(replaces),
            join_all(amends),
            join_all(deletes),
            join_all(readers)
        );

        let last = originals
            .describe(id)
            .await
            .unwrap()
            .expect("the last one creates");
        assert_eq!(version(&content(store, &last).await.unwrap()), last.version);
        if let Location::Files(root) = &store.location {
            let uploads = paths_below(&root.join("uploads").join(id.to_string()));
            assert_eq!(uploads.len(), 2, "{uploads:?}");
        }
    }
    store.finish().await;
}

on_both_backends! {
    an_object_is_put_found_read_and_deleted
    a_spooled_file_is_taken
    a_range_gives_these_bytes_and_the_whole_length
    an_object_over_the_limit_is_not_read
    a_condition_that_does_not_hold_is_a_conflict
    of_twenty_conditional_puts_exactly_one_wins
    a_reader_never_gets_a_mixture
    a_name_outside_the_store_is_refused
    eleven_hundred_objects_go_and_their_neighbours_stay
    a_put_that_fails_leaves_nothing
    an_original_is_created_described_and_opened
    of_ten_creations_of_one_id_exactly_one_wins
    a_replaced_original_has_other_bytes_and_loses_its_variants
    an_amended_original_keeps_its_bytes
    a_deleted_original_is_gone_and_its_id_can_be_used_again
    a_creation_clears_away_what_a_deletion_left
    an_object_of_another_tool_is_an_original
    changes_that_race_leave_a_description_that_opens
}

#[tokio::test]
async fn a_file_that_is_cut_while_it_is_read_is_an_error() {
    let store = files().await;
    put(&store, "t/a", vec![b'a'; 8 * 1024 * 1024]).await;
    let object = store.storage.get("t/a", None).await.unwrap().unwrap();
    let path = store.folder.as_ref().unwrap().path().join("t/a");
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(1_000_000).unwrap();
    let read: Result<Vec<Bytes>, _> = object.body.try_collect().await;
    assert!(matches!(read, Err(StorageError::Unavailable { .. })));
    store.finish().await;
}

#[tokio::test]
async fn another_process_sees_the_same_conditions() {
    let store = files().await;
    let other = Storage::open(
        &store.location,
        &options("http://127.0.0.1:9"),
        FilesMode::Private,
    )
    .await;
    let other = other.unwrap();
    let tag = put(&store, "t/a", "1").await;
    let first = put_if(&store, "t/a", "2", Condition::IfTag(tag.clone())).await;
    assert!(first.is_some());
    let late = other.put("t/a", bytes("3"), TYPE, Condition::IfTag(tag));
    assert!(matches!(late.await, Err(StorageError::Conflict { .. })));
    store.finish().await;
}

/// What goes wrong on the way to S3.
#[derive(Clone, Copy)]
enum Fault {
    /// The connection ends after so many bytes of answers.
    Cut(usize),
    /// Nothing more comes after so many bytes of answers.
    Stall(usize),
    /// The first put that contains this is carried out, but not answered.
    LoseAnswer(&'static str),
    /// Requests pass with so many bytes a second.
    SlowUpload(u32),
    /// Nothing more passes after so many bytes of requests.
    StallUpload(usize),
}

/// A TCP proxy before the S3 server; it ends when dropped.
struct Proxy {
    address: SocketAddr,
    /// Until an answer has been lost.
    armed: Arc<AtomicBool>,
    _connections: JoinSet<()>,
}

impl Proxy {
    async fn start(fault: Fault) -> Self {
        let server = endpoint().trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let armed = Arc::new(AtomicBool::new(true));
        let mut connections = JoinSet::new();
        let shared = armed.clone();
        connections.spawn(async move {
            let mut inner = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                inner.spawn(forward(client, server, fault, shared.clone()));
            }
        });
        Self {
            address,
            armed,
            _connections: connections,
        }
    }

    async fn store(&self, location: &Location) -> Storage {
        let endpoint = format!("http://{}", self.address);
        Storage::open(location, &options(&endpoint), FilesMode::Private)
            .await
            .unwrap()
    }
}

async fn forward(client: TcpStream, server: TcpStream, fault: Fault, armed: Arc<AtomicBool>) {
    let (client_in, mut client_out) = client.into_split();
    let (mut server_in, server_out) = server.into_split();
    let lost = Arc::new(AtomicBool::new(false));
    let mut requests = JoinSet::new();
    requests.spawn(forward_requests(
        client_in,
        server_out,
        fault,
        armed,
        lost.clone(),
    ));
    let mut sent = 0;
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = server_in.read(&mut buffer).await {
        sent += length;
        match fault {
            Fault::Cut(after) if sent > after => return,
            Fault::Stall(after) if sent > after => std::future::pending().await,
            Fault::LoseAnswer(_) if lost.load(Ordering::SeqCst) => return,
            _ => {}
        }
        if client_out.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

async fn forward_requests(
    mut client: tcp::OwnedReadHalf,
    mut server: tcp::OwnedWriteHalf,
    fault: Fault,
    armed: Arc<AtomicBool>,
    lost: Arc<AtomicBool>,
) {
    let mut buffer = vec![0; 16 * 1024];
    let mut passed = 0;
    while let Ok(length @ 1..) = client.read(&mut buffer).await {
        let request = String::from_utf8_lossy(&buffer[..length]);
        match fault {
            Fault::LoseAnswer(text)
                if request.starts_with("PUT")
                    && request.contains(text)
                    && armed.swap(false, Ordering::SeqCst) =>
            {
                lost.store(true, Ordering::SeqCst);
            }
            Fault::SlowUpload(bytes_per_second) => {
                let seconds =
                    f64::from(u32::try_from(length).unwrap()) / f64::from(bytes_per_second);
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            }
            Fault::StallUpload(after) if passed > after => std::future::pending().await,
            _ => {}
        }
        passed += length;
        if server.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

async fn read_through(fault: Fault) -> (Result<Vec<Bytes>, StorageError>, Duration) {
    let store = s3().await;
    put(&store, "t/a", vec![b'a'; 4 * 1024 * 1024]).await;
    let proxy = Proxy::start(fault).await;
    let storage = proxy.store(&store.location).await;
    let object = storage.get("t/a", None).await.unwrap().unwrap();
    let started = Instant::now();
    let read = object.body.try_collect().await;
    store.finish().await;
    (read, started.elapsed())
}

#[tokio::test]
async fn a_body_that_s3_cuts_is_an_error() {
    let (read, _) = read_through(Fault::Cut(1_000_000)).await;
    assert!(matches!(read, Err(StorageError::Unavailable { .. })));
}

#[tokio::test]
async fn a_body_that_stalls_is_an_error_after_seconds() {
    let (read, waited) = read_through(Fault::Stall(1_000_000)).await;
    assert!(matches!(read, Err(StorageError::Unavailable { .. })));
    assert!(waited < Duration::from_secs(8), "{waited:?}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unavailable_in_time() {
    let store = s3().await;
    let proxy = Proxy::start(Fault::Stall(0)).await;
    let storage = proxy.store(&store.location).await;
    let started = Instant::now();
    let error = storage.head("t/a").await.unwrap_err();
    assert!(
        matches!(error, StorageError::Unavailable { .. }),
        "{error:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(10));
    store.finish().await;
}

#[tokio::test]
async fn a_bucket_that_is_missing_is_a_misconfiguration() {
    let location: Location = "s3://thumbmill-no-such-bucket/x".parse().unwrap();
    let storage = Storage::open(&location, &options(&endpoint()), FilesMode::Private)
        .await
        .unwrap();
    let error = storage.get("t/a", None).await.unwrap_err();
    assert!(
        matches!(error, StorageError::Misconfigured { .. }),
        "{error:?}"
    );
}

/// A second try of a conditional put would meet the first one's object: a conflict with
/// itself, after which the bytes would be removed though the description names them.
#[tokio::test]
async fn a_commit_whose_answer_is_lost_counts_as_made() {
    let store = s3().await;
    let proxy = Proxy::start(Fault::LoseAnswer("description.json")).await;
    let originals = Originals::new(proxy.store(&store.location).await);
    let id = AssetId::random();
    let created = originals.create(upload(&store, Some(id), "one")).await;
    assert_eq!(content(&store, &created.unwrap()).await.unwrap(), "one");
    assert!(!proxy.armed.load(Ordering::SeqCst));
    let described = store.originals().describe(id).await.unwrap().unwrap();
    assert_eq!(content(&store, &described).await.unwrap(), "one");
    store.finish().await;
}

async fn put_through(
    fault: Fault,
    attempt_timeout: Duration,
) -> (Result<Tag, StorageError>, Duration) {
    let store = s3().await;
    let proxy = Proxy::start(fault).await;
    let options = S3Options {
        attempt_timeout,
        ..options(&format!("http://{}", proxy.address))
    };
    let storage = Storage::open(&store.location, &options, FilesMode::Private)
        .await
        .unwrap();
    let path = storage.spool().join(Uuid::new_v4().to_string());
    std::fs::write(&path, vec![b'a'; 16 * 1024 * 1024]).unwrap();
    let started = Instant::now();
    let put = storage.put("t/a", Source::File(path), TYPE, Condition::Always);
    let result = put.await;
    store.finish().await;
    (result, started.elapsed())
}

#[tokio::test]
async fn a_long_upload_is_not_cut_by_the_limit_of_a_try() {
    let fault = Fault::SlowUpload(4 * 1024 * 1024);
    let (result, took) = put_through(fault, Duration::from_secs(1)).await;
    assert!(result.is_ok(), "{result:?}");
    assert!(took > Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn an_upload_that_stalls_is_an_error_before_its_time_is_up() {
    let fault = Fault::StallUpload(1024 * 1024);
    let (result, took) = put_through(fault, Duration::from_secs(3)).await;
    assert!(
        matches!(result, Err(StorageError::Unavailable { .. })),
        "{result:?}"
    );
    assert!(took < Duration::from_secs(20), "{took:?}");
}
