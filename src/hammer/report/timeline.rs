//! What happened to one key, attempt by attempt.

use crate::hammer::history::{Attempt, Completion, Header};
use crate::hammer::judge::Counterexample;
use crate::hammer::workload::{Fault, Payload, RequestKind};

/// This many attempts are shown as lines.
const ROWS: usize = 12;

/// One line an attempt, then what is stored.
pub(super) fn rows(counterexample: &Counterexample) -> Vec<String> {
    let start = counterexample
        .attempts
        .first()
        .map_or(0, |one| one.invoked.t);
    let mut rows: Vec<String> = counterexample
        .attempts
        .iter()
        .take(ROWS)
        .map(|one| row(one, start))
        .collect();
    if counterexample.attempts.len() > ROWS {
        rows.push(format!(
            "… and {} more",
            counterexample.attempts.len() - ROWS
        ));
    }
    let seen = counterexample.faults.iter().take(ROWS);
    rows.extend(seen.map(|fault| format!("fault {}: {}", fault.fault, fault.evidence)));
    rows.extend(
        counterexample
            .stored
            .iter()
            .take(ROWS)
            .map(|order| format!("stored {order}")),
    );
    rows
}

fn row(attempt: &Attempt, start: u64) -> String {
    let asked = &attempt.invoked;
    let from = attempt
        .outcome
        .released
        .unwrap_or(asked.t)
        .saturating_sub(start);
    let to = attempt.outcome.t.saturating_sub(start);
    format!(
        "#{:<5} {:>9.3} → {:>9.3} ms  instance {}  × {}{}  {}",
        asked.n,
        millis(from),
        millis(to),
        asked.instance,
        asked.quantity,
        if asked.payload == 0 {
            ""
        } else {
            " (other payload)"
        },
        ending(attempt)
    )
}

/// How an attempt ended, in words.
pub(super) fn ending(attempt: &Attempt) -> String {
    let fault = match attempt.invoked.fault {
        Fault::None => String::new(),
        fault => format!(" [{}]", crate::hammer::fault::name(fault)),
    };
    match (attempt.answer(), &attempt.outcome.error, attempt.completion) {
        (Some(answer), _, _) => {
            let mark = if answer.replayed { " replayed" } else { "" };
            format!("{}{mark} {}{fault}", answer.status, answer.body)
        }
        (None, Some(error), Completion::Fail) => format!("not sent: {error}{fault}"),
        (None, error, _) => format!("unknown: {}{fault}", error.as_deref().unwrap_or("")),
    }
}

/// Nanoseconds as milliseconds.
#[expect(clippy::cast_precision_loss, reason = "shown with three decimals")]
pub(super) fn millis(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

/// Commands that show the same with other means, where two plain requests are enough.
pub(super) fn curl(counterexample: &Counterexample, header: &Header) -> Vec<String> {
    let plain = counterexample
        .attempts
        .iter()
        .filter(|one| one.invoked.kind == RequestKind::Place);
    let mut commands: Vec<String> = plain
        .map(|one| {
            let asked = &one.invoked;
            let payload = Payload {
                variant: asked.payload,
                item: asked.item.clone(),
                quantity: asked.quantity,
                spelling: asked.spelling,
            };
            let target = &header.targets[asked.instance % header.targets.len()];
            let key = asked.lines.first().map_or("", String::as_str);
            format!(
                "curl -i {target}/orders -H 'Content-Type: application/json' -H 'Idempotency-Key: {}' -d '{}'",
                key.replace('\'', "'\\''"),
                payload.body().trim_end().replace('\'', "'\\''")
            )
        })
        .collect();
    commands.dedup();
    commands.truncate(2);
    commands
}
