//! Every step of the protocol that is broken on purpose is found out, by the promise it breaks.

#![allow(clippy::print_stdout, reason = "the figures are for whoever asks")]

use model::promise::{
    ACKNOWLEDGED, ALONE, ANSWERED, FIRST_ANSWER, MEETINGS, NO_DEADLOCK, ONE_ORDER, REFUSED,
    TOGETHER,
};
use model::{Case, Mutation, Protocol, cases, termination};
use stateright::{Checker, HasDiscoveries, Model};

const PAGE: &str = include_str!("../../../docs/model.md");

/// The checker finds the shortest way to a state that breaks this promise.
fn breaks(case: Case, mutations: &[Mutation], promise: &'static str) {
    let only = HasDiscoveries::AllOf([promise].into());
    let mutant = case.broken(Protocol::with(mutations));
    let checker = mutant.checker().finish_when(only).spawn_bfs().join();
    let way = checker.discovery(promise);
    let way = way.unwrap_or_else(|| panic!("{mutations:?} keeps: {promise}"));
    let steps = way.into_actions();
    println!(
        "{mutations:?} breaks \"{promise}\" in {} steps",
        steps.len()
    );
    is_on_the_page(mutations, promise, case);
}

fn is_on_the_page(mutations: &[Mutation], promise: &str, case: Case) {
    let names: Vec<String> = mutations.iter().map(|m| format!("`{m:?}`")).collect();
    let row = format!("| {} | {promise} | {} |", names.join(" and "), case.name);
    assert!(PAGE.contains(&row), "docs/model.md has no line {row}");
}

#[test]
fn effects_before_claims() {
    breaks(cases::RACE, &[Mutation::EffectsBeforeClaims], ONE_ORDER);
}

#[test]
fn two_transactions() {
    breaks(cases::RACE, &[Mutation::TwoTransactions], TOGETHER);
    breaks(cases::RACE, &[Mutation::TwoTransactions], ACKNOWLEDGED);
}

#[test]
fn look_then_insert() {
    breaks(cases::RACE, &[Mutation::LookThenInsert], ONE_ORDER);
}

#[test]
fn unsorted_keys() {
    breaks(cases::OVERLAP, &[Mutation::UnsortedKeys], NO_DEADLOCK);
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
    let case = cases::TWO_FAILURES;
    breaks(case, &[Mutation::UnknownIsCommitted], ACKNOWLEDGED);
}

#[test]
fn own_row_is_anothers() {
    breaks(cases::RACE, &[Mutation::OwnRowIsAnothers], FIRST_ANSWER);
}

#[test]
fn missing_is_won() {
    breaks(cases::SWEEP, &[Mutation::MissingIsWon], ACKNOWLEDGED);
}

#[test]
fn vanished_forgotten() {
    breaks(cases::SWEEP, &[Mutation::VanishedForgotten], ANSWERED);
}

/// By itself the old snapshot costs another attempt and nothing else, because a loser whose row
/// is not found claims anew. It takes a second mistake to break a promise, and either will do.
#[test]
fn old_snapshot() {
    let alone = Protocol::with(&[Mutation::OldSnapshot]);
    let checker = cases::RACE.broken(alone).checker().spawn_dfs().join();
    let broken = checker.discoveries().into_keys();
    let broken: Vec<_> = broken.filter(|name| !MEETINGS.contains(name)).collect();
    assert!(broken.is_empty(), "{broken:?}");

    let forgotten = [Mutation::OldSnapshot, Mutation::VanishedForgotten];
    breaks(cases::RACE, &forgotten, ANSWERED);
    let won = [Mutation::OldSnapshot, Mutation::MissingIsWon];
    breaks(cases::RACE, &won, ACKNOWLEDGED);
}

#[test]
fn losers_get_their_own() {
    breaks(cases::RACE, &[Mutation::LosersGetTheirOwn], ACKNOWLEDGED);
}

#[test]
fn payload_not_compared() {
    breaks(cases::RACE, &[Mutation::PayloadNotCompared], REFUSED);
}

#[test]
fn followers_created() {
    breaks(cases::RACE, &[Mutation::FollowersCreated], FIRST_ANSWER);
}

#[test]
fn half_forgotten() {
    breaks(cases::TWO_KEYS, &[Mutation::HalfForgotten], ANSWERED);
}

#[test]
fn refused_as_a_whole() {
    breaks(cases::BAD_ROW, &[Mutation::RefusedAsAWhole], ALONE);
}

#[test]
fn refused_with_followers() {
    breaks(cases::BAD_ROW, &[Mutation::RefusedWithFollowers], ALONE);
}

#[test]
fn refused_run_again() {
    let mutations = [Mutation::RefusedRunAgain];
    let mutant = cases::BAD_ROW.broken(Protocol::with(&mutations));
    assert!(!termination::ends(&mutant));
    is_on_the_page(&mutations, "5 whatever happens, it ends", cases::BAD_ROW);
}

#[test]
fn late_takes_followers() {
    let case = cases::TWO_FAILURES;
    breaks(case, &[Mutation::LateTakesFollowers], ANSWERED);
}
