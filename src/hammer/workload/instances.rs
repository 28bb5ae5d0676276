//! Scenarios for a service of several instances, and for instances that fail.

use std::time::Duration;

use super::builder::CaseBuilder;
use super::fault::{ProcessAction, ProcessFault};
use super::plan::{PlannedAttempt, Round};

/// Identical requests on all instances at once, then a replay through each of them.
pub(super) fn across(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let gate = builder.gate();
    let attempt = builder.attempt(0).with_gate(gate);
    let width = builder.rng.pick(&[1, 1, 2, 8]);
    let everywhere: Vec<PlannedAttempt> = (0..builder.context.instances)
        .map(|instance| attempt.clone().on_instance(instance))
        .collect();
    let burst = vec![everywhere.clone(); width].concat();
    let replays = everywhere.into_iter().map(Round::single);
    std::iter::once(Round::of(burst)).chain(replays).collect()
}

/// Pairs of requests for eight keys, and a kill of their instance somewhere between the first byte
/// and the last answer; then everything is retried on it.
pub(super) fn kill(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let after = builder
        .rng
        .log_time(Duration::from_micros(50), Duration::from_millis(30));
    with_process_fault(builder, after, ProcessAction::Kill)
}

/// The same with a pause that is long enough for the other instances to take over.
pub(super) fn pause(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let after = builder
        .rng
        .log_time(Duration::from_micros(50), Duration::from_millis(5));
    let hold_ms = 200 + u64::from(builder.rng.below(600));
    with_process_fault(builder, after, ProcessAction::Pause { hold_ms })
}

fn with_process_fault(
    builder: &mut CaseBuilder<'_>,
    after: Duration,
    action: ProcessAction,
) -> Vec<Round> {
    let victim = builder.instance();
    let (mut attempts, mut retries) = (Vec::new(), Vec::new());
    for index in 0..8 {
        let attempt = builder.attempt(index).on_instance(victim);
        // The duplicate goes to another instance, if there is one, in half of the cases after the
        // fault.
        let delay = if builder.rng.chance(50) {
            Duration::ZERO
        } else {
            after + Duration::from_millis(5)
        };
        attempts.push(attempt.clone());
        attempts.push(attempt.clone().on_instance(victim + 1).delayed(delay));
        if builder.rng.chance(40) {
            attempts.push(attempt.clone());
        }
        retries.push(attempt);
    }
    attempts.sort_by_key(|attempt| attempt.delay);
    vec![
        Round {
            process_fault: Some(ProcessFault {
                instance: victim,
                after_us: u64::try_from(after.as_micros()).expect("at most 30 ms"),
                action,
            }),
            ..Round::of(attempts)
        },
        Round::of(retries),
    ]
}
