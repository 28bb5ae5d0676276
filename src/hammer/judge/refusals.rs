//! Invariants about what is refused, and how.

use super::invariant::{Finding, Invariant, Rule};
use super::terms::Terms;
use super::view::{KeyView, kind};
use crate::hammer::history::{Answer, Attempt};
use crate::hammer::workload::{Ask, Spelling};

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
fn answers_to<'a>(view: &'a KeyView<'_>, asks: &'a [Ask]) -> impl Iterator<Item = &'a Answer> {
    view.attempts
        .iter()
        .filter(|attempt| asks.contains(&attempt.invoked.ask))
        .filter_map(|attempt| attempt.answer())
}

fn one_payload(view: &KeyView<'_>, terms: &Terms) -> Finding {
    let accepted = view.accepted();
    let Some((winner, _)) = accepted.first() else {
        return Finding::Silent;
    };
    if view.only_kind(terms).is_some() {
        return Finding::Silent;
    }
    let loser = accepted
        .iter()
        .find(|(attempt, _)| kind(attempt, terms) != kind(winner, terms));
    loser.map_or(Finding::Held, |(attempt, answer)| {
        Finding::Broken(format!(
            "{:?} × {} was accepted with {}, after {:?} × {}",
            attempt.invoked.item,
            attempt.invoked.quantity,
            shown(answer),
            winner.invoked.item,
            winner.invoked.quantity
        ))
    })
}

fn mismatch_is_final(view: &KeyView<'_>, terms: &Terms) -> Finding {
    let accepted = view.accepted();
    let Some((winner, _)) = accepted.first() else {
        return Finding::Silent;
    };
    let mut finding = Finding::Silent;
    for (attempt, answer) in view.answered() {
        let later = attempt.invoked.t > winner.outcome.t;
        let passing = answer.status >= 500 || answer.status == 429 || answer.is_success();
        if !later || passing || kind(attempt, terms) == kind(winner, terms) {
            continue;
        }
        let waits = answer.code.as_deref() == Some(IN_USE);
        if waits {
            return Finding::Broken(format!(
                "after the first payload was acknowledged: {}",
                shown(answer)
            ));
        }
        let foreign = kind(attempt, terms).1.is_some();
        if !foreign && (answer.status != terms.mismatch || answer.code.as_deref() != Some(REUSED)) {
            finding = Finding::Otherwise(format!("another payload was answered {}", shown(answer)));
        } else if finding == Finding::Silent {
            finding = Finding::Held;
        }
    }
    finding
}

fn duplicate_is_no_mismatch(view: &KeyView<'_>, terms: &Terms) -> Finding {
    let Some(winner) = view.winner(terms) else {
        return Finding::Silent;
    };
    let mut finding = Finding::Silent;
    for (attempt, answer) in view.answered() {
        if kind(attempt, terms) != winner {
            continue;
        }
        if answer.code.as_deref() == Some(REUSED) {
            return Finding::Broken(format!(
                "the winning payload was answered {}",
                shown(answer)
            ));
        }
        finding = Finding::Held;
    }
    finding
}

fn no_server_error(view: &KeyView<'_>, _: &Terms) -> Finding {
    if view.struck() {
        return Finding::Silent;
    }
    let answers = view.attempts.iter().filter_map(|one| one.answer());
    let mut finding = Finding::Silent;
    for answer in answers {
        let honest = answer.status == 503 && answer.retry_after.is_some();
        if answer.status >= 500 && !honest {
            return Finding::Broken(format!("answered {}", shown(answer)));
        }
        finding = Finding::Held;
    }
    finding
}

fn valid_is_accepted(view: &KeyView<'_>, terms: &Terms) -> Finding {
    let known =
        |status: u16| matches!(status, 200..300 | 409 | 429 | 500..) || status == terms.mismatch;
    let mut finding = Finding::Silent;
    for (attempt, answer) in view.answered() {
        if known(answer.status) {
            if finding == Finding::Silent {
                finding = Finding::Held;
            }
            continue;
        }
        let same = |other: &Attempt| kind(other, terms) == kind(attempt, terms);
        let elsewhere = view.accepted().iter().any(|(other, _)| same(other));
        let words = format!("a valid order was answered {}", shown(answer));
        if elsewhere || matches!(answer.status, 300..400 | 404 | 405) {
            return Finding::Broken(words);
        }
        finding = Finding::Otherwise(words);
    }
    finding
}

fn conflict_needs_a_rival(view: &KeyView<'_>, terms: &Terms) -> Finding {
    let blurred = view.struck() || view.has_secrets() || view.was_misused();
    if blurred || view.only_kind(terms).is_none() {
        return Finding::Silent;
    }
    let mut finding = Finding::Silent;
    for (attempt, answer) in view.answered() {
        let alone = !view.attempts.iter().any(|other| {
            other.invoked.n != attempt.invoked.n
                && other.invoked.t < attempt.outcome.t
                && other.outcome.t > attempt.invoked.t
        });
        if alone && answer.status == 409 {
            return Finding::Broken(format!("alone, and answered {}", shown(answer)));
        }
        if alone {
            finding = Finding::Held;
        }
    }
    finding
}

fn says_when_to_retry(view: &KeyView<'_>, _: &Terms) -> Finding {
    let waits = view
        .answered()
        .map(|(_, answer)| answer)
        .filter(|answer| answer.code.as_deref() == Some(IN_USE) || answer.status == 503);
    let mut finding = Finding::Silent;
    for answer in waits {
        if answer.retry_after.is_none() {
            return Finding::Otherwise(format!("no Retry-After beside {}", shown(answer)));
        }
        finding = Finding::Held;
    }
    finding
}

fn key_required(view: &KeyView<'_>, _: &Terms) -> Finding {
    const BODY: &str = r#"{"error":"Idempotency-Key header is required"}"#;
    let mut finding = Finding::Silent;
    for answer in answers_to(view, &[Ask::MissingKey, Ask::BlankKey]) {
        if answer.is_success() {
            return Finding::Broken(format!("accepted without a key: {}", shown(answer)));
        }
        if (answer.status, answer.body.as_str()) != (400, BODY) {
            finding = Finding::Otherwise(format!("without a key: {}", shown(answer)));
        } else if finding == Finding::Silent {
            finding = Finding::Held;
        }
    }
    finding
}

fn key_syntax(view: &KeyView<'_>, _: &Terms) -> Finding {
    let mut finding = Finding::Silent;
    for answer in answers_to(view, &[Ask::BadKey, Ask::TwoKeys]) {
        if answer.status != 400 {
            return Finding::Otherwise(format!("a malformed key was answered {}", shown(answer)));
        }
        finding = Finding::Held;
    }
    finding
}

fn quoted_is_bare(view: &KeyView<'_>, _: &Terms) -> Finding {
    let bare = view.accepted();
    let mut finding = Finding::Silent;
    for answer in answers_to(view, &[Ask::QuotedKey]) {
        let same = bare
            .first()
            .is_some_and(|(_, first)| first.bytes == answer.bytes);
        if !same {
            return Finding::Otherwise(format!("the quoted key was answered {}", shown(answer)));
        }
        finding = Finding::Held;
    }
    finding
}

fn same_json(view: &KeyView<'_>, terms: &Terms) -> Finding {
    let mut finding = Finding::Silent;
    for (attempt, answer) in view.answered() {
        let spelling = attempt.invoked.spelling;
        if spelling == Spelling::Plain || attempt.invoked.payload != 0 {
            continue;
        }
        if terms.foreign.contains(&spelling) {
            return Finding::Otherwise(format!("spelled {spelling:?}: {}", shown(answer)));
        }
        if answer.is_success() {
            finding = Finding::Held;
        }
    }
    finding
}

fn invalid_spends_nothing(view: &KeyView<'_>, _: &Terms) -> Finding {
    let Some(refusal) = answers_to(view, &[Ask::BadBody]).next() else {
        return Finding::Silent;
    };
    if refusal.is_success() {
        return Finding::Otherwise(format!("an invalid body was accepted: {}", shown(refusal)));
    }
    match view.answered().next() {
        Some((_, answer)) if !answer.is_success() => Finding::Otherwise(format!(
            "the corrected body was answered {} under the same key",
            shown(answer)
        )),
        Some(_) => Finding::Held,
        None => Finding::Silent,
    }
}
