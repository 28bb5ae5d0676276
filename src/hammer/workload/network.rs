//! Scenarios in which the network or the client fails.

use std::time::Duration;

use super::builder::CaseBuilder;
use super::fault::Fault;
use super::plan::{Gate, PlannedAttempt, Round};

/// The answer is lost; then one retry, or two that race.
pub(super) fn lost_answer(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let attempt = builder.attempt(0);
    let lost = attempt.clone().with_fault(Fault::LoseAnswer);
    let retries = builder.rng.pick(&[1, 1, 2]);
    let retry = vec![attempt.clone().on_instance(builder.instance()); retries];
    vec![
        Round::single(lost),
        Round::of(retry),
        Round::single(attempt),
    ]
}

/// The connection is cut within the request or the answer, or the request is duplicated; the
/// cases sweep over all positions.
pub(super) fn cut(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let attempt = builder.attempt(0);
    let permille = (builder.number * 125) % 1000 + builder.rng.below(125);
    let fault = match builder.number % 5 {
        0 | 1 => Fault::CutRequest { permille },
        2 | 3 => Fault::CutAnswer { permille },
        _ => Fault::Duplicate,
    };
    let cut = attempt.clone().with_fault(fault);
    vec![Round::single(cut), Round::single(attempt)]
}

/// The client disconnects right after the last byte, or while the server is at work.
///
/// There is no retry in the case itself: whatever the server leaves behind has until the end of
/// the cycle to heal.
pub(super) fn vanish(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    // A server that sees the end of the connection before it reads the request drops it unread;
    // most windows open some microseconds later.
    let micros = |least, most| (Duration::from_micros(least), Duration::from_micros(most));
    let (least, most) = match builder.rng.below(10) {
        0 | 1 => micros(1, 2),
        2..=6 => micros(4, 200),
        _ => micros(200, 20_000),
    };
    let after = builder.rng.log_time(least, most);
    let gate = builder.rng.pick(&[Gate::LastByte, Gate::Barrier]);
    let fault = Fault::Vanish {
        after_us: u64::try_from(after.as_micros()).expect("at most 20 ms"),
        reset: builder.rng.chance(50),
    };
    let attempt = builder.attempt(0).with_gate(gate);
    let vanishing = attempt.clone().with_fault(fault);
    // In some of the cases a duplicate of the request stays connected.
    let attempts: Vec<PlannedAttempt> = if builder.rng.chance(70) {
        vec![vanishing]
    } else {
        vec![vanishing, attempt]
    };
    vec![Round::of(attempts)]
}

/// A request is held back, its retry is answered, and then the held-back request arrives.
pub(super) fn late(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let attempt = builder.attempt(0);
    let held = attempt.clone().with_fault(Fault::Late {
        after_ms: 150 + u64::from(builder.rng.below(150)),
    });
    let retry = attempt.clone().on_instance(builder.instance());
    let mut rounds = vec![Round::single(held), Round::single(retry)];
    if builder.rng.chance(50) {
        let other = attempt.payload.other_quantity();
        rounds.push(Round::single(attempt.clone().with_payload(other)));
    }
    rounds.push(Round {
        after_faults: true,
        ..Round::single(attempt)
    });
    rounds
}
