//! The store that bounds itself: thumbnails that were not asked for for longest go, on files and on
//! S3, whoever made them; and whose turn it is to remove them.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use reqwest::StatusCode;
use thumbmill_shared::readiness::{Hears, Readiness, ReadinessLocation};
use thumbmill_shared::shutdown::Shutdown;
use thumbmill_shared::storage::Storage;
use thumbmill_shared::sweep::{Bound, Sum, Turn, Turns};
use thumbmill_tests::cluster::{Cluster, header, until, variable};
use thumbmill_tests::pictures::{jpeg, photo, photo_jpeg};

const DAY: Duration = Duration::from_hours(24);
/// Thumbnails that are made before there is a bound.
const MADE: u32 = 20;

/// Bytes and number of all thumbnails in a store.
async fn lie_in(storage: &Storage) -> (u64, usize) {
    let (mut bytes, mut objects) = (0, 0);
    let mut pages = storage.list("variants/");
    while let Some(page) = pages.next().await.unwrap() {
        bytes += page
            .iter()
            .map(|listed| listed.head.length_bytes)
            .sum::<u64>();
        objects += page.len();
    }
    (bytes, objects)
}

fn path(id: &str, number: u32) -> String {
    format!("/assets/{id}?width={}&format=png", 40 + number)
}

async fn bytes_of(cluster: &Cluster, path: &str) -> Vec<u8> {
    let answer = cluster.get(path).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.bytes().await.unwrap().to_vec()
}

/// `miss` or `hit`, and the bytes.
async fn served(cluster: &Cluster, path: &str) -> (String, Vec<u8>) {
    let answer = cluster.get(path).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let timing = header(&answer, "server-timing");
    let how = timing.split([';', ',']).next().unwrap().to_owned();
    (how, answer.bytes().await.unwrap().to_vec())
}

/// An original and its thumbnails, made by processes that know no bound.
async fn filled(cluster: &Cluster) -> (String, Vec<Vec<u8>>) {
    let id = cluster.upload("a.jpg", photo_jpeg(240, 160)).await;
    let mut made = Vec::new();
    for number in 0..MADE {
        made.push(bytes_of(cluster, &path(&id, number)).await);
    }
    (id, made)
}

/// Ends all processes and starts as many with further variables.
async fn restarted(mut cluster: Cluster, more: &[(&'static str, String)]) -> Cluster {
    cluster.variables.extend_from_slice(more);
    cluster.restart().await;
    cluster
}

/// What is evicted comes again, byte by byte; what was served last is still there.
async fn the_rest_is_made_again(
    cluster: &Cluster,
    (id, made): (&str, &[Vec<u8>]),
    kept: std::ops::Range<u32>,
) {
    for number in kept.clone() {
        let (how, bytes) = served(cluster, &path(id, number)).await;
        assert_eq!(how, "hit", "{number}");
        assert!(bytes == made[number as usize], "{number}");
    }
    for number in (0..MADE).filter(|number| !kept.contains(number)).take(3) {
        let (how, bytes) = served(cluster, &path(id, number)).await;
        assert_eq!(how, "miss", "{number}");
        assert!(bytes == made[number as usize], "{number}");
    }
}

/// The files of all thumbnails, by their length.
fn thumbnails(cluster: &Cluster) -> Vec<(u64, PathBuf)> {
    let (_, storage) = &cluster.variables[0];
    let root = Path::new(storage.strip_prefix("file:").unwrap());
    let mut found = Vec::new();
    let mut folders = vec![root.join("variants")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.metadata().unwrap() {
                metadata if metadata.is_dir() => folders.push(entry.path()),
                metadata => found.push((metadata.len(), entry.path())),
            }
        }
    }
    found
}

fn make_old(path: &Path, age: Duration) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_another_run_has_filled_shrinks_below_its_bound() {
    let cluster = Cluster::embedded(&[]).await;
    let (id, made) = filled(&cluster).await;
    // Nobody has asked for them for 40 days and more.
    for (length, file) in thumbnails(&cluster) {
        let number = made
            .iter()
            .position(|bytes| bytes.len() as u64 == length)
            .unwrap();
        make_old(&file, (40 + number as u32) * DAY);
    }
    let last = path(&id, MADE - 1);
    let storage = cluster.storage().await;
    let (all, _) = lie_in(&storage).await;
    // The last ones are asked for again, and so get young dates.
    let renewing = ("THUMBMILL_RENEW_AFTER", "1d".to_owned());
    let cluster = restarted(cluster, &[renewing]).await;
    let kept = MADE - 5..MADE;
    for number in kept.clone() {
        bytes_of(&cluster, &path(&id, number)).await;
    }
    until("young dates", async || {
        let young = thumbnails(&cluster).into_iter().filter(|(_, file)| {
            let modified = file.metadata().unwrap().modified().unwrap();
            modified.elapsed().is_ok_and(|age| age < DAY)
        });
        young.count() == kept.len()
    })
    .await;
    let most: u64 = made[kept.start as usize..]
        .iter()
        .map(|bytes| bytes.len() as u64)
        .sum();
    let bound = most * 10 / 9 + 100;
    assert!(bound < all / 2, "{bound} of {all}");
    let cluster = restarted(
        cluster,
        &[("THUMBMILL_VARIANTS_MAX_BYTES", format!("{bound}B"))],
    )
    .await;
    cluster.until("thumbmill_sweeps_total", "done", 1).await;
    let (bytes, objects) = lie_in(&storage).await;
    assert!(bytes <= bound, "{bytes} of {bound}");
    let shown = cluster.metric("thumbmill_stored_variants_bytes", "").await;
    assert_eq!(shown, bytes);
    let evicted = cluster
        .metric("thumbmill_evicted_variants_total", "bound")
        .await;
    assert_eq!(evicted as usize + objects, MADE as usize);
    let gone = cluster
        .metric("thumbmill_evicted_bytes_total", "bound")
        .await;
    assert_eq!(gone + bytes, all);
    the_rest_is_made_again(&cluster, (&id, &made), kept).await;
    // The original is what it was.
    assert_eq!(
        bytes_of(&cluster, &format!("/assets/{id}")).await,
        photo_jpeg(240, 160)
    );
    assert_eq!(served(&cluster, &last).await.0, "hit");
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_another_run_has_filled_shrinks_below_its_bound() {
    let cluster = Cluster::distributed(1, 2, &[]).await;
    let (id, made) = filled(&cluster).await;
    let storage = cluster.storage().await;
    let (all, _) = lie_in(&storage).await;
    // Dates of S3 cannot be set; those that are asked for again now get younger ones.
    let renewing = ("THUMBMILL_RENEW_AFTER", "2s".to_owned());
    let cluster = restarted(cluster, &[renewing]).await;
    let kept = 0..5;
    let oldest = async || {
        let mut pages = storage.list("variants/");
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await.unwrap() {
            listed.extend(page);
        }
        listed.sort_by_key(|listed| listed.head.modified);
        let lengths: Vec<_> = listed
            .iter()
            .map(|listed| listed.head.length_bytes)
            .collect();
        (lengths, listed[0].head.modified, listed)
    };
    let (_, first, listed) = oldest().await;
    let made_by = listed.last().unwrap().head.modified;
    until("dates that may be renewed", async || {
        made_by.elapsed().is_ok_and(|age| age.as_secs() > 4)
    })
    .await;
    assert!(first <= made_by);
    for number in kept.clone() {
        bytes_of(&cluster, &path(&id, number)).await;
    }
    until("young dates", async || {
        let (_, _, listed) = oldest().await;
        let young = listed
            .iter()
            .filter(|listed| listed.head.modified > made_by);
        young.count() == kept.len()
    })
    .await;
    // What is younger than 10 seconds stays in any case.
    until("dates that are not young", async || {
        let (_, _, listed) = oldest().await;
        let youngest = listed.last().unwrap().head.modified;
        youngest.elapsed().is_ok_and(|age| age.as_secs() > 12)
    })
    .await;
    let most: u64 = made[..kept.end as usize]
        .iter()
        .map(|bytes| bytes.len() as u64)
        .sum();
    let bound = most * 10 / 9 + 100;
    assert!(bound < all / 2, "{bound} of {all}");
    let bounded = [("THUMBMILL_VARIANTS_MAX_BYTES", format!("{bound}B"))];
    let cluster = restarted(cluster, &bounded).await;
    cluster.until("thumbmill_sweeps_total", "done", 1).await;
    let (bytes, objects) = lie_in(&storage).await;
    assert!(bytes <= bound, "{bytes} of {bound}");
    // One of the two workers has done it.
    assert_eq!(cluster.metric("thumbmill_sweeps_total", "").await, 1);
    let evicted = cluster
        .metric("thumbmill_evicted_variants_total", "bound")
        .await;
    assert_eq!(evicted as usize + objects, MADE as usize);
    the_rest_is_made_again(&cluster, (&id, &made), kept).await;
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_above_the_bound_goes_again_while_clients_read_on() {
    let bound = 300_000;
    let cluster = Cluster::embedded(&[
        ("THUMBMILL_VARIANTS_MAX_BYTES", format!("{bound}B")),
        ("THUMBMILL_SWEEP_EVERY", "1d".to_owned()),
    ])
    .await;
    cluster.until("thumbmill_sweeps_total", "done", 1).await;
    let storage = cluster.storage().await;
    let id = cluster.upload("a.jpg", jpeg(&photo(400, 300).into())).await;
    let path = |number: u32| format!("/assets/{id}?width={}&format=png", 150 + number);
    let mut first = Vec::new();
    for number in 0..12 {
        first.push(bytes_of(&cluster, &path(number)).await);
    }
    let (written, _) = lie_in(&storage).await;
    assert!(written > bound, "only {written} bytes");
    // Clients ask for the same ones all the time, while they go.
    let asking = async {
        loop {
            for number in 0..12 {
                let bytes = bytes_of(&cluster, &path(number)).await;
                assert!(bytes == first[number as usize], "{number}");
            }
        }
    };
    let sweeping = cluster.until("thumbmill_evicted_variants_total", "bound", 5);
    tokio::select! {
        () = sweeping => {}
        () = asking => {}
    }
    // Nobody asks any more: what was written since the sweep is at most what it had removed.
    until("as much as may be there", async || {
        lie_in(&storage).await.0 <= bound
    })
    .await;
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thumbnails_that_nobody_asked_for_for_long_are_purged_by_themselves() {
    let cluster = Cluster::embedded(&[]).await;
    let (id, _) = filled(&cluster).await;
    let files = thumbnails(&cluster);
    for (at, (_, file)) in files.iter().enumerate() {
        make_old(file, if at < 15 { 91 * DAY } else { 89 * DAY });
    }
    let purging = ("THUMBMILL_PURGE_OLDER_THAN", "90d".to_owned());
    let cluster = restarted(cluster, &[purging]).await;
    cluster.until("thumbmill_sweeps_total", "done", 1).await;
    let left: Vec<_> = files.iter().map(|(_, file)| file.exists()).collect();
    assert_eq!(left, [[false; 15].as_slice(), &[true; 5]].concat());
    assert_eq!(
        cluster
            .metric("thumbmill_evicted_variants_total", "age")
            .await,
        15
    );
    // Who asks for one of the others renews its date, though nobody said that dates are renewed.
    for number in 0..MADE {
        bytes_of(&cluster, &path(&id, number)).await;
    }
    until("young dates", async || {
        let modified = |(_, file): &(u64, PathBuf)| file.metadata().unwrap().modified().unwrap();
        let young = |file| modified(file).elapsed().is_ok_and(|age| age < DAY);
        thumbnails(&cluster).iter().all(young)
    })
    .await;
    cluster.finish(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_purges_down_to_a_size() {
    let cluster = Cluster::embedded(&[]).await;
    filled(&cluster).await;
    for (at, (_, file)) in thumbnails(&cluster).iter().enumerate() {
        make_old(file, (at as u32 + 1) * DAY);
    }
    let storage = cluster.storage().await;
    let (all, _) = lie_in(&storage).await;
    let size = format!("{}B", all / 2);
    let (code, text) = cluster.command(&["variants", "purge", "--down-to", &size]);
    let (bytes, objects) = lie_in(&storage).await;
    let purged = MADE as usize - objects;
    assert_eq!(
        (code, text),
        (
            0,
            format!("purged {purged} thumbnails, {} bytes\n", all - bytes)
        )
    );
    assert!(bytes <= all / 2, "{bytes} of {all}");
    let (code, text) = cluster.command(&["variants", "purge", "--down-to", &size]);
    assert_eq!((code, text.as_str()), (0, "purged 0 thumbnails, 0 bytes\n"));
    for wrong in [&["--down-to", "much"][..], &["--down-to", "1GB", "--all"]] {
        let (code, _) = cluster.command(&[&["variants", "purge"], wrong].concat());
        assert_eq!(code, 64, "{wrong:?}");
    }
    cluster.finish(0).await;
}

macro_rules! turns {
    ($($test:ident)*) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(super::open("embedded")).await; })*
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread")] async fn $test() {
                super::$test(super::open(&super::variable("THUMBMILL_TEST_REDIS"))).await;
            })*
        }
    };
}

turns! {
    one_of_many_sweeps_at_a_time
    so_much_that_was_written_makes_a_sweep_due
    what_is_written_during_a_sweep_counts_for_the_next
    a_sweep_is_due_when_the_last_one_is_long_ago
    a_process_that_died_while_it_swept_is_followed_by_another
}

fn open(location: &str) -> Readiness {
    let namespace = format!("t{}", uuid::Uuid::new_v4().simple())
        .parse()
        .unwrap();
    let location: ReadinessLocation = location.parse().unwrap();
    Readiness::open(&location, &namespace, Hears::Changes, &Shutdown::default()).unwrap()
}

const HOUR: Duration = Duration::from_hours(1);

fn turns(readiness: &Readiness, name: &str) -> Turns {
    Turns::new(readiness.clone(), name, Some(Bound::of(1000)), HOUR)
}

async fn is_due(turns: &Turns, written_bytes: u64) -> Option<u64> {
    match turns.next(written_bytes).await.unwrap().turn {
        Turn::Sweep { written_bytes } => Some(written_bytes),
        Turn::Wait => None,
    }
}

fn sum(bytes: u64) -> Sum {
    Sum { objects: 7, bytes }
}

/// The next sweep may begin only some seconds after the last one.
async fn until_due(turns: &Turns) -> u64 {
    loop {
        if let Some(written) = is_due(turns, 0).await {
            return written;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn one_of_many_sweeps_at_a_time(readiness: Readiness) {
    let all: Vec<_> = (0..20)
        .map(|n| turns(&readiness, &format!("w{n}")))
        .collect();
    let asked = join_all(all.iter().map(|turns| is_due(turns, 10))).await;
    assert_eq!(asked.iter().flatten().count(), 1, "{asked:?}");
    let winner = &all[asked.iter().position(Option::is_some).unwrap()];
    winner.keep().await.unwrap();
    winner.swept(sum(500), 0).await.unwrap();
    for turns in &all {
        let standing = turns.next(0).await.unwrap();
        assert_eq!((standing.turn, standing.last), (Turn::Wait, Some(sum(500))));
    }
}

async fn so_much_that_was_written_makes_a_sweep_due(readiness: Readiness) {
    let (one, two) = (turns(&readiness, "one"), turns(&readiness, "two"));
    assert_eq!(is_due(&one, 0).await, Some(0));
    one.swept(sum(900), 0).await.unwrap();
    assert_eq!(is_due(&two, 60).await, None);
    assert_eq!(is_due(&one, 40).await, None);
    // More than 1000 may be there now; but another sweep has only just ended.
    assert_eq!(is_due(&one, 1).await, None);
    assert_eq!(until_due(&two).await, 101);
}

async fn what_is_written_during_a_sweep_counts_for_the_next(readiness: Readiness) {
    let (one, two) = (turns(&readiness, "one"), turns(&readiness, "two"));
    assert_eq!(is_due(&one, 300).await, Some(300));
    assert_eq!(is_due(&two, 200).await, None);
    one.swept(sum(700), 300).await.unwrap();
    assert_eq!(is_due(&two, 100).await, None);
    assert_eq!(is_due(&two, 50).await, None);
    assert_eq!(until_due(&one).await, 350);
}

async fn a_sweep_is_due_when_the_last_one_is_long_ago(readiness: Readiness) {
    let soon = Turns::new(readiness.clone(), "one", None, Duration::from_secs(1));
    assert_eq!(is_due(&soon, 1_000_000).await, Some(1_000_000));
    soon.swept(sum(1), 1_000_000).await.unwrap();
    assert_eq!(is_due(&soon, 5).await, None);
    assert_eq!(until_due(&soon).await, 5);
}

/// It takes the minute after which nobody waits for it any more.
async fn a_process_that_died_while_it_swept_is_followed_by_another(readiness: Readiness) {
    let (one, two) = (turns(&readiness, "one"), turns(&readiness, "two"));
    assert_eq!(is_due(&one, 5).await, Some(5));
    assert_eq!(is_due(&two, 3).await, None);
    assert_eq!(until_due(&two).await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sweeps_while_redis_is_away() {
    let nowhere = open("redis://127.0.0.1:1/");
    assert!(turns(&nowhere, "one").next(5).await.is_err());
}
