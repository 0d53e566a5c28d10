//! One contract for every queue: accepted is delivered, unsettled is delivered again.

use std::time::{Duration, SystemTime};

use thumbmill_shared::job::RenderJob;
use thumbmill_shared::queue::{
    Consumer, Delay, Delivery, Lane, Message, Prefetch, PublishError, Queue, Seen, Settle, Source,
};
use thumbmill_shared::readiness::DeliveryKind;
use thumbmill_shared::settings::{self, Program};
use thumbmill_shared::shutdown::Shutdown;
use thumbmill_shared::trace::TraceContext;
use thumbmill_tests::cluster::variable;

macro_rules! contract {
    ($($test:ident)*) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread")] async fn $test() { super::$test(super::open("embedded")).await; })*
        }
        mod rabbitmq {
            $(#[tokio::test(flavor = "multi_thread")] async fn $test() {
                super::$test(super::open(&super::variable("THUMBMILL_TEST_AMQP"))).await;
            })*
        }
    };
}

contract! {
    what_is_published_is_delivered_as_it_was
    interactive_jobs_come_before_bulk_jobs
    no_more_is_delivered_than_may_be_held
    what_is_given_back_comes_again
    what_failed_comes_again_later_as_the_next_attempt
    a_full_lane_refuses
    what_is_dead_for_a_long_reason_does_not_come_again
    what_was_fetched_but_not_taken_is_given_back
}

const WITHIN: Duration = Duration::from_secs(10);
const PREFETCH: Prefetch = Prefetch {
    interactive: 3,
    bulk: 3,
};

fn open(location: &str) -> Queue {
    let namespace = format!("--namespace=t{}", uuid::Uuid::new_v4().simple());
    let arguments = [
        "thumbmill",
        &namespace,
        "--queue-limit=5",
        "--queue-timeout=10s",
        "--queue",
        location,
    ];
    let matches = settings::command(Program::Everything, "test")
        .try_get_matches_from(arguments)
        .unwrap();
    let settings = settings::read(Program::Everything, &matches).unwrap();
    Queue::open(&settings, &Shutdown::default()).unwrap()
}

fn message(name: &str) -> Message {
    let body = name.as_bytes().to_vec();
    Message {
        id: RenderJob::id_of(&body),
        body,
        attempt: 1,
        outages: 0,
        trace: TraceContext::random(),
        published: SystemTime::now(),
        seen: Seen::Absent,
    }
}

async fn next(consumer: &mut Consumer) -> Delivery {
    tokio::time::timeout(WITHIN, consumer.next())
        .await
        .expect("no delivery")
}

async fn assert_nothing_comes(consumer: &mut Consumer) {
    let nothing = tokio::time::timeout(Duration::from_millis(300), consumer.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
}

fn name(delivery: &Delivery) -> String {
    String::from_utf8(delivery.message.body.clone()).unwrap()
}

async fn what_is_published_is_delivered_as_it_was(queue: Queue) {
    let sent = message("a");
    queue
        .publish(Lane::Interactive, sent.clone())
        .await
        .unwrap();
    let mut consumer = queue.consume(PREFETCH, "test");
    let delivery = next(&mut consumer).await;
    assert_eq!(
        (
            &delivery.message.body,
            &delivery.message.id,
            delivery.message.attempt
        ),
        (&sent.body, &sent.id, 1)
    );
    assert_eq!(delivery.message.trace, sent.trace);
    assert_eq!(delivery.message.seen, sent.seen);
    assert_eq!(
        (delivery.source, delivery.kind),
        (Source::Lane(Lane::Interactive), DeliveryKind::First)
    );
    assert!(delivery.age() < WITHIN);
    delivery.settle(Settle::Done).await;
    assert_nothing_comes(&mut consumer).await;
}

async fn interactive_jobs_come_before_bulk_jobs(queue: Queue) {
    for bulk in ["b1", "b2"] {
        queue.publish(Lane::Bulk, message(bulk)).await.unwrap();
    }
    queue
        .publish(Lane::Interactive, message("i1"))
        .await
        .unwrap();
    let mut consumer = queue.consume(PREFETCH, "test");
    // All have arrived here before the first is taken.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut order = Vec::new();
    for _ in 0..3 {
        let delivery = next(&mut consumer).await;
        order.push(name(&delivery));
        delivery.settle(Settle::Done).await;
    }
    assert_eq!(order, ["i1", "b1", "b2"]);
}

async fn no_more_is_delivered_than_may_be_held(queue: Queue) {
    for n in 0..5 {
        queue
            .publish(Lane::Interactive, message(&n.to_string()))
            .await
            .unwrap();
    }
    let mut consumer = queue.consume(
        Prefetch {
            interactive: 2,
            bulk: 1,
        },
        "test",
    );
    let (first, second) = (next(&mut consumer).await, next(&mut consumer).await);
    assert_nothing_comes(&mut consumer).await;
    first.settle(Settle::Done).await;
    let third = next(&mut consumer).await;
    assert_eq!(name(&third), "2");
    second.settle(Settle::Done).await;
    third.settle(Settle::Done).await;
}

async fn what_is_given_back_comes_again(queue: Queue) {
    queue.publish(Lane::Bulk, message("a")).await.unwrap();
    let mut consumer = queue.consume(PREFETCH, "test");
    next(&mut consumer).await.settle(Settle::GiveBack).await;
    let again = next(&mut consumer).await;
    assert_eq!(
        (name(&again).as_str(), again.kind),
        ("a", DeliveryKind::Again)
    );
    again.settle(Settle::Done).await;
}

async fn what_failed_comes_again_later_as_the_next_attempt(queue: Queue) {
    queue.publish(Lane::Bulk, message("a")).await.unwrap();
    let mut consumer = queue.consume(PREFETCH, "test");
    next(&mut consumer)
        .await
        .settle(Settle::Retry(Delay::Short))
        .await;
    assert_nothing_comes(&mut consumer).await;
    let again = next(&mut consumer).await;
    assert_eq!(
        (again.message.attempt, again.source),
        (2, Source::Lane(Lane::Bulk))
    );
    again.settle(Settle::Dead("enough".to_owned())).await;
    assert_nothing_comes(&mut consumer).await;
}

async fn a_full_lane_refuses(queue: Queue) {
    let mut refused = 0;
    // A quorum queue may take one or two more than its limit.
    for n in 0..10 {
        match queue
            .publish(Lane::Interactive, message(&n.to_string()))
            .await
        {
            Ok(()) => {}
            Err(PublishError::Full) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!((3..=5).contains(&refused), "{refused} of 10 were refused");
    queue
        .publish(Lane::Bulk, message("bulk has no limit"))
        .await
        .unwrap();
}

async fn what_is_dead_for_a_long_reason_does_not_come_again(queue: Queue) {
    queue.publish(Lane::Bulk, message("a")).await.unwrap();
    let mut consumer = queue.consume(PREFETCH, "test");
    // More than a frame of AMQP holds.
    let reason = "why ".repeat(1 << 16);
    next(&mut consumer).await.settle(Settle::Dead(reason)).await;
    assert_nothing_comes(&mut consumer).await;
    // Nor does it keep others from going.
    queue.publish(Lane::Bulk, message("b")).await.unwrap();
    assert_eq!(name(&next(&mut consumer).await), "b");
}

async fn what_was_fetched_but_not_taken_is_given_back(queue: Queue) {
    for n in 0..3 {
        queue
            .publish(Lane::Interactive, message(&n.to_string()))
            .await
            .unwrap();
    }
    let mut first = queue.consume(PREFETCH, "test");
    let taken = next(&mut first).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    first.stop().await;
    let mut second = queue.consume(PREFETCH, "test");
    let mut names = vec![name(&taken)];
    for _ in 0..2 {
        let delivery = next(&mut second).await;
        names.push(name(&delivery));
        delivery.settle(Settle::Done).await;
    }
    names.sort();
    assert_eq!(names, ["0", "1", "2"]);
    // What was taken before the stop can still be settled.
    taken.settle(Settle::Done).await;
    assert_nothing_comes(&mut second).await;
}
