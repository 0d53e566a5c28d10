//! The protocol keeps its promises, and is seen to have had occasion to break them.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use stateright::{Checker, Model};
use thumbmill_model::{
    Act, Askers, Bounds, Mistake, Patience, Promise, Protocol, Sight, State, Time,
};

/// Searches all states; the promises must hold, and the sights be seen.
fn search(what: &str, protocol: Protocol) {
    let begun = Instant::now();
    let checker = protocol.checker().threads(2);
    let checker = checker
        .symmetry_fn(State::representative)
        .spawn_dfs()
        .join();
    println!(
        "{what}: {} states, {} steps, the longest run has {}; {:.1?}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        begun.elapsed(),
    );
    checker.assert_properties();
}

/// All sights but some.
fn all_but(unseen: &[Sight]) -> Vec<Sight> {
    let seen = |sight: &Sight| !unseen.contains(sight);
    Sight::ALL.into_iter().filter(seen).collect()
}

#[test]
fn one_fault_of_any_kind_breaks_no_promise() {
    search(
        "one fault",
        Protocol {
            sights: all_but(&[Sight::Expired]),
            ..Protocol::of_the_code(Bounds::ONE_FAULT)
        },
    );
}

#[test]
fn flights_end_without_their_deadline() {
    search(
        "one fault, no deadline",
        Protocol {
            sights: all_but(&[Sight::Expired, Sight::Deadline]),
            ..Protocol::of_the_code(Bounds {
                patience: Patience::Endless,
                ..Bounds::ONE_FAULT
            })
        },
    );
}

#[test]
fn two_faults_break_no_promise() {
    search(
        "two faults",
        Protocol {
            sights: all_but(&[Sight::Unrecorded]),
            ..Protocol::of_the_code(Bounds::TWO_FAULTS)
        },
    );
}

/// A flight that gives up publishes nothing again: what was left to the bulk job's worker would be lost.
#[test]
fn a_bulk_job_for_the_same_variant_breaks_no_promise() {
    search(
        "a bulk job and one fault",
        Protocol {
            sights: all_but(&[Sight::Expired, Sight::TwoWaitForOneJob]),
            ..Protocol::of_the_code(Bounds {
                askers: Askers::ApiAndBulk,
                ..Bounds::ONE_FAULT
            })
        },
    );
}

#[test]
fn beside_a_bulk_job_flights_end_without_their_deadline() {
    search(
        "a bulk job and one fault, no deadline",
        Protocol {
            sights: all_but(&[Sight::Expired, Sight::Deadline, Sight::TwoWaitForOneJob]),
            ..Protocol::of_the_code(Bounds {
                patience: Patience::Endless,
                askers: Askers::ApiAndBulk,
                ..Bounds::ONE_FAULT
            })
        },
    );
}

#[test]
fn when_nothing_goes_wrong_announcements_alone_wake_everybody() {
    search(
        "no fault, no look again",
        Protocol {
            mistake: Some(Mistake::NeverLooksAgain),
            promises: vec![Promise::NoLostWakeUp, Promise::NoLostJob],
            ..Protocol::of_the_code(Bounds::NO_FAULT)
        },
    );
}

/// A state in which nothing is left to be done is reached only if no run goes in a circle. `pending`
/// may end again and again beneath a lease that nobody renews, but that one ends within 30 seconds.
#[test]
fn no_run_goes_on_for_ever() {
    for askers in [Askers::TwoApis, Askers::ApiAndBulk] {
        assert_no_circle(&Protocol::of_the_code(Bounds {
            patience: Patience::Endless,
            askers,
            ..Bounds::ONE_FAULT
        }));
    }
}

fn assert_no_circle(protocol: &Protocol) {
    let askers = protocol.bounds.askers;
    let hash = RandomState::new();
    let mut on_the_way = HashMap::new();
    let mut way: Vec<(State, Vec<Act>)> = Vec::new();
    let enter = |state: State, way: &mut Vec<(State, Vec<Act>)>| {
        let mut acts = Vec::new();
        protocol.actions(&state, &mut acts);
        way.push((state, acts));
    };
    for state in protocol.init_states() {
        on_the_way.insert(hash.hash_one(&state), true);
        enter(state, &mut way);
    }
    while let Some((state, acts)) = way.last_mut() {
        let Some(act) = acts.pop() else {
            on_the_way.insert(hash.hash_one(state), false);
            way.pop();
            continue;
        };
        let lease_ends = state.redis.keys.lease.is_some() && !state.lease_is_kept();
        if act == Act::Time(Time::PendingEnds) && lease_ends {
            continue;
        }
        let Some(next) = protocol.next_state(state, act) else {
            continue;
        };
        let next = next.representative();
        match on_the_way.get(&hash.hash_one(&next)) {
            Some(true) => panic!("{act:?} goes back to {next:?}"),
            Some(false) => {}
            None => {
                on_the_way.insert(hash.hash_one(&next), true);
                enter(next, &mut way);
            }
        }
    }
    println!("{askers:?}: no circle among {} states", on_the_way.len());
}
