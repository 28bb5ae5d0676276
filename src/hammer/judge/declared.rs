//! Invariants about what the contract declares.

use super::dialect::{Dialect, list};
use super::invariant::{Finding, Invariant, Rule};
use super::view::{KeyView, PayloadIdentity};
use crate::hammer::history::Attempt;
use crate::hammer::workload::{Scenario, Spelling};

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "as-in-the-contract",
        meaning: "answers at rest have the statuses and headers of the contract",
        rule: Rule::AtRest(Dialect::deviations),
    },
    Invariant {
        name: "declared-status",
        meaning: "every answer has a status that the contract declares for it",
        rule: Rule::Key(declared_status),
    },
];

/// Whether a service may refuse the attempt for another reason than its key: an unusual key or an
/// unusual spelling, of which a contract says nothing.
pub(super) fn is_unusual(attempt: &Attempt) -> bool {
    attempt.invoked.spelling != Spelling::Plain || attempt.invoked.scenario == Scenario::Keys
}

fn declared_status(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    if !dialect.declared || view.had_invalid_body() {
        return Finding::NotApplicable;
    }
    let winner = view.winner(dialect);
    let mut finding = Finding::NotApplicable;
    for (attempt, answer) in view.answered() {
        let status = answer.status;
        let is_other = winner.map(|winner| winner != PayloadIdentity::of(attempt, dialect));
        // That a different payload was accepted is reported by `one-payload`, and an error during
        // a fault of the process says nothing.
        let accepted = attempt.accepted().is_some() && is_other == Some(true);
        if accepted || status >= 500 && view.met_process_fault() {
            continue;
        }
        let lists: &[&Vec<u16>] = match is_other {
            Some(false) => &[&dialect.fresh, &dialect.replay, &dialect.in_flight],
            Some(true) => &[&dialect.mismatch, &dialect.in_flight],
            None => &[
                &dialect.fresh,
                &dialect.replay,
                &dialect.mismatch,
                &dialect.in_flight,
            ],
        };
        if lists.iter().any(|list| list.contains(&status)) {
            if finding == Finding::NotApplicable {
                finding = Finding::Held;
            }
            continue;
        }
        let listed: Vec<String> = lists
            .iter()
            .filter(|one| !one.is_empty())
            .map(|one| list(one))
            .collect();
        let words = format!(
            "answered {}, declared: {}",
            answer.summary(),
            listed.join(" or ")
        );
        if !is_unusual(attempt) {
            return Finding::Violated(words);
        }
        finding = Finding::Deviation(words);
    }
    finding
}
