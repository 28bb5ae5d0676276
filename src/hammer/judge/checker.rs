//! The checker: one pass over the attempts of each key and what is stored of it.

use std::collections::HashMap;

use super::catalogue::all;
use super::dialect::{Dialect, speaks_contract};
use super::invariant::{Finding, Rule};
use super::overlap::{Overlap, overlap};
use super::verdict::{Counterexample, Judgement, Point, Violation};
use super::view::{self, CycleView, KeyView};
use crate::hammer::history::{Attempt, Completion, CycleHistory, FaultSeen};

/// This many violations are kept with their words; all are counted.
const KEPT: usize = 100;
/// Of this many keys the whole timeline is kept.
const COUNTEREXAMPLES: usize = 8;
/// This many answers are kept as points of a plot.
const POINTS: usize = 2500;

/// Judges one cycle and adds it to `judgement`.
pub(crate) fn judge(judgement: &mut Judgement, history: &CycleHistory) {
    let settle = judgement.header.settle_ms;
    let dialect = judgement
        .dialect
        .clone()
        .unwrap_or_else(|| Dialect::learn(&history.attempts, settle));
    if judgement.dialect.is_none()
        && let Err(words) = speaks_contract(&history.attempts, &judgement.header.targets.join(", "))
    {
        judgement.add_inconclusive_reason(words);
        // What is no server of orders breaks no promise about them.
        account(judgement, history, &dialect);
        return;
    }
    let stored = view::stored(history);
    let keys = view::by_key(history, stored.as_ref());
    let view = CycleView {
        history,
        keys,
        stored: stored.clone(),
    };
    let overlaps: Vec<Overlap> = view.keys.iter().map(overlap).collect();
    for (key, overlap) in view.keys.iter().zip(&overlaps) {
        judge_key(judgement, key, *overlap, &dialect);
    }
    for invariant in all() {
        let Rule::Cycle(rule) = &invariant.rule else {
            continue;
        };
        let findings = rule(&view);
        if findings.is_empty() && stored.is_some() {
            judgement.find(invariant.name, "all", "", Finding::Held);
        }
        let owners: HashMap<&str, &str> = view
            .keys
            .iter()
            .map(|key| (key.key, key.scenario))
            .collect();
        for (key, finding) in findings {
            let scenario = owners.get(key.as_str()).copied().unwrap_or("all");
            judgement.find(invariant.name, scenario, &key, finding);
        }
    }
    judgement.coverage.count(&view, &overlaps);
    judgement.counterexample(&view);
    judgement.count_until_convicted(&view);
    account(judgement, history, &dialect);
    judgement.dialect = Some(dialect);
}

fn judge_key(judgement: &mut Judgement, key: &KeyView<'_>, overlap: Overlap, dialect: &Dialect) {
    for invariant in all() {
        if let Rule::Key(rule) = &invariant.rule {
            let finding = rule(key, dialect);
            if finding != Finding::NotApplicable {
                judgement.find(invariant.name, key.scenario, key.key, finding);
            }
        }
    }
    judgement.keys += 1;
    if overlap.most > 1 {
        judgement.contended += 1;
        *judgement.races.entry(key.scenario.to_owned()).or_default() += 1;
        *judgement.overlaps.entry(overlap.most).or_default() += 1;
    }
}

/// What does not depend on keys: numbers, oracles, troubles.
fn account(judgement: &mut Judgement, history: &CycleHistory, dialect: &Dialect) {
    for attempt in &history.attempts {
        judgement.count(attempt, dialect);
    }
    for fault in &history.faults {
        let (tried, landed) = judgement.faults.entry(fault.fault.clone()).or_default();
        *tried += 1;
        *landed += u64::from(fault.landed);
        if fault.attempt.is_none() && judgement.strikes.len() < KEPT {
            judgement.strikes.push((fault.t, fault.fault.clone()));
        }
    }
    for read in &history.reads {
        if let Some(trouble) = &read.trouble {
            judgement.add_inconclusive_reason(format!(
                "the oracle {} was not read to its end: {trouble}",
                read.oracle
            ));
        }
    }
    match &history.cycle {
        None => judgement
            .add_inconclusive_reason("the history ends in the middle of the run".to_owned()),
        Some(cycle) => {
            judgement.interrupted |= cycle.interrupted;
            judgement.ended = cycle.t;
            for trouble in &cycle.troubles {
                judgement.add_inconclusive_reason(trouble.clone());
            }
            if cycle.interrupted {
                judgement.add_inconclusive_reason("the run was interrupted".to_owned());
            } else if !cycle.alive && judgement.inconclusive_reasons.is_empty() {
                judgement.add_inconclusive_reason(
                    "at the end the target accepted no fresh order".to_owned(),
                );
            }
        }
    }
}

impl Judgement {
    fn add_inconclusive_reason(&mut self, words: String) {
        if !self.inconclusive_reasons.contains(&words) && self.inconclusive_reasons.len() < KEPT {
            self.inconclusive_reasons.push(words);
        }
    }

    fn find(&mut self, invariant: &'static str, scenario: &str, key: &str, finding: Finding) {
        let cell = self
            .grid
            .entry((invariant, scenario.to_owned()))
            .or_default();
        let found = |seen| Violation {
            invariant,
            scenario: scenario.to_owned(),
            key: key.to_owned(),
            seen,
        };
        match finding {
            Finding::NotApplicable => {}
            Finding::Held => cell.held += 1,
            Finding::Deviation(seen) if !self.header.strict => {
                cell.otherwise += 1;
                if self.notes.iter().all(|note| note.invariant != invariant) {
                    self.notes.push(found(seen));
                }
            }
            Finding::Violated(seen) | Finding::Deviation(seen) => {
                cell.broken += 1;
                self.violated += 1;
                self.convicting.insert(key.to_owned());
                // A flood of one kind must not hide the others.
                let alike = self
                    .violations
                    .iter()
                    .filter(|one| one.invariant == invariant);
                if alike.count() < KEPT / 10 {
                    self.violations.push(found(seen));
                }
            }
        }
    }

    fn count(&mut self, attempt: &Attempt, dialect: &Dialect) {
        self.requests += 1;
        let (name, class) = match (attempt.completion, attempt.answer()) {
            (Completion::Ok, Some(answer)) if dialect.is_fresh(answer) => ("fresh".to_owned(), 0),
            (Completion::Ok, _) => ("replayed".to_owned(), 1),
            (_, Some(answer)) => (format!("refused {}", answer.status), 2),
            (Completion::Fail, None) => ("not sent".to_owned(), 3),
            (_, None) => ("unknown".to_owned(), 3),
        };
        *self.outcomes.entry(name).or_default() += 1;
        let (Some(released), Some(first)) = (attempt.outcome.released, attempt.outcome.first_byte)
        else {
            return;
        };
        let latency = first.saturating_sub(released) / 1000;
        self.latency[class].saturating_record(latency.max(1));
        // Every attempt has the same chance to be drawn, whatever the length of the run.
        let point = Point {
            t: released,
            latency,
            class,
        };
        if self.points.len() < POINTS {
            self.points.push(point);
        } else {
            let mixed = attempt.invoked.n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
            let place = usize::try_from(mixed % self.requests).unwrap_or(POINTS);
            if let Some(old) = self.points.get_mut(place) {
                *old = point;
            }
        }
    }

    fn count_until_convicted(&mut self, view: &CycleView<'_>) {
        let mut keys: Vec<&KeyView<'_>> = view.keys.iter().collect();
        keys.sort_by_key(|key| key.attempts[0].invoked.n);
        let mut seen: HashMap<&str, u64> = HashMap::new();
        for key in keys {
            let count = seen.entry(key.scenario).or_default();
            *count += 1;
            if self.convicting.contains(key.key) {
                self.first.entry(key.scenario.to_owned()).or_insert(*count);
            }
        }
        self.convicting.clear();
    }

    fn counterexample(&mut self, view: &CycleView<'_>) {
        let mut kinds = Vec::new();
        for violation in self.violations.clone() {
            let shown = self
                .counterexamples
                .iter()
                .any(|one| one.key == violation.key);
            // Two of a kind are enough: the next one may be of another.
            let kind = (violation.invariant, violation.scenario.clone());
            let alike = kinds.iter().filter(|one| **one == kind).count();
            if shown || alike >= 2 || self.counterexamples.len() >= COUNTEREXAMPLES {
                continue;
            }
            kinds.push(kind);
            let Some(key) = view.keys.iter().find(|key| key.key == violation.key) else {
                continue;
            };
            let numbers: Vec<u64> = key.attempts.iter().map(|one| one.invoked.n).collect();
            let is_its = |fault: &&FaultSeen| fault.attempt.is_some_and(|n| numbers.contains(&n));
            self.counterexamples.push(Counterexample {
                key: violation.key,
                attempts: key.attempts.iter().map(|one| (*one).clone()).collect(),
                faults: view.history.faults.iter().filter(is_its).cloned().collect(),
                stored: key
                    .orders
                    .iter()
                    .flatten()
                    .map(|order| format!("{} · {:?} × {}", order.id, order.item, order.quantity))
                    .collect(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::hammer::history::Event;
    use crate::hammer::judge::Verdict;

    /// An attempt in two events; `end` is merged into the second.
    fn attempt(n: u64, key: &str, end: Value) -> [Value; 2] {
        let invoke = json!({
            "type": "invoke", "n": n, "t": n * 100, "scenario": "pair", "key": key, "lines": [key],
            "ask": "place", "payload": 0, "spelling": "plain", "item": key, "quantity": 1,
            "instance": 0, "gate": "last_byte", "fault": {"kind": "none"}, "struck": false, "drain": false,
        });
        let mut end = end;
        end["n"] = json!(n);
        end["t"] = json!(n * 100 + 150);
        end["released"] = json!(n * 100 + 10);
        [invoke, end]
    }

    fn ok(status: u16, id: &str, key: &str) -> Value {
        json!({"type": "ok", "answer": {
            "status": status, "replayed": status == 200, "location": "/orders/1", "body": id,
            "bytes": id, "json": id, "order": {"id": id, "item": key, "quantity": "1"},
        }})
    }

    fn lost() -> Value {
        json!({"type": "unknown", "error": "no complete answer within 1s"})
    }

    fn stored(id: &str, key: &str) -> Value {
        json!({"type": "stored", "id": id, "item": key, "quantity": "1", "oracle": "api"})
    }

    /// The judgement on a key `a`, of attempts with these ends and of these stored orders.
    fn judged(ends: Vec<Value>, orders: &[&str], trouble: Option<&str>) -> Judgement {
        let header = json!({
            "version": 1, "program": "0", "run": "r", "seed": 1, "profile": "quick", "targets": ["t"],
            "scenarios": ["pair"], "oracles": ["api"], "strict": false, "least_contended": 1,
            "settle_ms": 1, "started_unix_ms": 0, "cores": 1, "repeat": "",
        });
        let contract = attempt(1, "contract-0-0", ok(201, "1", "contract-0-0"));
        let mut events = contract.to_vec();
        events[0]["scenario"] = json!("contract");
        events.push(stored("1", "contract-0-0"));
        for (n, end) in (2..).zip(ends) {
            events.extend(attempt(n, "a", end));
        }
        events.extend(orders.iter().map(|id| stored(id, "a")));
        events.push(
            json!({"type": "oracle", "t": 9000, "oracle": "api", "orders": 1, "trouble": trouble}),
        );
        events.push(json!({"type": "chapter", "t": 9001, "troubles": [], "alive": true, "interrupted": false}));
        let mut history = CycleHistory::default();
        for event in events {
            history.add(serde_json::from_value::<Event>(event).unwrap());
        }
        let mut judgement = Judgement::new(serde_json::from_value(header).unwrap());
        judge(&mut judgement, &history);
        judgement
    }

    fn broken(judgement: &Judgement) -> Vec<&str> {
        judgement
            .violations
            .iter()
            .map(|one| one.invariant)
            .collect()
    }

    #[test]
    fn a_fresh_answer_and_its_replay_hold() {
        let judgement = judged(vec![ok(201, "x", "a"), ok(200, "x", "a")], &["x"], None);
        assert_eq!(broken(&judgement), Vec::<&str>::new());
        assert_eq!(judgement.contended, 1);
    }

    #[test]
    fn what_nobody_saw_convicts_nobody() {
        for orders in [&[][..], &["x"]] {
            let judgement = judged(vec![lost(), lost()], orders, None);
            assert_eq!(broken(&judgement), Vec::<&str>::new(), "{orders:?}");
        }
        // A replay whose first answer was lost is no replay of nothing.
        let judgement = judged(vec![lost(), ok(200, "x", "a")], &["x"], None);
        assert_eq!(broken(&judgement), Vec::<&str>::new());
    }

    #[test]
    fn a_second_order_convicts_whatever_was_answered() {
        let judgement = judged(vec![lost(), ok(201, "x", "a")], &["x", "y"], None);
        assert_eq!(broken(&judgement), ["one-order"]);
        assert_eq!(judgement.verdict(), Verdict::Violated);
    }

    #[test]
    fn a_lost_acknowledgement_convicts_only_when_the_oracle_was_read_to_its_end() {
        let judgement = judged(vec![ok(201, "x", "a")], &[], None);
        assert_eq!(broken(&judgement), ["acknowledged-is-stored"]);
        let judgement = judged(
            vec![ok(201, "x", "a")],
            &[],
            Some("the list does not get on"),
        );
        assert_eq!(broken(&judgement), Vec::<&str>::new());
        assert_eq!(judgement.verdict(), Verdict::Unknown);
    }

    #[test]
    fn a_replay_that_nobody_was_first_for_convicts() {
        let judgement = judged(vec![ok(200, "x", "a"), ok(200, "x", "a")], &["x"], None);
        assert_eq!(broken(&judgement), ["one-fresh"]);
    }
}
