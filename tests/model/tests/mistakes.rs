//! Each mistake in the protocol breaks a promise, and the search finds how. At the end: where one promise
//! ends.

use stateright::{Checker, HasDiscoveries, Model};
use thumbmill_model::{Askers, Bounds, Mistake, Promise, Protocol};

/// A shortest run that breaks `promise`, in steps.
fn broken(promise: Promise, protocol: Protocol) -> Option<usize> {
    let mistake = protocol.mistake;
    let protocol = Protocol {
        promises: vec![promise],
        ..protocol
    };
    let checker = protocol
        .checker()
        .threads(2)
        .finish_when(HasDiscoveries::AnyFailures);
    let found = checker.spawn_bfs().join().discovery(promise.name());
    let steps = found.map(stateright::Path::into_actions);
    println!("{mistake:?}, {}: {steps:?}", promise.name());
    steps.map(|steps| steps.len())
}

fn assert_breaks(mistake: Mistake, promise: Promise, bounds: Bounds) {
    let protocol = Protocol {
        mistake: Some(mistake),
        ..Protocol::of_the_code(bounds)
    };
    assert!(
        broken(promise, protocol).is_some(),
        "{mistake:?} is not found"
    );
}

/// One fault, but no deadline passes.
const ENDLESS: Bounds = Bounds {
    faults: 1,
    ..Bounds::NO_FAULT
};

#[test]
fn looking_before_listening_loses_a_wake_up_though_nothing_goes_wrong() {
    let mistake = Mistake::ListensAfterLooking;
    assert_breaks(mistake, Promise::NoLostWakeUp, Bounds::NO_FAULT);
}

#[test]
fn looking_once_loses_a_wake_up() {
    let mistake = Mistake::NeverLooksAgain;
    assert_breaks(mistake, Promise::NoLostWakeUp, ENDLESS);
    assert_breaks(mistake, Promise::KnownIsFound, ENDLESS);
}

#[test]
fn acknowledging_before_storing_loses_a_job() {
    assert_breaks(
        Mistake::AcknowledgesFirst,
        Promise::NoLostJob,
        Bounds::ONE_FAULT,
    );
}

#[test]
fn announcing_before_storing_promises_what_is_not_there() {
    let mistake = Mistake::AnnouncesFirst;
    assert_breaks(mistake, Promise::StoredFirst, Bounds::NO_FAULT);
}

#[test]
fn treating_a_job_that_came_back_as_any_other_makes_it_wait_for_its_dead_worker() {
    let mistake = Mistake::LeavesWhatComesAgain;
    assert_breaks(mistake, Promise::NotHeldByItself, Bounds::ONE_FAULT);
}

#[test]
fn ignoring_leases_lets_two_workers_claim() {
    let bounds = Bounds {
        askers: Askers::ApiAndBulk,
        ..Bounds::NO_FAULT
    };
    assert_breaks(Mistake::IgnoresLeases, Promise::OneClaim, bounds);
}

#[test]
fn acknowledging_a_retry_that_is_not_confirmed_loses_a_job() {
    let mistake = Mistake::TrustsUnconfirmedRetries;
    assert_breaks(mistake, Promise::NoLostJob, Bounds::ONE_FAULT);
}

#[test]
fn counting_a_publish_that_is_not_confirmed_loses_a_job() {
    let mistake = Mistake::TrustsUnconfirmedJobs;
    assert_breaks(mistake, Promise::NoLostJob, Bounds::ONE_FAULT);
}

#[test]
fn a_failure_that_leaves_pending_behind_holds_the_next_request_back() {
    let mistake = Mistake::KeepsPending;
    assert_breaks(mistake, Promise::NothingPending, Bounds::NO_FAULT);
}

#[test]
fn dropping_what_was_delivered_too_often_loses_a_job() {
    let mistake = Mistake::DropsExpired;
    let bounds = Bounds {
        returns: 0,
        ..Bounds::ONE_FAULT
    };
    assert_breaks(mistake, Promise::NoLostJob, bounds);
}

/// The letter is refused, the job is given back and comes again, finds its failure known, and is
/// acknowledged.
#[test]
fn telling_those_who_wait_before_the_dead_letter_is_safe_may_leave_none() {
    let mistake = Mistake::BuriesBeforeTheLetter;
    assert_breaks(mistake, Promise::LetterOfTheGivenUp, ENDLESS);
}

/// A worker stores a variant while Redis is away. Once it is back, those who wait ask nobody else, and
/// their job is pending for up to a minute: a shorter deadline passes, and its last look finds it.
#[test]
fn not_looking_into_the_store_after_subscribing_finds_late_what_was_stored() {
    let mistake = Mistake::TrustsRedisAfterSubscribing;
    assert_breaks(mistake, Promise::StoredIsFound, ENDLESS);
}

/// A worker makes a variant for a bulk job and dies, having kept the api's job from another worker. The bulk
/// job comes again and finds no original: it cannot say whose failure that is. If the variant was stored, those
/// who wait find it late; if not, the api's job is over, and nowhere.
#[test]
fn acknowledging_what_another_worker_makes_loses_a_job() {
    let bounds = Bounds {
        askers: Askers::ApiAndBulk,
        ..Bounds::ONE_FAULT
    };
    let mistake = Mistake::AcknowledgesWhatIsHeld;
    assert_breaks(mistake, Promise::StoredIsFound, bounds);
    assert_breaks(mistake, Promise::NoLostJob, bounds);
}
