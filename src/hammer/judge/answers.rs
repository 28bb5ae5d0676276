//! Invariants about what is answered to the payload that a key belongs to.

use std::collections::{BTreeMap, HashMap};

use super::dialect::Dialect;
use super::invariant::{Finding, Invariant, Rule};
use super::view::{CycleView, KeyView, kind, normal};
use crate::hammer::history::Answer;

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "one-identity",
        meaning: "every 2xx answer to one key names the same order",
        rule: Rule::Key(one_identity),
    },
    Invariant {
        name: "distinct-keys",
        meaning: "different keys never get the same order, however alike they are",
        rule: Rule::Cycle(distinct_keys),
    },
    Invariant {
        name: "answer-is-an-order",
        meaning: "every 2xx answer is the order that was asked for",
        rule: Rule::Key(answer_is_an_order),
    },
    Invariant {
        name: "same-bytes",
        meaning: "every 2xx answer to one payload is the first answer, byte for byte",
        rule: Rule::Key(same_bytes),
    },
    Invariant {
        name: "one-fresh",
        meaning: "one answer is the fresh one, all others are replays",
        rule: Rule::Key(one_fresh),
    },
    Invariant {
        name: "replay-as-announced",
        meaning: "a replay under fire has the status and headers that it has at rest",
        rule: Rule::Key(replay_as_announced),
    },
    Invariant {
        name: "once-answered-always-answered",
        meaning: "after a 2xx every later request with the same payload gets it again",
        rule: Rule::Key(once_answered),
    },
    Invariant {
        name: "converges",
        meaning: "when all is healed, a retry of any key is answered with its order",
        rule: Rule::Key(converges),
    },
];

fn one_identity(view: &KeyView<'_>, _: &Dialect) -> Finding {
    let mut ids: BTreeMap<String, usize> = BTreeMap::new();
    for (_, answer) in view.accepted() {
        if let Some(order) = &answer.order {
            *ids.entry(normal(&order.id)).or_default() += 1;
        }
    }
    match ids.values().sum::<usize>() {
        0 | 1 => Finding::NotApplicable,
        _ if ids.len() == 1 => Finding::Held,
        answers => {
            let shown: Vec<&str> = ids.keys().take(4).map(String::as_str).collect();
            let words = format!(
                "{answers} answers name {} orders: {}",
                ids.len(),
                shown.join(", ")
            );
            Finding::Violated(words)
        }
    }
}

fn distinct_keys(view: &CycleView<'_>) -> Vec<(String, Finding)> {
    let mut owners: HashMap<String, &str> = HashMap::new();
    let mut findings = Vec::new();
    for key in &view.keys {
        for (_, answer) in key.accepted() {
            let Some(order) = &answer.order else { continue };
            let owner = *owners.entry(normal(&order.id)).or_insert(key.key);
            if owner != key.key {
                let words = format!("order {} was also answered to the key {owner}", order.id);
                findings.push((key.key.to_owned(), Finding::Violated(words)));
                break;
            }
        }
    }
    findings
}

fn answer_is_an_order(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let accepted = view.accepted();
    for (attempt, answer) in &accepted {
        let Some(order) = &answer.order else {
            let words = format!("a {} names no order: {:?}", answer.status, answer.body);
            return Finding::Violated(words);
        };
        let asked = &attempt.invoked;
        let told = (order.item.as_str(), order.quantity.as_str());
        let wanted = (asked.item.as_str(), asked.quantity.to_string());
        // The order of another payload is `one-payload`'s business.
        let is_rivals = view.places().any(|other| {
            kind(other, dialect) != kind(attempt, dialect)
                && told == (&other.invoked.item, &other.invoked.quantity.to_string())
        });
        if told != (wanted.0, &wanted.1) && !is_rivals {
            return Finding::Violated(format!(
                "asked for {:?} × {}, answered {:?} × {}",
                wanted.0, wanted.1, told.0, told.1
            ));
        }
    }
    if accepted.is_empty() {
        Finding::NotApplicable
    } else {
        Finding::Held
    }
}

fn same_bytes(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let mut firsts: HashMap<_, &Answer> = HashMap::new();
    let mut finding = Finding::NotApplicable;
    for (attempt, answer) in view.accepted() {
        let first = *firsts.entry(kind(attempt, dialect)).or_insert(answer);
        if std::ptr::eq(first, answer) {
            continue;
        }
        if first.bytes != answer.bytes {
            let words = format!("{:?} was followed by {:?}", first.body, answer.body);
            if first.json.is_none() || first.json != answer.json {
                return Finding::Violated(words);
            }
            finding = Finding::Deviation(format!("the same JSON in other bytes: {words}"));
        } else if finding == Finding::NotApplicable {
            finding = Finding::Held;
        }
    }
    finding
}

fn one_fresh(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let accepted = view.accepted();
    if accepted.is_empty() || !dialect.tells_fresh() {
        return Finding::NotApplicable;
    }
    let fresh = accepted
        .iter()
        .filter(|(_, answer)| dialect.is_fresh(answer))
        .count();
    match fresh {
        1 => Finding::Held,
        0 if view.has_secrets() => Finding::NotApplicable,
        0 => Finding::Violated(format!(
            "{} answers, all of them replays of an answer that nobody got",
            accepted.len()
        )),
        count => Finding::Violated(format!("{count} of {} answers are fresh", accepted.len())),
    }
}

fn replay_as_announced(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let accepted = view.accepted();
    let Some((_, first)) = accepted.first() else {
        return Finding::NotApplicable;
    };
    let mut finding = Finding::NotApplicable;
    for (_, answer) in &accepted {
        if let (Some(one), Some(other)) = (&first.location, &answer.location)
            && one != other
        {
            return Finding::Violated(format!("Location {one}, then {other}"));
        }
        if dialect.tells_fresh() && dialect.is_fresh(answer) {
            continue;
        }
        if answer.status != dialect.replay || answer.replayed != dialect.marker {
            return Finding::Violated(format!(
                "a replay is {} {} a mark at rest, and was {} {} one",
                dialect.replay,
                with(dialect.marker),
                answer.status,
                with(answer.replayed)
            ));
        }
        if dialect.location && answer.location.is_none() {
            return Finding::Violated("a replay lost its Location".to_owned());
        }
        finding = Finding::Held;
    }
    finding
}

fn with(marked: bool) -> &'static str {
    if marked { "with" } else { "without" }
}

fn once_answered(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let accepted = view.accepted();
    let Some((winner, _)) = accepted.first() else {
        return Finding::NotApplicable;
    };
    let mut finding = Finding::NotApplicable;
    for (attempt, answer) in view.answered() {
        let later = attempt.invoked.t > winner.outcome.t;
        // Of an overloaded or failing server other invariants speak.
        let passing = answer.status >= 500 || answer.status == 429;
        if !later || passing || kind(attempt, dialect) != kind(winner, dialect) {
            continue;
        }
        if !answer.is_success() {
            return Finding::Violated(format!(
                "answered {} {:?} after the order had been acknowledged",
                answer.status, answer.body
            ));
        }
        finding = Finding::Held;
    }
    finding
}

fn converges(view: &KeyView<'_>, _: &Dialect) -> Finding {
    let retried = view.places().filter(|attempt| attempt.invoked.drain).last();
    let Some(last) = retried.filter(|_| view.ended_well && !view.was_misused()) else {
        return Finding::NotApplicable;
    };
    if !view.accepted().is_empty() {
        return Finding::Held;
    }
    let seen = match last.answer() {
        // Not stuck: it is refused for what it is, which `valid-is-accepted` speaks about.
        Some(answer) if matches!(answer.status, 400 | 413 | 415 | 422) => {
            return Finding::NotApplicable;
        }
        Some(answer) => format!("{} {:?}", answer.status, answer.body),
        None => last.outcome.error.clone().unwrap_or_default(),
    };
    let tries = view.places().count();
    Finding::Violated(format!("after {tries} attempts still no order, but {seen}"))
}
