use super::*;
use crate::job::RenderJob;

fn message(seen: Seen) -> Message {
    let body = b"{}".to_vec();
    Message {
        id: RenderJob::id_of(&body),
        body,
        attempt: 3,
        outages: 1,
        trace: TraceContext::random(),
        published: SystemTime::UNIX_EPOCH,
        seen,
    }
}

/// A new attempt takes over the lease of the one before; a deferred job must not.
#[test]
fn only_what_was_begun_is_a_new_attempt_and_only_what_failed_counts() {
    for (settle, attempt, counted) in [
        (Settle::Retry(Delay::Short), 4, 3),
        (Settle::Postpone(Delay::Short), 4, 2),
        (Settle::Defer(Delay::Short), 3, 2),
    ] {
        let again = message(Seen::Absent).again(&settle);
        assert_eq!(
            (again.attempt, again.counted_attempt()),
            (attempt, counted),
            "{settle:?}"
        );
    }
}

/// What an operator replays has a failure remembered, which its first attempt may not come to
/// forget: when the store was away then, the replay was over without a render.
#[test]
fn a_look_into_the_store_grows_old_and_an_order_does_not() {
    for (seen, later) in [
        (Seen::Absent, Seen::Nothing),
        (Seen::Nothing, Seen::Nothing),
        (Seen::Failed, Seen::Failed),
    ] {
        let again = message(seen).again(&Settle::Postpone(Delay::Short));
        assert_eq!(again.seen, later);
    }
}

/// A slot that became free while the consumer was on its way to wait was never seen: bulk jobs,
/// which have one slot, stood still.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_slot_takes_one_job_after_the_other() {
    let shutdown = Shutdown::default();
    let (queue, jobs) = (Embedded::new(1, &shutdown), 20_000);
    for _ in 0..jobs {
        queue.publish(Lane::Bulk, message(Seen::Nothing)).unwrap();
    }
    let prefetch = Prefetch {
        interactive: 1,
        bulk: 1,
    };
    let mut consumer = queue.consume(prefetch);
    for job in 0..jobs {
        let next = tokio::time::timeout(Duration::from_secs(10), consumer.next());
        let delivery = next
            .await
            .unwrap_or_else(|_| panic!("stood still at {job}"));
        shutdown.spawn(delivery.settle(Settle::Done));
    }
}
