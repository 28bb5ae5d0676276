//! The protocol as it is keeps every promise in every state of every case, and comes to an end.

#![allow(clippy::print_stdout, reason = "the figures are for whoever asks")]

use model::promise::MEETINGS;
use model::{Case, cases, termination};
use stateright::{Checker, Expectation, Model};

const PAGE: &str = include_str!("../../../docs/model.md");

/// Visits every state. `meets` says, by number, what the case is for.
fn holds(case: Case, meets: &[usize]) {
    let checker = case.checker().spawn_dfs().join();
    for (name, path) in checker.discoveries() {
        let kind = checker.model().property(name).expectation;
        assert_eq!(
            kind,
            Expectation::Sometimes,
            "{name}: {:#?}",
            path.into_actions()
        );
    }
    for meeting in meets {
        let name = MEETINGS[*meeting];
        assert!(checker.discovery(name).is_some(), "never met: {name}");
    }
    assert!(termination::ends(&case), "it goes round in circles");
    let row = format!(
        "| {} | {:?} | {} | {} | {} | {} |",
        case.name,
        case.engine,
        case.instances,
        case.clients.len(),
        case.faults,
        checker.unique_state_count()
    );
    println!("{row}");
    assert!(PAGE.contains(&row), "docs/model.md has no line {row}");
}

#[test]
fn a_race_for_one_key() {
    holds(cases::RACE, &[0, 1, 2, 4]);
}

#[test]
fn without_replays_from_memory() {
    holds(cases::NO_REPLAYS, &[0, 1, 2, 4]);
}

#[test]
fn one_writer() {
    holds(cases::SQLITE, &[0, 1, 2]);
}

#[test]
fn batches_that_overlap() {
    holds(cases::OVERLAP, &[0, 1, 2, 3, 4]);
}

#[test]
fn two_failures() {
    holds(cases::TWO_FAILURES, &[0, 1, 2, 4, 5]);
}

#[test]
fn two_failures_and_one_writer() {
    holds(cases::SQLITE_TWO_FAILURES, &[0, 1, 2, 5]);
}

#[test]
fn two_failures_and_two_keys() {
    holds(cases::TWO_KEYS, &[0, 1, 2, 3, 4]);
}

#[test]
fn three_instances() {
    holds(cases::THREE_INSTANCES, &[0, 1, 2, 3, 4]);
}

#[test]
fn a_row_that_the_database_refuses() {
    holds(cases::BAD_ROW, &[0, 1, 2, 3, 4]);
}

#[test]
fn a_row_that_is_swept() {
    holds(cases::SWEEP, &[0, 1, 2, 6]);
}

#[test]
#[ignore = "minutes: scripts/chaos"]
fn deep_race() {
    holds(cases::DEEP_RACE, &[0, 1, 2, 4, 5]);
}

#[test]
#[ignore = "minutes: scripts/chaos"]
fn deep_overlap() {
    holds(cases::DEEP_OVERLAP, &[0, 1, 2, 3, 4, 5]);
}
