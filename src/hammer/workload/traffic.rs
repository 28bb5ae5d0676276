//! Scenarios that resemble the traffic of a busy service.

use std::time::Duration;

use super::builder::CaseBuilder;
use super::fault::Fault;
use super::plan::{PlannedAttempt, Round};

/// Sixteen requests for one key among sixteen for others, three times.
pub(super) fn hot_key(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let hot = builder.attempt(0);
    (0..3)
        .map(|round| {
            let mut attempts = Vec::new();
            for index in 0..16 {
                attempts.push(hot.clone().on_instance(builder.instance()));
                attempts.push(
                    builder
                        .attempt(1 + round * 16 + index)
                        .on_instance(builder.instance()),
                );
            }
            Round::of(attempts)
        })
        .collect()
}

/// Clients that retry with backoff and full jitter, on keys of very different popularity, with
/// faults on a third of the attempts.
pub(super) fn mix(builder: &mut CaseBuilder<'_>) -> Vec<Round> {
    let keys: Vec<PlannedAttempt> = (0..6).map(|index| builder.attempt(index)).collect();
    let mut rounds = Vec::new();
    for retry in 0..4 {
        let mut attempts = Vec::new();
        for _ in 0..8 {
            // The minimum of three draws: the first key is about as frequent as all others.
            let index = builder
                .rng
                .below(6)
                .min(builder.rng.below(6))
                .min(builder.rng.below(6));
            let mut attempt = keys[index as usize].clone().on_instance(builder.instance());
            attempt.gate = builder.gate();
            attempt.fault = random_fault(builder);
            if builder.rng.chance(8) {
                attempt.payload = attempt.payload.other_quantity();
            }
            attempts.push(attempt);
        }
        let jitter = builder.rng.below(10 << retry);
        rounds.push(Round {
            backoff: Duration::from_millis(u64::from(jitter)),
            ..Round::of(attempts)
        });
    }
    rounds.push(Round {
        after_faults: true,
        ..Round::of(keys)
    });
    rounds
}

fn random_fault(builder: &mut CaseBuilder<'_>) -> Fault {
    let permille = builder.rng.below(1000);
    match builder.rng.below(20) {
        0 => Fault::LoseAnswer,
        1 => Fault::CutRequest { permille },
        2 => Fault::CutAnswer { permille },
        3 => Fault::Duplicate,
        4 => Fault::Late {
            after_ms: 20 + u64::from(permille / 10),
        },
        5 | 6 => Fault::Vanish {
            after_us: u64::from(permille) * 5,
            reset: permille.is_multiple_of(2),
        },
        _ => Fault::None,
    }
}
