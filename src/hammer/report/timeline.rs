//! The timeline of one key as text, attempt by attempt.

use super::text::{ending, millis};
use crate::hammer::history::{Attempt, Header};
use crate::hammer::judge::Counterexample;
use crate::hammer::workload::{RequestKind, Variant};

/// Maximum number of attempts, faults and orders shown.
const MAX_ROWS: usize = 12;

/// One line per attempt, then the faults and the stored orders.
pub(super) fn rows(example: &Counterexample) -> Vec<String> {
    let start = example.attempts.first().map_or(0, |one| one.invoked.t);
    let attempts = example.attempts.iter().take(MAX_ROWS);
    let mut rows: Vec<String> = attempts.map(|attempt| row(attempt, start)).collect();
    if example.attempts.len() > MAX_ROWS {
        rows.push(format!("… and {} more", example.attempts.len() - MAX_ROWS));
    }
    let faults = example.faults.iter().take(MAX_ROWS);
    rows.extend(faults.map(|fault| format!("fault {}: {}", fault.kind.name(), fault.evidence)));
    let stored = example.stored.iter().take(MAX_ROWS);
    rows.extend(stored.map(|order| format!("stored {order}")));
    rows
}

fn row(attempt: &Attempt, start: u64) -> String {
    let invoked = &attempt.invoked;
    let outcome = &attempt.outcome;
    let from = outcome.released.unwrap_or(invoked.t).saturating_sub(start);
    let to = outcome.t.saturating_sub(start);
    format!(
        "#{:<5} {:>9.3} → {:>9.3} ms  instance {}  × {}{}  {}",
        invoked.n,
        millis(from),
        millis(to),
        invoked.instance,
        invoked.quantity,
        match invoked.variant {
            Variant::First => "",
            Variant::OtherQuantity | Variant::OtherItem => " (other payload)",
        },
        ending(attempt)
    )
}

/// `curl` commands that send the first two different orders of the key.
pub(super) fn curl(example: &Counterexample, header: &Header) -> Vec<String> {
    let placements = example
        .attempts
        .iter()
        .map(|attempt| &attempt.invoked)
        .filter(|invoked| invoked.kind == RequestKind::Place);
    let mut commands: Vec<String> = placements
        .map(|invoked| {
            let target = &header.targets[invoked.instance % header.targets.len()];
            let key = invoked.key_headers.first().map_or("", String::as_str);
            format!(
                "curl -i {target}/orders -H 'Content-Type: application/json' -H 'Idempotency-Key: {}' -d '{}'",
                quoted(key),
                quoted(invoked.payload().body().trim_end())
            )
        })
        .collect();
    commands.dedup();
    commands.truncate(2);
    commands
}

/// Escapes text within the single quotes of a shell.
fn quoted(text: &str) -> String {
    text.replace('\'', "'\\''")
}
