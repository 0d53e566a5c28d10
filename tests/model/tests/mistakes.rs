//! Each mistake in the protocol breaks a promise, and the search finds how. At the end: two promises
//! that the code does not keep today, and what would.

use stateright::{Checker, HasDiscoveries, Model};
use thumbmill_model::{Askers, Bounds, Mistake, Promise, Protocol, Repair, State};

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

/// The repair mends the promise.
fn assert_mends(repair: Repair, promise: Promise) {
    let protocol = Protocol {
        repair: Some(repair),
        promises: vec![promise],
        ..Protocol::of_the_code(ENDLESS)
    };
    let checker = protocol.checker().threads(2);
    let checker = checker.symmetry_fn(State::representative).spawn_dfs();
    checker.join().assert_properties();
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
fn leaving_a_job_that_came_back_to_its_dead_worker_loses_it() {
    let mistake = Mistake::LeavesWhatComesAgain;
    assert_breaks(mistake, Promise::NoLostJob, Bounds::ONE_FAULT);
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

/// The code tells those who wait before it publishes the dead letter. If that publish fails, or the
/// worker dies, the job comes again, finds its failure known, and is acknowledged without a letter.
#[test]
fn a_job_that_is_given_up_may_leave_no_dead_letter() {
    let protocol = Protocol::of_the_code(ENDLESS);
    assert!(broken(Promise::LetterOfTheGivenUp, protocol).is_some());
}

#[test]
fn with_the_letter_first_every_job_that_is_given_up_leaves_one() {
    assert_mends(Repair::LetterBeforeBurial, Promise::LetterOfTheGivenUp);
}

/// A worker stores a variant while Redis is away. Once it is back, those who wait ask nobody else, and
/// their job is pending for up to a minute: a shorter deadline passes, and its last look finds it.
#[test]
fn what_is_stored_while_redis_is_away_may_be_found_late() {
    let protocol = Protocol::of_the_code(ENDLESS);
    assert!(broken(Promise::StoredIsFound, protocol).is_some());
}

#[test]
fn with_a_look_into_the_store_after_subscribing_it_is_found_at_once() {
    assert_mends(Repair::StoreAfterSubscribing, Promise::StoredIsFound);
}
