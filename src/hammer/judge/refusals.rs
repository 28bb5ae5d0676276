//! Invariants about what is refused, and how.

use super::dialect::Dialect;
use super::invariant::{Finding, Invariant, Rule};
use super::view::{KeyView, kind};
use crate::hammer::history::{Answer, Attempt};
use crate::hammer::workload::{RequestKind, Spelling};

const REUSED: &str = "IDEMPOTENCY_KEY_REUSED";
const IN_USE: &str = "IDEMPOTENCY_KEY_IN_USE";

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "one-payload",
        meaning: "of several payloads for one key one wins, and no other is ever accepted",
        rule: Rule::Key(one_payload),
    },
    Invariant {
        name: "mismatch-is-final",
        meaning: "another payload is told that the key is used, not to try again",
        rule: Rule::Key(mismatch_is_final),
    },
    Invariant {
        name: "duplicate-is-no-mismatch",
        meaning: "a retry of the same payload is never called a reuse",
        rule: Rule::Key(duplicate_is_no_mismatch),
    },
    Invariant {
        name: "no-server-error",
        meaning: "no 5xx without a fault, but an honest 503 with Retry-After",
        rule: Rule::Key(no_server_error),
    },
    Invariant {
        name: "valid-is-accepted",
        meaning: "a valid order is accepted, replayed or told to wait, nothing else",
        rule: Rule::Key(valid_is_accepted),
    },
    Invariant {
        name: "conflict-needs-a-rival",
        meaning: "a request that is alone is not told that its key is in use",
        rule: Rule::Key(conflict_needs_a_rival),
    },
    Invariant {
        name: "says-when-to-retry",
        meaning: "who is told to wait is told how long",
        rule: Rule::Key(says_when_to_retry),
    },
    Invariant {
        name: "key-required",
        meaning: "a missing or blank key is refused, with the words of the contract",
        rule: Rule::Key(key_required),
    },
    Invariant {
        name: "key-syntax",
        meaning: "a malformed key, or two of them, is refused",
        rule: Rule::Key(key_syntax),
    },
    Invariant {
        name: "quoted-is-bare",
        meaning: "a quoted key is the bare key",
        rule: Rule::Key(quoted_is_bare),
    },
    Invariant {
        name: "same-json-same-payload",
        meaning: "an order in another JSON spelling is the same order",
        rule: Rule::Key(same_json),
    },
    Invariant {
        name: "invalid-spends-nothing",
        meaning: "an invalid body is refused and does not use up its key",
        rule: Rule::Key(invalid_spends_nothing),
    },
];

fn shown(answer: &Answer) -> String {
    format!("{} {:?}", answer.status, answer.body)
}

/// The answers to attempts that ask `asks`.
fn answers_to<'a>(
    view: &'a KeyView<'_>,
    asks: &'a [RequestKind],
) -> impl Iterator<Item = &'a Answer> {
    view.attempts
        .iter()
        .filter(|attempt| asks.contains(&attempt.invoked.kind))
        .filter_map(|attempt| attempt.answer())
}

fn one_payload(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let accepted = view.accepted();
    let Some((winner, _)) = accepted.first() else {
        return Finding::NotApplicable;
    };
    if view.only_kind(dialect).is_some() {
        return Finding::NotApplicable;
    }
    let loser = accepted
        .iter()
        .find(|(attempt, _)| kind(attempt, dialect) != kind(winner, dialect));
    loser.map_or(Finding::Held, |(attempt, answer)| {
        Finding::Violated(format!(
            "{:?} × {} was accepted with {}, after {:?} × {}",
            attempt.invoked.item,
            attempt.invoked.quantity,
            shown(answer),
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
    let mut finding = Finding::NotApplicable;
    for (attempt, answer) in view.answered() {
        let later = attempt.invoked.t > winner.outcome.t;
        let passing = answer.status >= 500 || answer.status == 429 || answer.is_success();
        if !later || passing || kind(attempt, dialect) == kind(winner, dialect) {
            continue;
        }
        let waits = answer.code.as_deref() == Some(IN_USE);
        if waits {
            return Finding::Violated(format!(
                "after the first payload was acknowledged: {}",
                shown(answer)
            ));
        }
        let foreign = kind(attempt, dialect).1.is_some();
        if !foreign && (answer.status != dialect.mismatch || answer.code.as_deref() != Some(REUSED))
        {
            finding = Finding::Deviation(format!("another payload was answered {}", shown(answer)));
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
        if kind(attempt, dialect) != winner {
            continue;
        }
        if answer.code.as_deref() == Some(REUSED) {
            return Finding::Violated(format!(
                "the winning payload was answered {}",
                shown(answer)
            ));
        }
        finding = Finding::Held;
    }
    finding
}

fn no_server_error(view: &KeyView<'_>, _: &Dialect) -> Finding {
    if view.met_process_fault() {
        return Finding::NotApplicable;
    }
    let answers = view.attempts.iter().filter_map(|one| one.answer());
    let mut finding = Finding::NotApplicable;
    for answer in answers {
        let honest = answer.status == 503 && answer.retry_after.is_some();
        if answer.status >= 500 && !honest {
            return Finding::Violated(format!("answered {}", shown(answer)));
        }
        finding = Finding::Held;
    }
    finding
}

fn valid_is_accepted(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let known =
        |status: u16| matches!(status, 200..300 | 409 | 429 | 500..) || status == dialect.mismatch;
    let mut finding = Finding::NotApplicable;
    for (attempt, answer) in view.answered() {
        if known(answer.status) {
            if finding == Finding::NotApplicable {
                finding = Finding::Held;
            }
            continue;
        }
        let same = |other: &Attempt| kind(other, dialect) == kind(attempt, dialect);
        let elsewhere = view.accepted().iter().any(|(other, _)| same(other));
        let words = format!("a valid order was answered {}", shown(answer));
        if elsewhere || matches!(answer.status, 300..400 | 404 | 405) {
            return Finding::Violated(words);
        }
        finding = Finding::Deviation(words);
    }
    finding
}

fn conflict_needs_a_rival(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let blurred = view.met_process_fault() || view.has_secrets() || view.was_misused();
    if blurred || view.only_kind(dialect).is_none() {
        return Finding::NotApplicable;
    }
    let mut finding = Finding::NotApplicable;
    for (attempt, answer) in view.answered() {
        let alone = !view.attempts.iter().any(|other| {
            other.invoked.n != attempt.invoked.n
                && other.invoked.t < attempt.outcome.t
                && other.outcome.t > attempt.invoked.t
        });
        if alone && answer.status == 409 {
            return Finding::Violated(format!("alone, and answered {}", shown(answer)));
        }
        if alone {
            finding = Finding::Held;
        }
    }
    finding
}

fn says_when_to_retry(view: &KeyView<'_>, _: &Dialect) -> Finding {
    let waits = view
        .answered()
        .map(|(_, answer)| answer)
        .filter(|answer| answer.code.as_deref() == Some(IN_USE) || answer.status == 503);
    let mut finding = Finding::NotApplicable;
    for answer in waits {
        if answer.retry_after.is_none() {
            return Finding::Deviation(format!("no Retry-After beside {}", shown(answer)));
        }
        finding = Finding::Held;
    }
    finding
}

fn key_required(view: &KeyView<'_>, _: &Dialect) -> Finding {
    const BODY: &str = r#"{"error":"Idempotency-Key header is required"}"#;
    let mut finding = Finding::NotApplicable;
    for answer in answers_to(view, &[RequestKind::MissingKey, RequestKind::BlankKey]) {
        if answer.is_success() {
            return Finding::Violated(format!("accepted without a key: {}", shown(answer)));
        }
        if (answer.status, answer.body.as_str()) != (400, BODY) {
            finding = Finding::Deviation(format!("without a key: {}", shown(answer)));
        } else if finding == Finding::NotApplicable {
            finding = Finding::Held;
        }
    }
    finding
}

fn key_syntax(view: &KeyView<'_>, _: &Dialect) -> Finding {
    let mut finding = Finding::NotApplicable;
    for answer in answers_to(view, &[RequestKind::BadKey, RequestKind::TwoKeys]) {
        if answer.status != 400 {
            return Finding::Deviation(format!("a malformed key was answered {}", shown(answer)));
        }
        finding = Finding::Held;
    }
    finding
}

fn quoted_is_bare(view: &KeyView<'_>, _: &Dialect) -> Finding {
    let bare = view.accepted();
    let mut finding = Finding::NotApplicable;
    for answer in answers_to(view, &[RequestKind::QuotedKey]) {
        let same = bare
            .first()
            .is_some_and(|(_, first)| first.bytes == answer.bytes);
        if !same {
            return Finding::Deviation(format!("the quoted key was answered {}", shown(answer)));
        }
        finding = Finding::Held;
    }
    finding
}

fn same_json(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let mut finding = Finding::NotApplicable;
    for (attempt, answer) in view.answered() {
        let spelling = attempt.invoked.spelling;
        if spelling == Spelling::Plain || attempt.invoked.payload != 0 {
            continue;
        }
        if dialect.foreign.contains(&spelling) {
            return Finding::Deviation(format!("spelled {spelling:?}: {}", shown(answer)));
        }
        if answer.is_success() {
            finding = Finding::Held;
        }
    }
    finding
}

fn invalid_spends_nothing(view: &KeyView<'_>, _: &Dialect) -> Finding {
    let Some(refusal) = answers_to(view, &[RequestKind::BadBody]).next() else {
        return Finding::NotApplicable;
    };
    if refusal.is_success() {
        return Finding::Deviation(format!("an invalid body was accepted: {}", shown(refusal)));
    }
    match view.answered().next() {
        Some((_, answer)) if !answer.is_success() => Finding::Deviation(format!(
            "the corrected body was answered {} under the same key",
            shown(answer)
        )),
        Some(_) => Finding::Held,
        None => Finding::NotApplicable,
    }
}
