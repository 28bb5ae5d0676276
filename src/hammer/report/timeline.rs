//! The timeline of one key as text, attempt by attempt.

use super::rows::facts;
use super::text::{clean, ending, millis};
use crate::hammer::history::{Attempt, Header};
use crate::hammer::judge::Counterexample;
use crate::hammer::workload::{RequestKind, Variant};

/// One line per different answer, then the attempts without one, the faults and the stored orders.
pub(super) fn rows(example: &Counterexample) -> Vec<String> {
    let start = example.attempts.first().map_or(0, |one| one.invoked.t);
    let arranged = super::rows::rows(example);
    let mut lines = Vec::new();
    for shown in &arranged.shown {
        lines.push(row(shown.attempt, start));
        lines.extend(shown.alike().map(|alike| format!("       {alike}")));
    }
    lines.extend(arranged.rest());
    lines.extend(facts(example));
    lines
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
        clean(&ending(attempt))
    )
}

/// `curl` commands that send the first two different orders of the key.
pub(super) fn curl(example: &Counterexample, header: &Header) -> Vec<String> {
    let shape = &header.contract().request;
    let method = match shape.method.name() {
        "POST" => String::new(),
        other => format!(" -X {other}"),
    };
    let placements = example
        .attempts
        .iter()
        .map(|attempt| &attempt.invoked)
        .filter(|invoked| invoked.kind == RequestKind::Place);
    let mut commands: Vec<String> = placements
        .map(|invoked| {
            let target = header
                .targets
                .get(invoked.instance % header.targets.len().max(1));
            let target = clean(target.map_or("", String::as_str));
            let key = invoked.key_headers.first().map_or("", String::as_str);
            format!(
                "curl -i{method} {target}{} -H 'Content-Type: {}' -H '{}: {}' -d '{}'",
                shape.path,
                quoted(&shape.content_type),
                shape.key_header,
                quoted(key),
                quoted(shape.body.body(&invoked.payload()).trim_end())
            )
        })
        .collect();
    commands.dedup();
    commands.truncate(2);
    commands
}

/// Escapes text within the single quotes of a shell, without what a terminal would act on.
fn quoted(text: &str) -> String {
    let is_text = |letter: &char| !letter.is_control() || matches!(letter, '\n' | '\t');
    let text: String = text.chars().filter(is_text).collect();
    text.replace('\'', "'\\''")
}
