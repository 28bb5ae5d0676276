//! Invariants about the syntax of keys and bodies.

use super::dialect::Dialect;
use super::invariant::{Finding, Invariant, Rule};
use super::view::KeyView;
use crate::hammer::decode::json_digest;
use crate::hammer::history::{Answer, Attempt};
use crate::hammer::workload::{RequestKind, Spelling, Variant};

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "key-required",
        meaning: "a missing or blank key is refused as the contract says",
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

/// The body of the refusal of a missing or blank key in the contract of `orders`.
const KEY_REQUIRED: &str = r#"{"error":"Idempotency-Key header is required"}"#;

/// The answered requests of these kinds.
fn answers_to<'a>(
    view: &'a KeyView<'_>,
    kinds: &'a [RequestKind],
) -> impl Iterator<Item = (&'a Attempt, &'a Answer)> {
    view.attempts
        .iter()
        .copied()
        .filter(|attempt| kinds.contains(&attempt.invoked.kind))
        .filter_map(|attempt| Some((attempt, attempt.answer()?)))
}

fn key_required(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let declared = dialect.contract.response.missing_key.as_ref();
    if dialect.declared && declared.is_some_and(Vec::is_empty) {
        // The key is optional.
        return Finding::NotApplicable;
    }
    let mut finding = Finding::NotApplicable;
    let kinds = [RequestKind::MissingKey, RequestKind::BlankKey];
    for (attempt, answer) in answers_to(view, &kinds) {
        // Whether a blank key is a missing one is not declared.
        let lenient = dialect.declared && attempt.invoked.kind == RequestKind::BlankKey;
        if attempt.accepted().is_some() && !lenient {
            let words = format!("accepted without a key: {}", answer.summary());
            return Finding::Violated(words);
        }
        let as_agreed = match declared.filter(|_| dialect.declared) {
            Some(statuses) => statuses.contains(&answer.status),
            None if dialect.declared => (400..500).contains(&answer.status),
            None => answer.status == 400 && answer.json == Some(required_body()),
        };
        if !as_agreed {
            let words = format!("a request without a key was answered {}", answer.summary());
            if dialect.declared && !lenient {
                return Finding::Violated(words);
            }
            finding = Finding::Deviation(words);
        } else if finding == Finding::NotApplicable {
            finding = Finding::Held;
        }
    }
    finding
}

/// Digest of the refusal of a missing key. White space and the order of members do not matter.
fn required_body() -> String {
    json_digest(&serde_json::from_str(KEY_REQUIRED).unwrap_or_default())
}

fn key_syntax(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    if dialect.declared {
        // A declared contract has no syntax of keys.
        return Finding::NotApplicable;
    }
    let mut finding = Finding::NotApplicable;
    for (_, answer) in answers_to(view, &[RequestKind::BadKey, RequestKind::TwoKeys]) {
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

fn quoted_is_bare(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    if dialect.declared {
        return Finding::NotApplicable;
    }
    let bare = view.accepted();
    let mut finding = Finding::NotApplicable;
    for (_, answer) in answers_to(view, &[RequestKind::QuotedKey]) {
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
        if dialect.settles(attempt, answer) {
            finding = Finding::Held;
        }
    }
    finding
}

fn invalid_spends_nothing(view: &KeyView<'_>, _: &Dialect) -> Finding {
    let Some((attempt, refusal)) = answers_to(view, &[RequestKind::BadBody]).next() else {
        return Finding::NotApplicable;
    };
    if attempt.accepted().is_some() {
        return Finding::Deviation(format!(
            "an invalid body was accepted: {}",
            refusal.summary()
        ));
    }
    match view.answered().next() {
        Some((attempt, answer)) if attempt.accepted().is_none() => Finding::Deviation(format!(
            "the corrected body was answered {} under the same key",
            answer.summary()
        )),
        Some(_) => Finding::Held,
        None => Finding::NotApplicable,
    }
}
