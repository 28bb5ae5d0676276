//! Invariants about stored orders.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::dialect::Dialect;
use super::invariant::{Finding, Invariant, Rule};
use super::view::{CycleView, KeyView, normalize_id, trusted_oracle};
use crate::hammer::history::{Answer, Completion, OracleKind, Order, StoredOrder};
use crate::hammer::workload::RequestKind;

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "one-order",
        meaning: "at most one order is stored for one key",
        rule: Rule::Key(one_order),
    },
    Invariant {
        name: "acknowledged-is-stored",
        meaning: "every order acknowledged with 2xx is stored",
        rule: Rule::Key(acknowledged_is_stored),
    },
    Invariant {
        name: "stored-as-answered",
        meaning: "the stored order equals the one in the answer",
        rule: Rule::Key(stored_as_answered),
    },
    Invariant {
        name: "refused-stores-nothing",
        meaning: "a key whose every request was refused has no order",
        rule: Rule::Key(refused_stores_nothing),
    },
    Invariant {
        name: "nothing-unasked",
        meaning: "every stored order was requested",
        rule: Rule::Cycle(nothing_unasked),
    },
    Invariant {
        name: "listed-once",
        meaning: "the list of orders names each order once",
        rule: Rule::Cycle(listed_once),
    },
    Invariant {
        name: "oracles-agree",
        meaning: "all oracles find the same orders",
        rule: Rule::Cycle(oracles_agree),
    },
];

fn one_order(view: &KeyView<'_>, _: &Dialect) -> Finding {
    let Some(orders) = &view.orders else {
        return Finding::NotApplicable;
    };
    match orders.len() {
        0 => Finding::NotApplicable,
        count if count <= view.sharers + separate_quoted_key(view) => Finding::Held,
        count if view.sharers > 1 => Finding::Violated(format!(
            "{count} orders are stored for {} keys with the same payload: {}",
            view.sharers,
            ids(orders)
        )),
        count => Finding::Violated(format!("{count} orders are stored: {}", ids(orders))),
    }
}

/// The number of extra orders allowed: one if the target takes the quoted key for a key of its own,
/// or may have done so in an answer that was lost.
fn separate_quoted_key(view: &KeyView<'_>) -> usize {
    let separate = view.attempts.iter().any(|attempt| {
        let lost = attempt.completion == Completion::Unknown;
        attempt.invoked.kind == RequestKind::QuotedKey
            && (lost
                || attempt.accepted().is_some_and(|answer| {
                    // Without an identity, nobody knows.
                    let other = |bare: &Answer| bare.order.is_none() || bare.order != answer.order;
                    view.accepted().iter().all(|(_, bare)| other(bare))
                }))
    });
    usize::from(separate)
}

/// The first few ids, sorted.
fn ids(orders: &[&Order]) -> String {
    const SHOWN: usize = 4;
    let mut ids: Vec<&str> = orders.iter().map(|order| order.id.as_str()).collect();
    ids.sort_unstable();
    let more = if ids.len() > SHOWN { ", …" } else { "" };
    ids.truncate(SHOWN);
    ids.join(", ") + more
}

fn acknowledged_is_stored(view: &KeyView<'_>, _: &Dialect) -> Finding {
    let Some(stored) = view.stored else {
        return Finding::NotApplicable;
    };
    let mut finding = Finding::NotApplicable;
    for (_, answer) in view.accepted() {
        let Some(order) = &answer.order else {
            if view.orders.as_ref().is_some_and(Vec::is_empty) {
                return Finding::Violated(format!(
                    "answered {}, and nothing is stored for the key",
                    answer.status
                ));
            }
            finding = Finding::Held;
            continue;
        };
        if !stored.contains_key(&normalize_id(&order.id)) {
            return Finding::Violated(format!(
                "answered {} with order {}, which is not stored",
                answer.status, order.id
            ));
        }
        finding = Finding::Held;
    }
    finding
}

fn stored_as_answered(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let Some(stored) = view.stored else {
        return Finding::NotApplicable;
    };
    let mut finding = Finding::NotApplicable;
    let contract = &dialect.contract;
    let echo = &contract.response.echo;
    let keeps_number = contract
        .stored
        .as_ref()
        .is_some_and(|stored| stored.number.is_some());
    for (attempt, answer) in view.accepted() {
        let Some(answered) = &answer.order else {
            continue;
        };
        let Some(stored) = stored.get(&normalize_id(&answered.id)) else {
            continue;
        };
        let same_marker = if echo.marker.is_some() {
            answered.item == stored.item
        } else if dialect.compares_payloads() {
            let texts = contract
                .request
                .body
                .marker_texts(&attempt.invoked.payload());
            texts.contains(&stored.item)
        } else {
            true
        };
        let both = keeps_number && echo.number.is_some();
        if !same_marker || both && answered.quantity != stored.quantity {
            return Finding::Violated(format!(
                "answered item {:?} × {}, stored {:?} × {}",
                answered.item, answered.quantity, stored.item, stored.quantity
            ));
        }
        finding = Finding::Held;
    }
    finding
}

fn refused_stores_nothing(view: &KeyView<'_>, _: &Dialect) -> Finding {
    let Some(orders) = &view.orders else {
        return Finding::NotApplicable;
    };
    let refused = view
        .attempts
        .iter()
        .all(|attempt| attempt.completion == Completion::Fail && attempt.answer().is_some());
    // A lost answer may be the acknowledgement.
    let certain = refused && view.sharers == 1 && !view.may_have_lost_answers();
    match (certain, orders.len()) {
        (false, _) => Finding::NotApplicable,
        (true, 0) => Finding::Held,
        (true, count) => Finding::Violated(format!(
            "every request was refused, but {count} orders are stored: {}",
            ids(orders)
        )),
    }
}

fn nothing_unasked(view: &CycleView<'_>) -> Vec<(String, Finding)> {
    let Some(stored) = &view.stored else {
        return Vec::new();
    };
    let body = &view.contract.request.body;
    let attempts = view.history.attempts.iter();
    let requested: HashSet<String> = attempts
        .flat_map(|attempt| body.marker_texts(&attempt.invoked.payload()))
        .collect();
    stored
        .values()
        .filter(|order| !requested.contains(&order.item))
        .map(|order| {
            let words = format!(
                "order {} of item {:?} was never requested",
                order.id, order.item
            );
            (order.item.clone(), Finding::Violated(words))
        })
        .collect()
}

fn listed_once(view: &CycleView<'_>) -> Vec<(String, Finding)> {
    let mut seen = HashSet::new();
    let mut findings = Vec::new();
    for StoredOrder { order, oracle } in &view.history.stored {
        if !seen.insert((oracle, normalize_id(&order.id))) {
            let words = format!(
                "oracle {} names order {} more than once",
                oracle.name(),
                order.id
            );
            findings.push((order.item.clone(), Finding::Deviation(words)));
        }
    }
    findings
}

fn oracles_agree(view: &CycleView<'_>) -> Vec<(String, Finding)> {
    let Some(trusted) = trusted_oracle(view.history) else {
        return Vec::new();
    };
    let mut found: HashMap<OracleKind, BTreeSet<String>> = HashMap::new();
    let complete = view
        .history
        .reads
        .iter()
        .filter(|read| read.error.is_none());
    for read in complete {
        found.entry(read.oracle).or_default();
    }
    for StoredOrder { order, oracle } in &view.history.stored {
        if let Some(ids) = found.get_mut(oracle) {
            ids.insert(normalize_id(&order.id));
        }
    }
    let expected = &found[&trusted];
    let differing = found
        .iter()
        .filter(|(_, ids)| *ids != expected)
        .map(|(other, ids)| {
            let example = expected.symmetric_difference(ids).next();
            let words = format!(
                "oracle {} finds {} orders, {} finds {}; they differ in {}",
                trusted.name(),
                expected.len(),
                other.name(),
                ids.len(),
                example.map_or("", String::as_str)
            );
            (other.name().to_owned(), Finding::Violated(words))
        });
    differing.collect()
}
