//! Scenarios in which requests for one key overlap.

use std::time::Duration;

use super::builder::CaseBuilder;
use super::payload::Spelling;
use super::plan::Round;

/// `count` identical requests, then one more for the replay.
pub(super) fn identical(builder: &mut CaseBuilder<'_>, count: u32) -> Vec<Round> {
    let gate = builder.gate();
    let attempt = builder.attempt(0).with_gate(gate);
    let burst = (0..count)
        .map(|_| attempt.clone().on_instance(builder.instance()))
        .collect();
    vec![Round::of(burst), Round::single(attempt)]
}

/// A request and a slightly later duplicate, because many race windows open just after the first
/// insert; then one more for the replay.
pub(super) fn stagger(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let gate = builder.gate();
    let attempt = builder.attempt(0).with_gate(gate);
    let delay = builder
        .rng
        .log_time(Duration::from_micros(20), Duration::from_millis(20));
    let instance = builder.instance();
    let late = attempt.clone().on_instance(instance).delayed(delay);
    vec![
        Round::of(vec![attempt.clone(), late]),
        Round::single(attempt),
    ]
}

/// Two payloads at once, in one of several proportions; then each of them again.
pub(super) fn mismatch(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let gate = builder.gate();
    let one = builder.attempt(0).with_gate(gate);
    let payload = if builder.rng.chance(50) {
        one.payload.other_quantity()
    } else {
        one.payload.other_item()
    };
    let other = one.clone().with_payload(payload);
    let (ones, others) = builder.rng.pick(&[(1, 1), (1, 1), (3, 1), (1, 3), (8, 8)]);
    let mut attempts = Vec::new();
    for index in 0..ones.max(others) {
        // The first to be released has an advantage, so the payloads alternate.
        if index < others {
            attempts.push(other.clone().on_instance(builder.instance()));
        }
        if index < ones {
            attempts.push(one.clone().on_instance(builder.instance()));
        }
    }
    if builder.rng.chance(50) {
        attempts.reverse();
    }
    let spelling = builder.rng.pick(&Spelling::OTHERS);
    let mut again = one;
    if builder.rng.chance(25) {
        again.payload = again.payload.spelled(spelling);
    }
    vec![
        Round::of(attempts),
        Round::single(again),
        Round::single(other),
    ]
}
