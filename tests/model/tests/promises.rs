//! Every case keeps every promise in every state, and ends.

#![allow(clippy::print_stdout, reason = "--nocapture shows the figures")]

use std::time::Instant;

use model::coverage::{
    ABANDONED, BISECTED, IN_USE, LATE_RESPONSE, OWN_ROW, REPLAYED_REFUSAL, SURVIVOR, TOO_LATE,
    UNHEARD_COMMIT, VANISHED, WAIT,
};
use model::promise::ENDS;
use model::{Case, cases, termination, trace};
use stateright::{Checker, Expectation, Model};

const PAGE: &str = include_str!("../../../docs/model.md");

/// What every case with more than one instance reaches.
const ALWAYS: [&str; 4] = [WAIT, ABANDONED, UNHEARD_COMMIT, OWN_ROW];

/// Visits every state. `reaches` names the situations that the case is for.
fn holds(case: Case, reaches: &[&'static str]) {
    let started = Instant::now();
    let checker = case.checker().spawn_dfs().join();
    let found = checker.discoveries();
    for property in checker.model().properties() {
        let broken =
            property.expectation == Expectation::Always && found.contains_key(property.name);
        assert!(!broken, "{}", describe(case, property.name));
    }
    for name in ALWAYS.iter().chain(reaches) {
        assert!(checker.discovery(name).is_some(), "never reached: {name}");
    }
    let ends = termination::ends(&case);
    assert!(ends, "broken: {ENDS} ({}, cycle)", case.name);
    let row = format!(
        "| {} | {:?} | {} | {} | {} | {} |",
        case.name,
        case.engine,
        case.instances,
        case.clients.len(),
        case.faults,
        checker.unique_state_count()
    );
    println!("{row} {:.1?}", started.elapsed());
    assert!(PAGE.contains(&row), "docs/model.md has no line {row}");
}

/// Describes the shortest trace to a state that breaks a promise.
fn describe(case: Case, promise: &'static str) -> String {
    let trace = trace::shortest(&case, promise).expect("found before");
    let steps: Vec<String> = trace.iter().map(|step| format!("  {step:?}")).collect();
    let count = steps.len();
    format!(
        "broken: {promise} ({}, {count} steps)\n{}",
        case.name,
        steps.join("\n")
    )
}

#[test]
fn race() {
    holds(cases::RACE, &[IN_USE]);
}

#[test]
fn no_cache() {
    holds(cases::NO_CACHE, &[IN_USE]);
}

#[test]
fn sqlite() {
    holds(cases::SQLITE, &[]);
}

#[test]
fn overlap() {
    holds(cases::OVERLAP, &[BISECTED, IN_USE]);
}

#[test]
fn two_failures() {
    holds(cases::TWO_FAILURES, &[IN_USE, SURVIVOR]);
}

#[test]
fn sqlite_two_failures() {
    holds(cases::SQLITE_TWO_FAILURES, &[SURVIVOR]);
}

#[test]
fn two_keys() {
    holds(cases::TWO_KEYS, &[BISECTED, IN_USE]);
}

#[test]
fn three_instances() {
    holds(cases::THREE_INSTANCES, &[BISECTED, IN_USE]);
}

#[test]
fn late_response() {
    holds(cases::LATE_RESPONSE, &[LATE_RESPONSE, IN_USE]);
}

#[test]
fn refusal() {
    let reaches = [LATE_RESPONSE, REPLAYED_REFUSAL, BISECTED, IN_USE];
    holds(cases::REFUSAL, &reaches);
}

#[test]
fn refusal_two_failures() {
    let reaches = [LATE_RESPONSE, REPLAYED_REFUSAL, IN_USE, SURVIVOR];
    holds(cases::REFUSAL_TWO_FAILURES, &reaches);
}

#[test]
fn sqlite_refusal() {
    holds(cases::SQLITE_REFUSAL, &[LATE_RESPONSE, REPLAYED_REFUSAL]);
}

#[test]
fn rejected() {
    holds(cases::REJECTED, &[BISECTED, IN_USE]);
}

#[test]
fn sweep() {
    holds(cases::SWEEP, &[VANISHED, TOO_LATE]);
}

#[test]
fn expiry() {
    holds(cases::EXPIRY, &[VANISHED, TOO_LATE]);
}

#[test]
#[ignore = "minutes: scripts/chaos"]
fn deep_race() {
    holds(cases::DEEP_RACE, &[IN_USE, SURVIVOR]);
}

#[test]
#[ignore = "minutes: scripts/chaos"]
fn deep_overlap() {
    holds(cases::DEEP_OVERLAP, &[BISECTED, IN_USE, SURVIVOR]);
}

#[test]
#[ignore = "minutes: scripts/chaos"]
fn deep_refusal() {
    let reaches = [LATE_RESPONSE, REPLAYED_REFUSAL, BISECTED, IN_USE, SURVIVOR];
    holds(cases::DEEP_REFUSAL, &reaches);
}
