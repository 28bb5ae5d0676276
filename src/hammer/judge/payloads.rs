//! Invariants about different payloads under one key.

use super::dialect::Dialect;
use super::invariant::{Finding, Invariant, Rule};
use super::view::{KeyView, PayloadIdentity};

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "one-payload",
        meaning: "of several payloads for one key, only one is ever accepted",
        rule: Rule::Key(one_payload),
    },
    Invariant {
        name: "mismatch-is-final",
        meaning: "a different payload is told that the key is used, not to retry",
        rule: Rule::Key(mismatch_is_final),
    },
    Invariant {
        name: "duplicate-is-no-mismatch",
        meaning: "a retry with the same payload is never refused as a reuse of the key",
        rule: Rule::Key(duplicate_is_no_mismatch),
    },
];

fn one_payload(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let accepted = view.accepted();
    let Some((winner, _)) = accepted.first() else {
        return Finding::NotApplicable;
    };
    if view.only_payload(dialect).is_some() {
        return Finding::NotApplicable;
    }
    let winning = PayloadIdentity::of(winner, dialect);
    let loser = accepted
        .iter()
        .find(|(attempt, _)| PayloadIdentity::of(attempt, dialect) != winning);
    loser.map_or(Finding::Held, |(attempt, answer)| {
        Finding::Violated(format!(
            "{:?} × {} was accepted with {}, after {:?} × {}",
            attempt.invoked.item,
            attempt.invoked.quantity,
            answer.summary(),
            winner.invoked.item,
            winner.invoked.quantity
        ))
    })
}

fn mismatch_is_final(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let accepted = view.accepted();
    let Some((winner, _)) = accepted.first() else {
        return Finding::NotApplicable;
    };
    let winning = PayloadIdentity::of(winner, dialect);
    let mut finding = Finding::NotApplicable;
    for (attempt, answer) in view.answered() {
        let identity = PayloadIdentity::of(attempt, dialect);
        let later = attempt.invoked.t > winner.outcome.t;
        let transient = answer.status >= 500 || answer.status == 429;
        if !later || transient || attempt.accepted().is_some() || identity == winning {
            continue;
        }
        if dialect.says_in_use(answer) {
            return Finding::Violated(format!(
                "after the first payload was acknowledged: {}",
                answer.summary()
            ));
        }
        let said = dialect.declared || dialect.says_reused(answer);
        let as_agreed = dialect.mismatch.contains(&answer.status) && said;
        if identity.spelling.is_none() && !as_agreed {
            finding = Finding::Deviation(format!(
                "a different payload was answered {}",
                answer.summary()
            ));
        } else if finding == Finding::NotApplicable {
            finding = Finding::Held;
        }
    }
    finding
}

fn duplicate_is_no_mismatch(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let Some(winner) = view.winner(dialect) else {
        return Finding::NotApplicable;
    };
    let mut finding = Finding::NotApplicable;
    for (attempt, answer) in view.answered() {
        if PayloadIdentity::of(attempt, dialect) != winner {
            continue;
        }
        if dialect.says_reused(answer) {
            return Finding::Violated(format!(
                "the winning payload was answered {}",
                answer.summary()
            ));
        }
        finding = Finding::Held;
    }
    finding
}
