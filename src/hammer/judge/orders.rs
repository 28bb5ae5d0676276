//! Invariants about what is stored.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::dialect::Dialect;
use super::invariant::{Finding, Invariant, Rule};
use super::view::{CycleView, KeyView, normal, trusted};
use crate::hammer::history::{Completion, Order};
use crate::hammer::workload::RequestKind;

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "one-order",
        meaning: "at most one order is stored for one key",
        rule: Rule::Key(one_order),
    },
    Invariant {
        name: "acknowledged-is-stored",
        meaning: "an order that was answered with 2xx is stored",
        rule: Rule::Key(acknowledged_is_stored),
    },
    Invariant {
        name: "stored-as-answered",
        meaning: "the stored order is the one in the answer",
        rule: Rule::Key(stored_as_answered),
    },
    Invariant {
        name: "refused-stores-nothing",
        meaning: "a key whose every request was refused has no order",
        rule: Rule::Key(refused_stores_nothing),
    },
    Invariant {
        name: "nothing-unasked",
        meaning: "no order is stored that nobody asked for",
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
        count if count <= view.sharers + other_quoted(view) => Finding::Held,
        count if view.sharers > 1 => Finding::Violated(format!(
            "{count} orders are stored for {} keys with the same payload: {}",
            view.sharers,
            names(orders)
        )),
        count => Finding::Violated(format!("{count} orders are stored: {}", names(orders))),
    }
}

/// Where a quoted key is a key of its own, it has an order of its own.
fn other_quoted(view: &KeyView<'_>) -> usize {
    let quoted = view.attempts.iter().any(|one| {
        one.invoked.kind == RequestKind::QuotedKey
            && one.accepted().is_some_and(|answer| {
                view.accepted()
                    .iter()
                    .all(|(_, bare)| bare.order != answer.order)
            })
    });
    usize::from(quoted)
}

fn names(orders: &[&Order]) -> String {
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
            continue;
        };
        if !stored.contains_key(&normal(&order.id)) {
            return Finding::Violated(format!(
                "answered {} with order {}, which is not stored",
                answer.status, order.id
            ));
        }
        finding = Finding::Held;
    }
    finding
}

fn stored_as_answered(view: &KeyView<'_>, _: &Dialect) -> Finding {
    let Some(stored) = view.stored else {
        return Finding::NotApplicable;
    };
    let mut finding = Finding::NotApplicable;
    for (_, answer) in view.accepted() {
        let Some(told) = &answer.order else { continue };
        let Some(kept) = stored.get(&normal(&told.id)) else {
            continue;
        };
        if (&told.item, &told.quantity) != (&kept.item, &kept.quantity) {
            return Finding::Violated(format!(
                "answered item {:?} × {}, stored {:?} × {}",
                told.item, told.quantity, kept.item, kept.quantity
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
        .all(|one| one.completion == Completion::Fail && one.outcome.answer.is_some());
    match (refused && view.sharers == 1, orders.len()) {
        (false, _) => Finding::NotApplicable,
        (true, 0) => Finding::Held,
        (true, count) => Finding::Violated(format!(
            "every request was refused, and {count} orders are stored: {}",
            names(orders)
        )),
    }
}

fn nothing_unasked(view: &CycleView<'_>) -> Vec<(String, Finding)> {
    let Some(stored) = &view.stored else {
        return Vec::new();
    };
    let asked: HashSet<&str> = view
        .history
        .attempts
        .iter()
        .map(|attempt| attempt.invoked.item.as_str())
        .collect();
    stored
        .values()
        .filter(|order| !asked.contains(order.item.as_str()))
        .map(|order| {
            let words = format!(
                "order {} of item {:?}, which nobody asked for",
                order.id, order.item
            );
            (order.item.clone(), Finding::Violated(words))
        })
        .collect()
}

fn listed_once(view: &CycleView<'_>) -> Vec<(String, Finding)> {
    let mut seen = HashSet::new();
    let mut findings = Vec::new();
    for order in &view.history.stored {
        if !seen.insert((&order.oracle, normal(&order.id))) {
            let words = format!("{} names order {} more than once", order.oracle, order.id);
            findings.push((order.item.clone(), Finding::Deviation(words)));
        }
    }
    findings
}

fn oracles_agree(view: &CycleView<'_>) -> Vec<(String, Finding)> {
    let mut found: HashMap<&str, BTreeSet<String>> = HashMap::new();
    for read in view
        .history
        .reads
        .iter()
        .filter(|read| read.trouble.is_none())
    {
        found.entry(&read.oracle).or_default();
    }
    for order in &view.history.stored {
        if let Some(ids) = found.get_mut(order.oracle.as_str()) {
            ids.insert(normal(&order.id));
        }
    }
    let Some(first) = trusted(view.history) else {
        return Vec::new();
    };
    let differing = found
        .iter()
        .filter(|(other, ids)| **other != first && **ids != found[first])
        .map(|(other, ids)| {
            let missing = found[first].symmetric_difference(ids).next();
            let words = format!(
                "{first} finds {} orders and {other} {}; one of them is {}",
                found[first].len(),
                ids.len(),
                missing.map_or("", String::as_str)
            );
            ((*other).to_owned(), Finding::Violated(words))
        });
    differing.collect()
}
