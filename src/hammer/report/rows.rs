//! Which attempts of a violating key are shown, and in which order.
//!
//! Every different answer is evidence, so each of them comes first and none is left out. Attempts
//! with the same answer share a row.

use std::collections::HashMap;

use super::text::clean;
use crate::hammer::history::{Attempt, Completion};
use crate::hammer::judge::Counterexample;
use crate::hammer::workload::{RequestKind, Variant};

/// Maximum number of attempts without an answer that are shown in full.
const MAX_SILENT: usize = 6;

/// An attempt, and the later ones with the same answer to the same request.
pub(super) struct Row<'a> {
    pub(super) attempt: &'a Attempt,
    pub(super) alike: Vec<&'a Attempt>,
}

impl Row<'_> {
    /// The numbers of the attempts alike, in words.
    pub(super) fn alike(&self) -> Option<String> {
        const MAX_NUMBERS: usize = 8;
        let (shown, more) = self.alike.split_at(self.alike.len().min(MAX_NUMBERS));
        let numbers: Vec<String> = shown
            .iter()
            .map(|attempt| format!("#{}", attempt.invoked.n))
            .collect();
        let more = match more.len() {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        (!shown.is_empty()).then(|| format!("the same answer: {}{more}", numbers.join(", ")))
    }
}

/// The attempts of a violating key.
pub(super) struct Rows<'a> {
    /// Every different answer, accepted ones first, then attempts without an answer.
    pub(super) shown: Vec<Row<'a>>,
    /// Attempts that are in no row: they had no answer.
    pub(super) hidden: Vec<&'a Attempt>,
}

/// What makes two answers the same evidence.
#[derive(PartialEq, Eq, Hash)]
struct Evidence<'a> {
    kind: RequestKind,
    variant: Variant,
    status: u16,
    replayed: bool,
    location: Option<&'a str>,
    bytes: &'a str,
}

/// Arranges the attempts of a violating key.
pub(super) fn rows(example: &Counterexample) -> Rows<'_> {
    let mut shown: Vec<Row<'_>> = Vec::new();
    let mut known: HashMap<Evidence<'_>, usize> = HashMap::new();
    let (answered, mut silent): (Vec<&Attempt>, Vec<&Attempt>) = example
        .attempts
        .iter()
        .partition(|attempt| attempt.answer().is_some());
    for attempt in answered {
        let Some(answer) = attempt.answer() else {
            continue;
        };
        let evidence = Evidence {
            kind: attempt.invoked.kind,
            variant: attempt.invoked.variant,
            status: answer.status,
            replayed: answer.replayed,
            location: answer.location.as_deref(),
            bytes: &answer.bytes,
        };
        let index = *known.entry(evidence).or_insert(shown.len());
        match shown.get_mut(index) {
            Some(row) => row.alike.push(attempt),
            None => shown.push(Row {
                attempt,
                alike: Vec::new(),
            }),
        }
    }
    shown.sort_by_key(|row| {
        (
            row.attempt.completion != Completion::Ok,
            row.attempt.outcome.t,
        )
    });
    let hidden = silent.split_off(silent.len().min(MAX_SILENT));
    shown.extend(silent.into_iter().map(|attempt| Row {
        attempt,
        alike: Vec::new(),
    }));
    Rows { shown, hidden }
}

impl Rows<'_> {
    /// What is not shown, in words.
    pub(super) fn rest(&self) -> Option<String> {
        let count = self.hidden.len();
        (count > 0).then(|| format!("… and {count} more without an answer"))
    }
}

/// The stored orders and the faults of the key, one per line.
pub(super) fn facts(example: &Counterexample) -> Vec<String> {
    let faults = example.faults.iter();
    let faults = faults.map(|fault| format!("fault {}: {}", fault.kind.name(), fault.evidence));
    let stored = example.stored.iter().map(|order| format!("stored {order}"));
    faults.chain(stored).map(|line| clean(&line)).collect()
}
