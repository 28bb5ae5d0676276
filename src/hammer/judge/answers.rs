//! Invariants about the 2xx answers of a key.

use std::collections::{BTreeMap, HashMap};

use super::dialect::{Dialect, list};
use super::invariant::{Finding, Invariant, Rule};
use super::view::{CycleView, KeyView, PayloadIdentity, normalize_id};
use crate::hammer::history::{Answer, Attempt, Order};

pub(super) const INVARIANTS: &[Invariant] = &[
    Invariant {
        name: "one-identity",
        meaning: "all 2xx answers for one key name the same order",
        rule: Rule::Key(one_identity),
    },
    Invariant {
        name: "distinct-keys",
        meaning: "different keys never get the same order, however similar they are",
        rule: Rule::Cycle(distinct_keys),
    },
    Invariant {
        name: "answer-is-an-order",
        meaning: "every 2xx answer is the requested order",
        rule: Rule::Key(answer_is_an_order),
    },
    Invariant {
        name: "same-bytes",
        meaning: "every 2xx answer to the same payload equals the first one, byte for byte",
        rule: Rule::Key(same_bytes),
    },
    Invariant {
        name: "one-fresh",
        meaning: "exactly one 2xx answer is fresh, all others are replays",
        rule: Rule::Key(one_fresh),
    },
    Invariant {
        name: "replay-as-announced",
        meaning: "replays under load have the same status and headers as replays at rest",
        rule: Rule::Key(replay_as_announced),
    },
    Invariant {
        name: "once-answered-always-answered",
        meaning: "after a 2xx, every later request with the same payload gets a 2xx",
        rule: Rule::Key(once_answered),
    },
    Invariant {
        name: "converges",
        meaning: "after the service is healed, retrying any key returns its order",
        rule: Rule::Key(converges),
    },
];

fn one_identity(view: &KeyView<'_>, _: &Dialect) -> Finding {
    // The ids as they were answered, by their normalized form.
    let mut ids: BTreeMap<String, &str> = BTreeMap::new();
    let mut answers = 0;
    for (_, answer) in view.accepted() {
        if let Some(order) = &answer.order {
            ids.entry(normalize_id(&order.id)).or_insert(&order.id);
            answers += 1;
        }
    }
    match answers {
        0 | 1 => Finding::NotApplicable,
        _ if ids.len() == 1 => Finding::Held,
        answers => {
            let shown: Vec<&str> = ids.values().take(4).copied().collect();
            Finding::Violated(format!(
                "{answers} answers name {} orders: {}",
                ids.len(),
                shown.join(", ")
            ))
        }
    }
}

fn distinct_keys(view: &CycleView<'_>) -> Vec<(String, Finding)> {
    let mut owners: HashMap<String, &str> = HashMap::new();
    let mut findings = Vec::new();
    for key in &view.keys {
        for (_, answer) in key.accepted() {
            let Some(order) = &answer.order else { continue };
            let owner = *owners.entry(normalize_id(&order.id)).or_insert(key.key);
            if owner != key.key {
                let words = format!("order {} was also the answer for key {owner}", order.id);
                findings.push((key.key.to_owned(), Finding::Violated(words)));
                break;
            }
        }
    }
    findings
}

fn answer_is_an_order(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let accepted = view.accepted();
    let echo = &dialect.contract.response.echo;
    let body = &dialect.contract.request.body;
    let repeats = |other: &Attempt, order: &Order| {
        let payload = other.invoked.payload();
        let marker = echo.marker.is_none() || body.marker_texts(&payload).contains(&order.item);
        let number = || body.number_texts(&payload).contains(&order.quantity);
        marker && (echo.number.is_none() || number())
    };
    for (attempt, answer) in &accepted {
        let Some(order) = &answer.order else {
            if !dialect.names_orders {
                continue;
            }
            return Finding::Violated(format!(
                "a {} names no order: {:?}",
                answer.status, answer.body
            ));
        };
        let identity = PayloadIdentity::of(attempt, dialect);
        let invoked = &attempt.invoked;
        // The order of a different payload of the key is reported by `one-payload`.
        let is_other_payload = view.placements().any(|other| {
            let is_other = PayloadIdentity::of(other, dialect) != identity;
            (is_other || !dialect.compares_payloads()) && repeats(other, order)
        });
        if !repeats(attempt, order) && !is_other_payload {
            return Finding::Violated(format!(
                "requested {:?} × {}, answered {:?} × {}",
                invoked.item, invoked.quantity, order.item, order.quantity
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
    let mut firsts: HashMap<PayloadIdentity, &Answer> = HashMap::new();
    let mut finding = Finding::NotApplicable;
    for (attempt, answer) in view.accepted() {
        let identity = PayloadIdentity::of(attempt, dialect);
        let first = *firsts.entry(identity).or_insert(answer);
        if std::ptr::eq(first, answer) {
            continue;
        }
        let required = dialect.same_body();
        if first.bytes != answer.bytes {
            let words = format!("{:?} was followed by {:?}", first.body, answer.body);
            let differs = first.json.is_none() || first.json != answer.json;
            if differs || required == Some(true) {
                return Finding::Violated(words);
            }
            if required == Some(false) {
                finding = Finding::Held;
                continue;
            }
            finding = Finding::Deviation(format!("the same JSON in different bytes: {words}"));
        } else if finding == Finding::NotApplicable {
            finding = Finding::Held;
        }
    }
    finding
}

fn one_fresh(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let accepted = view.accepted();
    if accepted.is_empty() || !dialect.distinguishes_fresh() {
        return Finding::NotApplicable;
    }
    let fresh = accepted
        .iter()
        .filter(|(_, answer)| dialect.is_fresh(answer))
        .count();
    match fresh {
        1 => Finding::Held,
        0 if view.may_have_lost_answers() => Finding::NotApplicable,
        0 => Finding::Violated(format!(
            "all {} answers are replays, none is the first answer",
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
        if dialect.distinguishes_fresh() && dialect.is_fresh(answer) {
            continue;
        }
        let expected = dialect.replay.contains(&answer.status);
        if !expected || answer.replayed != dialect.marks_replays {
            let mark = dialect
                .contract
                .response
                .mark()
                .map_or("a mark", |(name, _)| name);
            return Finding::Violated(format!(
                "replays are {} {} {mark}, this one is {} {}",
                list(&dialect.replay),
                with_or_without(dialect.marks_replays),
                answer.status,
                with_or_without(answer.replayed)
            ));
        }
        if dialect.replays_location && answer.location.is_none() {
            return Finding::Violated("a replay without Location".to_owned());
        }
        finding = Finding::Held;
    }
    finding
}

fn with_or_without(marker: bool) -> &'static str {
    if marker { "with" } else { "without" }
}

fn once_answered(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let accepted = view.accepted();
    let Some((winner, _)) = accepted.first() else {
        return Finding::NotApplicable;
    };
    let winning = PayloadIdentity::of(winner, dialect);
    let mut finding = Finding::NotApplicable;
    for (attempt, answer) in view.answered() {
        let later = attempt.invoked.t > winner.outcome.t;
        // Overload and server errors are judged by other invariants.
        let transient = answer.status >= 500 || answer.status == 429;
        if !later || transient || PayloadIdentity::of(attempt, dialect) != winning {
            continue;
        }
        if !dialect.settles(attempt, answer) {
            return Finding::Violated(format!(
                "answered {} {:?} after the order had been acknowledged",
                answer.status, answer.body
            ));
        }
        finding = Finding::Held;
    }
    finding
}

fn converges(view: &KeyView<'_>, dialect: &Dialect) -> Finding {
    let retried = view
        .placements()
        .filter(|attempt| attempt.invoked.drain)
        .last();
    let Some(last) = retried.filter(|_| view.drained && !view.had_invalid_body()) else {
        return Finding::NotApplicable;
    };
    if !view.accepted().is_empty() {
        return Finding::Held;
    }
    let nothing_is_stored = view.orders.as_ref().is_some_and(Vec::is_empty);
    if view.settled(dialect) > 0 && !nothing_is_stored {
        return Finding::Held;
    }
    let last = match last.answer() {
        // The key is not stuck: its order is refused, which `valid-is-accepted` reports.
        Some(answer) if matches!(answer.status, 400 | 413 | 415 | 422) => {
            return Finding::NotApplicable;
        }
        Some(answer) => format!("{} {:?}", answer.status, answer.body),
        None => last.outcome.error.clone().unwrap_or_default(),
    };
    let attempts = view.placements().count();
    Finding::Violated(format!("no order after {attempts} attempts, last: {last}"))
}
