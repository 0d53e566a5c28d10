//! One contract for every readiness store: claims, announcements, and what is remembered.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use thumbmill_shared::asset::AssetId;
use thumbmill_shared::job::{JobId, Priority, RenderJob};
use thumbmill_shared::outcome::{Failure, Outcome, Ready, Reason};
use thumbmill_shared::readiness::{
    ANNOUNCED_BYTES, Claim, Claimant, DeliveryKind, Ending, Enqueue, Event, Hears, Pending,
    Readiness, ReadinessLocation,
};
use thumbmill_shared::shutdown::Shutdown;
use thumbmill_shared::variant::VariantKey;
use thumbmill_tests::cluster::variable;
use tokio::sync::broadcast::Receiver;

macro_rules! contract {
    ($($test:ident)*) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(super::open(super::ReadinessLocation::Embedded).await).await; })*
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread")] async fn $test() {
                super::$test(super::open(super::variable("THUMBMILL_TEST_REDIS").parse().unwrap()).await).await;
            })*
        }
    };
}

contract! {
    one_of_many_publishes_and_the_others_wait
    a_job_that_could_not_be_published_is_published_by_the_next
    a_bulk_job_on_its_way_does_not_keep_an_interactive_one_from_the_queue
    one_worker_has_a_variant_at_a_time
    a_worker_that_died_is_followed_by_the_one_that_gets_its_job
    an_outcome_is_announced_and_remembered
    a_small_picture_comes_with_its_announcement
    a_failure_does_not_hide_a_picture
    what_is_forgotten_is_made_again
    changes_of_originals_are_announced
}

async fn open(location: ReadinessLocation) -> Readiness {
    let namespace = format!("t{}", uuid::Uuid::new_v4().simple())
        .parse()
        .unwrap();
    let readiness = Readiness::open(
        &location,
        &namespace,
        Hears::Everything,
        &Shutdown::default(),
    )
    .unwrap();
    while !readiness.is_listening() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    readiness
}

fn key() -> VariantKey {
    serde_json::from_value(uuid::Uuid::new_v4().simple().to_string().into()).unwrap()
}

fn job(name: &str) -> JobId {
    RenderJob::id_of(name.as_bytes())
}

fn pending(name: &str) -> Pending {
    Pending {
        job: job(name),
        priority: Priority::Interactive,
    }
}

fn claimant(name: &str, worker: &str, attempt: u32, delivery: DeliveryKind) -> Claimant {
    Claimant {
        job: job(name),
        attempt,
        worker: worker.to_owned(),
        delivery,
    }
}

fn ready() -> Outcome {
    Outcome::Ready(Ready {
        length_bytes: 12,
        render_ms: Some(3),
        queued_ms: Some(1),
    })
}

fn failed() -> Outcome {
    Outcome::Failed(Failure {
        reason: Reason::Corrupt,
        message: "damaged".to_owned(),
    })
}

async fn one_of_many_publishes_and_the_others_wait(readiness: Readiness) {
    let (key, job) = (key(), pending("a"));
    let all = join_all((0..50).map(|_| readiness.enqueue(&key, &job))).await;
    let publishers = all
        .iter()
        .filter(|enqueue| *enqueue.as_ref().unwrap() == Enqueue::Publish)
        .count();
    let waiters = all
        .iter()
        .filter(|enqueue| *enqueue.as_ref().unwrap() == Enqueue::Pending)
        .count();
    assert_eq!((publishers, waiters), (1, 49));
    readiness.published(&key, &job).await.unwrap();
    assert_eq!(
        readiness.enqueue(&key, &job).await.unwrap(),
        Enqueue::Pending
    );
}

async fn a_job_that_could_not_be_published_is_published_by_the_next(readiness: Readiness) {
    let key = key();
    assert_eq!(
        readiness.enqueue(&key, &pending("a")).await.unwrap(),
        Enqueue::Publish
    );
    readiness.withdraw(&key, &pending("b")).await.unwrap();
    assert_eq!(
        readiness.enqueue(&key, &pending("a")).await.unwrap(),
        Enqueue::Pending,
        "only its own job is withdrawn"
    );
    readiness.withdraw(&key, &pending("a")).await.unwrap();
    assert_eq!(
        readiness.enqueue(&key, &pending("a")).await.unwrap(),
        Enqueue::Publish
    );
}

/// A client that waits does not wait behind all that others have asked for without waiting.
async fn a_bulk_job_on_its_way_does_not_keep_an_interactive_one_from_the_queue(
    readiness: Readiness,
) {
    let (key, interactive) = (key(), pending("a"));
    let bulk = Pending {
        priority: Priority::Bulk,
        ..interactive.clone()
    };
    let enqueue = async |job| readiness.enqueue(&key, job).await.unwrap();
    assert_eq!(enqueue(&bulk).await, Enqueue::Publish);
    readiness.published(&key, &bulk).await.unwrap();
    assert_eq!(enqueue(&bulk).await, Enqueue::Pending);
    assert_eq!(enqueue(&interactive).await, Enqueue::Publish);
    readiness.published(&key, &interactive).await.unwrap();
    assert_eq!(enqueue(&interactive).await, Enqueue::Pending);
    assert_eq!(enqueue(&bulk).await, Enqueue::Pending);
    // The bulk one's publisher learns late that it was not taken.
    readiness.withdraw(&key, &bulk).await.unwrap();
    assert_eq!(enqueue(&interactive).await, Enqueue::Pending);
}

async fn one_worker_has_a_variant_at_a_time(readiness: Readiness) {
    let key = key();
    let workers: Vec<_> = (0..20)
        .map(|n| {
            claimant(
                &format!("job {n}"),
                &format!("worker {n}"),
                1,
                DeliveryKind::First,
            )
        })
        .collect();
    let claims = join_all(workers.iter().map(|worker| readiness.claim(&key, worker))).await;
    let winners: Vec<_> = claims
        .iter()
        .zip(&workers)
        .filter(|(claim, _)| *claim.as_ref().unwrap() == Claim::Won)
        .collect();
    assert_eq!(winners.len(), 1);
    let winner = winners[0].1;
    let loser = workers.iter().find(|worker| *worker != winner).unwrap();
    readiness.renew(&key, winner).await.unwrap();
    readiness.release(&key, loser).await.unwrap();
    assert_eq!(
        readiness.claim(&key, loser).await.unwrap(),
        Claim::Held,
        "only the holder gives it back"
    );
    readiness.release(&key, winner).await.unwrap();
    assert_eq!(readiness.claim(&key, loser).await.unwrap(), Claim::Won);
}

async fn a_worker_that_died_is_followed_by_the_one_that_gets_its_job(readiness: Readiness) {
    let key = key();
    let dead = claimant("a", "dead", 1, DeliveryKind::First);
    assert_eq!(readiness.claim(&key, &dead).await.unwrap(), Claim::Won);
    let twin = claimant("a", "twin", 1, DeliveryKind::First);
    assert_eq!(
        readiness.claim(&key, &twin).await.unwrap(),
        Claim::Held,
        "a second copy of the job is no follower"
    );
    let other = claimant("b", "other", 2, DeliveryKind::Again);
    assert_eq!(
        readiness.claim(&key, &other).await.unwrap(),
        Claim::Held,
        "another job is no follower"
    );
    let follower = claimant("a", "follower", 2, DeliveryKind::Again);
    assert_eq!(readiness.claim(&key, &follower).await.unwrap(), Claim::Won);
    let next = claimant("a", "next", 3, DeliveryKind::First);
    assert_eq!(
        readiness.claim(&key, &next).await.unwrap(),
        Claim::Won,
        "a later attempt of the same job follows"
    );
}

async fn an_outcome_is_announced_and_remembered(readiness: Readiness) {
    let (key, worker) = (key(), claimant("a", "w", 1, DeliveryKind::First));
    let mut events = readiness.events();
    readiness.enqueue(&key, &pending("a")).await.unwrap();
    readiness.claim(&key, &worker).await.unwrap();
    readiness
        .finish(&key, &worker, &ready().into())
        .await
        .unwrap();
    assert_eq!(heard(&mut events).await, (key.clone(), ready().into()));
    assert_eq!(
        readiness.enqueue(&key, &pending("b")).await.unwrap(),
        Enqueue::Known(ready())
    );
    assert_eq!(
        readiness.claim(&key, &worker).await.unwrap(),
        Claim::Known(ready())
    );
}

/// The next end of a variant.
async fn heard(events: &mut Receiver<Event>) -> (VariantKey, Ending) {
    let heard = tokio::time::timeout(Duration::from_secs(5), async {
        loop {
            if let Event::Done(key, ending) = events.recv().await.unwrap() {
                return (key, ending);
            }
        }
    });
    heard.await.unwrap()
}

/// Bytes of every value, line feeds included, arrive as they were; what is remembered has none.
async fn a_small_picture_comes_with_its_announcement(readiness: Readiness) {
    let (key, worker) = (key(), claimant("a", "w", 1, DeliveryKind::First));
    let mut events = readiness.events();
    for length in [1, 1000, ANNOUNCED_BYTES] {
        let picture: Bytes = (0..length).map(|n| n.to_le_bytes()[0]).collect();
        let ready = Ready {
            length_bytes: length as u64,
            render_ms: None,
            queued_ms: None,
        };
        let ending = Ending::stored(ready.clone(), picture.clone());
        assert_eq!(ending.picture, Some(picture));
        readiness.finish(&key, &worker, &ending).await.unwrap();
        assert_eq!(heard(&mut events).await, (key.clone(), ending));
        assert_eq!(
            readiness.enqueue(&key, &pending("b")).await.unwrap(),
            Enqueue::Known(Outcome::Ready(ready))
        );
    }
}

async fn a_failure_does_not_hide_a_picture(readiness: Readiness) {
    let (key, worker) = (key(), claimant("a", "w", 1, DeliveryKind::First));
    readiness
        .finish(&key, &worker, &failed().into())
        .await
        .unwrap();
    assert_eq!(
        readiness.enqueue(&key, &pending("a")).await.unwrap(),
        Enqueue::Known(failed())
    );
    readiness
        .finish(&key, &worker, &ready().into())
        .await
        .unwrap();
    readiness
        .finish(&key, &worker, &failed().into())
        .await
        .unwrap();
    assert_eq!(
        readiness.enqueue(&key, &pending("a")).await.unwrap(),
        Enqueue::Known(ready())
    );
}

async fn what_is_forgotten_is_made_again(readiness: Readiness) {
    let (key, worker) = (key(), claimant("a", "w", 1, DeliveryKind::First));
    readiness
        .finish(&key, &worker, &ready().into())
        .await
        .unwrap();
    readiness.forget(&key).await.unwrap();
    assert_eq!(
        readiness.enqueue(&key, &pending("a")).await.unwrap(),
        Enqueue::Publish
    );
}

async fn changes_of_originals_are_announced(readiness: Readiness) {
    let (asset, mut events) = (AssetId::random(), readiness.events());
    readiness.original_changed(asset).await.unwrap();
    let heard = tokio::time::timeout(Duration::from_secs(5), async {
        while events.recv().await.unwrap() != Event::OriginalChanged(asset) {}
    });
    heard.await.unwrap();
}
