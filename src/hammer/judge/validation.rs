//! Invariants about the syntax of keys and bodies.

use super::contract::KEY_REQUIRED;
use super::dialect::Dialect;
use super::invariant::{Finding, Invariant, Rule};
use super::view::KeyView;
use crate::hammer::history::Answer;
use crate::hammer::workload::{RequestKind, Spelling, Variant};

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "key-required",
        meaning: "a missing or blank key is refused with the exact body of the contract",
        rule: Rule::Key(key_required),
    },
    Invariant {
        name: "key-syntax",
        meaning: "a malformed key, or two keys, are refused with 400",
        rule: Rule::Key(key_syntax),
    },
    Invariant {
        name: "quoted-is-bare",
        meaning: "a quoted key is the same key as the bare one",
        rule: Rule::Key(quoted_is_bare),
    },
    Invariant {
        name: "same-json-same-payload",
        meaning: "an order in another JSON spelling is the same payload",
        rule: Rule::Key(same_json),
    },
    Invariant {
        name: "invalid-spends-nothing",
        meaning: "an invalid body is refused and does not use up its key",
        rule: Rule::Key(invalid_spends_nothing),
    },
];

/// The answers to requests of these kinds.
fn answers_to<'a>(
    view: &'a KeyView<'_>,
    kinds: &'a [RequestKind],
) -> impl Iterator<Item = &'a Answer> {
    view.attempts
        .iter()
        .filter(|attempt| kinds.contains(&attempt.invoked.kind))
        .filter_map(|attempt| attempt.answer())
}

fn key_required(view: &KeyView<'_>, _: &Dialect) -> Finding {
    let mut finding = Finding::NotApplicable;
    for answer in answers_to(view, &[RequestKind::MissingKey, RequestKind::BlankKey]) {
        if answer.is_success() {
            return Finding::Violated(format!("accepted without a key: {}", answer.summary()));
        }
        if (answer.status, answer.body.as_str()) != (400, KEY_REQUIRED) {
            finding = Finding::Deviation(format!(
                "a request without a key was answered {}",
                answer.summary()
            ));
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
            return Finding::Deviation(format!(
                "a malformed key was answered {}",
                answer.summary()
            ));
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
            return Finding::Deviation(format!("the quoted key was answered {}", answer.summary()));
        }
        finding = Finding::Held;
    }
    finding
}

fn same_json(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let mut finding = Finding::NotApplicable;
    for (attempt, answer) in view.answered() {
        let spelling = attempt.invoked.spelling;
        if spelling == Spelling::Plain || attempt.invoked.variant != Variant::First {
            continue;
        }
        if dialect.distinct_spellings.contains(&spelling) {
            return Finding::Deviation(format!(
                "the spelling {spelling:?} was answered {}",
                answer.summary()
            ));
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
        return Finding::Deviation(format!(
            "an invalid body was accepted: {}",
            refusal.summary()
        ));
    }
    match view.answered().next() {
        Some((_, answer)) if !answer.is_success() => Finding::Deviation(format!(
            "the corrected body was answered {} under the same key",
            answer.summary()
        )),
        Some(_) => Finding::Held,
        None => Finding::NotApplicable,
    }
}
