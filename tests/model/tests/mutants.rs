//! Every mutation of the modelled parts breaks a promise.

#![allow(clippy::print_stdout, reason = "--nocapture shows the figures")]

use model::promise::{
    ACKNOWLEDGED, ANSWERED, COMPLETE, FIRST_ANSWER, NO_ORDER, ONE_ORDER, TOGETHER,
};
use model::{Case, Mutation, Protocol, cases, termination, trace};
use stateright::{Checker, Expectation, Model};

const PAGE: &str = include_str!("../../../docs/model.md");

/// Finds the shortest trace to a state that breaks this promise.
fn breaks(case: Case, mutations: &[Mutation], promise: &'static str) {
    let mutant = case.broken(Protocol::with(mutations));
    let trace = trace::shortest(&mutant, promise);
    let trace = trace.unwrap_or_else(|| panic!("{mutations:?} keeps: {promise}"));
    let names: Vec<String> = mutations.iter().map(|m| format!("`{m:?}`")).collect();
    let row = format!(
        "| {} | {promise} | {} | {} |",
        names.join(" and "),
        case.name,
        trace.len()
    );
    println!("{row} {trace:?}");
    assert!(PAGE.contains(&row), "docs/model.md has no line {row}");
}

#[test]
fn apply_before_claim() {
    breaks(cases::RACE, &[Mutation::ApplyBeforeClaim], ONE_ORDER);
}

#[test]
fn two_transactions() {
    breaks(cases::RACE, &[Mutation::TwoTransactions], TOGETHER);
    breaks(cases::RACE, &[Mutation::TwoTransactions], ACKNOWLEDGED);
}

#[test]
fn read_then_insert() {
    breaks(cases::RACE, &[Mutation::ReadThenInsert], ONE_ORDER);
}

#[test]
fn late_response_after_commit() {
    let mutation = [Mutation::LateResponseAfterCommit];
    breaks(cases::LATE_RESPONSE, &mutation, COMPLETE);
    breaks(cases::LATE_RESPONSE, &mutation, FIRST_ANSWER);
    breaks(cases::REFUSAL, &mutation, ACKNOWLEDGED);
}

#[test]
fn refused_effects_remain() {
    let mutation = [Mutation::RefusedEffectsRemain];
    breaks(cases::REFUSAL, &mutation, NO_ORDER);
}

#[test]
fn missing_is_won() {
    breaks(cases::SWEEP, &[Mutation::MissingIsWon], ACKNOWLEDGED);
}

#[test]
fn losers_not_read() {
    breaks(cases::RACE, &[Mutation::LosersNotRead], ACKNOWLEDGED);
}

#[test]
fn answer_before_commit() {
    breaks(cases::RACE, &[Mutation::AnswerBeforeCommit], ACKNOWLEDGED);
}

#[test]
fn keep_before_commit() {
    breaks(cases::RACE, &[Mutation::KeepBeforeCommit], ACKNOWLEDGED);
}

#[test]
fn unknown_is_committed() {
    breaks(cases::RACE, &[Mutation::UnknownIsCommitted], ACKNOWLEDGED);
}

#[test]
fn vanished_forgotten() {
    breaks(cases::SWEEP, &[Mutation::VanishedForgotten], ANSWERED);
}

#[test]
fn half_forgotten() {
    breaks(cases::TWO_KEYS, &[Mutation::HalfForgotten], ANSWERED);
}

#[test]
fn rest_forgotten() {
    breaks(cases::REJECTED, &[Mutation::RestForgotten], ANSWERED);
}

/// By itself the old snapshot breaks nothing: a request whose row is not found runs again. With a
/// second mistake it does.
#[test]
fn old_snapshot() {
    let alone = Protocol::with(&[Mutation::OldSnapshot]);
    let case = cases::RACE.broken(alone);
    let checker = case.checker().spawn_dfs().join();
    for name in checker.discoveries().keys() {
        let kind = &checker.model().property(name).expectation;
        assert_eq!(kind, &Expectation::Sometimes, "{name}");
    }
    assert!(termination::ends(&case));

    let forgotten = [Mutation::OldSnapshot, Mutation::VanishedForgotten];
    breaks(cases::RACE, &forgotten, ANSWERED);
    let won = [Mutation::OldSnapshot, Mutation::MissingIsWon];
    breaks(cases::RACE, &won, ACKNOWLEDGED);
}
