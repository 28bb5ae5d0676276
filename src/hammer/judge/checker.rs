//! The checker: one pass over the attempts of each key and the orders stored for it.

use std::collections::HashMap;

use super::catalogue::invariants;
use super::dialect::{Dialect, speaks_contract};
use super::evidence::Scope;
use super::invariant::{Finding, Rule};
use super::judgement::Judgement;
use super::overlap::Overlap;
use super::view::{self, CycleView};
use crate::hammer::history::{Cycle, CycleHistory};
use crate::hammer::workload::Scenario;

/// What is still judged of a key under which an invalid body was accepted.
const AFTER_INVALID_BODY: [&str; 2] = ["one-order", "invalid-spends-nothing"];

/// Judges one cycle and adds it to `judgement`.
pub(crate) fn judge(judgement: &mut Judgement, history: &CycleHistory) {
    let dialect = match &judgement.dialect {
        Some(dialect) => dialect.clone(),
        None => Dialect::learn(&history.attempts, &judgement.header),
    };
    let target = judgement.header.targets.join(", ");
    if judgement.dialect.is_none()
        && let Err(reason) =
            speaks_contract(&history.attempts, judgement.header.contract(), &target)
    {
        // A server that takes no orders breaks no promise about them.
        judgement.add_inconclusive_reason(reason);
        count(judgement, history, &dialect);
        return;
    }
    let stored = view::stored(history);
    let view = CycleView {
        history,
        keys: view::by_key(history, stored.as_ref(), &dialect.contract),
        contract: &dialect.contract,
        stored: stored.clone(),
    };
    let overlaps: Vec<Overlap> = view.keys.iter().map(Overlap::of).collect();
    if judgement.dialect.is_none() {
        judge_at_rest(judgement, &dialect);
    }
    judge_keys(judgement, &view, &dialect);
    judge_cycle(judgement, &view);
    for (key, overlap) in view.keys.iter().zip(&overlaps) {
        judgement.add_key(key.scenario, *overlap);
    }
    judgement.coverage.count(&view, &dialect, &overlaps);
    judgement.add_counterexamples(&view);
    judgement.count_keys_until_violation(&view);
    count(judgement, history, &dialect);
    judgement.dialect = Some(dialect);
}

/// Checks the dialect itself. A run that is not strict reports its deviations without judging them.
fn judge_at_rest(judgement: &mut Judgement, dialect: &Dialect) {
    for invariant in invariants() {
        let Rule::AtRest(rule) = &invariant.rule else {
            continue;
        };
        let deviations = rule(dialect);
        let scope = Scope::Scenario(Scenario::Contract);
        if deviations.is_empty() {
            judgement.add_finding(invariant.name, scope, "", Finding::Held);
        } else if judgement.header.strict {
            for words in deviations {
                judgement.add_finding(invariant.name, scope, "", Finding::Deviation(words));
            }
        }
    }
}

/// Checks the invariants that concern one key at a time.
fn judge_keys(judgement: &mut Judgement, view: &CycleView<'_>, dialect: &Dialect) {
    for key in &view.keys {
        let lax = key.accepted_invalid_body();
        for invariant in invariants() {
            let Rule::Key(rule) = &invariant.rule else {
                continue;
            };
            if lax && !AFTER_INVALID_BODY.contains(&invariant.name) {
                continue;
            }
            let finding = rule(key, dialect);
            if finding != Finding::NotApplicable {
                let scope = Scope::Scenario(key.scenario);
                judgement.add_finding(invariant.name, scope, key.key, finding);
            }
        }
    }
}

/// Checks the invariants that concern the cycle as a whole.
fn judge_cycle(judgement: &mut Judgement, view: &CycleView<'_>) {
    let scopes: HashMap<&str, Scope> = view
        .keys
        .iter()
        .map(|key| (key.key, Scope::Scenario(key.scenario)))
        .collect();
    for invariant in invariants() {
        let Rule::Cycle(rule) = &invariant.rule else {
            continue;
        };
        let findings = rule(view);
        if findings.is_empty() && view.stored.is_some() {
            judgement.add_finding(invariant.name, Scope::Run, "", Finding::Held);
        }
        for (key, finding) in findings {
            let scope = scopes.get(key.as_str()).copied().unwrap_or(Scope::Run);
            judgement.add_finding(invariant.name, scope, &key, finding);
        }
    }
}

/// Counts what does not depend on keys: attempts, faults, oracles, problems.
fn count(judgement: &mut Judgement, history: &CycleHistory, dialect: &Dialect) {
    for attempt in &history.attempts {
        let is_fresh = attempt
            .answer()
            .is_some_and(|answer| dialect.is_fresh(answer));
        judgement.add_attempt(attempt, is_fresh);
    }
    for fault in &history.faults {
        judgement.add_fault(fault);
    }
    for read in &history.reads {
        judgement.add_read(read);
    }
    match &history.cycle {
        None => judgement
            .add_inconclusive_reason("the history ends in the middle of the run".to_owned()),
        Some(cycle) => end_cycle(judgement, cycle),
    }
}

/// Notes how the cycle ended.
fn end_cycle(judgement: &mut Judgement, cycle: &Cycle) {
    judgement.interrupted |= cycle.interrupted;
    judgement.ended = cycle.t;
    for problem in &cycle.problems {
        judgement.add_inconclusive_reason(problem.clone());
    }
    if cycle.interrupted {
        judgement.add_inconclusive_reason("the run was interrupted".to_owned());
    } else if !cycle.accepts_orders && judgement.inconclusive_reasons.is_empty() {
        judgement
            .add_inconclusive_reason("the target accepted no fresh order at the end".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::hammer::history::Event;
    use crate::hammer::judge::Verdict;

    /// The two events of an attempt; `end` is merged into the second.
    fn attempt(n: u64, key: &str, end: Value) -> [Value; 2] {
        let invoke = json!({
            "type": "invoke", "n": n, "t": n * 100, "scenario": "pair", "key": key, "lines": [key],
            "ask": "place", "payload": 0, "spelling": "plain", "item": key, "quantity": 1,
            "instance": 0, "gate": "last_byte", "fault": {"kind": "none"}, "struck": false, "drain": false,
        });
        let mut invoke = invoke;
        let mut end = end;
        if let Some(kind) = end.as_object_mut().and_then(|end| end.remove("ask")) {
            invoke["ask"] = kind;
        }
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

    /// Judges a key `a` whose attempts have these ends, with these stored orders.
    fn judged(ends: Vec<Value>, orders: &[&str], oracle_error: Option<&str>) -> Judgement {
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
        events.push(json!({
            "type": "oracle", "t": 9000, "oracle": "api", "orders": 1, "trouble": oracle_error,
        }));
        events.push(json!({
            "type": "chapter", "t": 9001, "troubles": [], "alive": true, "interrupted": false,
        }));
        let mut history = CycleHistory::default();
        for event in events {
            history.add(serde_json::from_value::<Event>(event).unwrap());
        }
        let mut judgement = Judgement::new(serde_json::from_value(header).unwrap());
        judge(&mut judgement, &history);
        judgement
    }

    fn violated(judgement: &Judgement) -> Vec<&str> {
        judgement
            .violations
            .iter()
            .map(|violation| violation.invariant)
            .collect()
    }

    #[test]
    fn a_fresh_answer_and_its_replay_hold() {
        let judgement = judged(vec![ok(201, "x", "a"), ok(200, "x", "a")], &["x"], None);
        assert_eq!(violated(&judgement), Vec::<&str>::new());
        assert_eq!(judgement.contended, 1);
    }

    #[test]
    fn lost_answers_are_no_violation() {
        for orders in [&[][..], &["x"]] {
            let judgement = judged(vec![lost(), lost()], orders, None);
            assert_eq!(violated(&judgement), Vec::<&str>::new(), "{orders:?}");
        }
        // The fresh answer may be the one that was lost.
        let judgement = judged(vec![lost(), ok(200, "x", "a")], &["x"], None);
        assert_eq!(violated(&judgement), Vec::<&str>::new());
    }

    #[test]
    fn a_second_order_is_a_violation_whatever_was_answered() {
        let judgement = judged(vec![lost(), ok(201, "x", "a")], &["x", "y"], None);
        assert_eq!(violated(&judgement), ["one-order"]);
        assert_eq!(judgement.verdict(), Verdict::Violated);
    }

    #[test]
    fn a_quoted_key_may_be_a_key_of_its_own_even_if_its_answer_is_lost() {
        let mut quoted = lost();
        quoted["ask"] = json!("quoted_key");
        let judgement = judged(vec![ok(201, "x", "a"), quoted], &["x", "y"], None);
        assert_eq!(violated(&judgement), Vec::<&str>::new());
    }

    #[test]
    fn a_missing_order_is_a_violation_only_if_the_oracle_was_read_completely() {
        let judgement = judged(vec![ok(201, "x", "a")], &[], None);
        assert_eq!(violated(&judgement), ["acknowledged-is-stored"]);
        let error = Some("the list does not advance");
        let judgement = judged(vec![ok(201, "x", "a")], &[], error);
        assert_eq!(violated(&judgement), Vec::<&str>::new());
        assert_eq!(judgement.verdict(), Verdict::Unknown);
    }

    #[test]
    fn replays_without_a_fresh_answer_are_a_violation() {
        let judgement = judged(vec![ok(200, "x", "a"), ok(200, "x", "a")], &["x"], None);
        assert_eq!(violated(&judgement), ["one-fresh"]);
    }
}
