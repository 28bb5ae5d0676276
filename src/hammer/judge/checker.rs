//! The checker: one pass over the attempts of each key and what is stored of it.

use std::collections::HashMap;

use super::invariant::{Finding, Rule, all};
use super::terms::{Terms, speaks};
use super::verdict::{Exhibit, Judgement, Point, Violation};
use super::view::{self, KeyView, PageView};
use super::witness::{Meeting, meeting};
use crate::hammer::history::{Attempt, FaultSeen, Known, Page};

/// This many violations are kept with their words; all are counted.
const KEPT: usize = 100;
/// Of this many keys the whole timeline is kept.
const EXHIBITS: usize = 8;
/// This many answers are kept as points of a plot.
const POINTS: usize = 2500;

/// Judges one chapter and adds it to `judgement`.
pub(crate) fn judge(judgement: &mut Judgement, page: &Page) {
    let settle = judgement.header.settle_ms;
    let terms = judgement
        .terms
        .clone()
        .unwrap_or_else(|| Terms::learn(&page.attempts, settle));
    if judgement.terms.is_none()
        && let Err(words) = speaks(&page.attempts, &judgement.header.targets.join(", "))
    {
        judgement.doubt(words);
        // What is no server of orders breaks no promise about them.
        account(judgement, page, &terms);
        return;
    }
    let stored = view::stored(page);
    let keys = view::by_key(page, stored.as_ref());
    let view = PageView {
        page,
        keys,
        stored: stored.clone(),
    };
    let meetings: Vec<Meeting> = view.keys.iter().map(meeting).collect();
    for (key, meeting) in view.keys.iter().zip(&meetings) {
        judge_key(judgement, key, *meeting, &terms);
    }
    for invariant in all() {
        let Rule::Page(rule) = &invariant.rule else {
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
    judgement.coverage.count(&view, &meetings);
    judgement.exhibit(&view);
    judgement.count_until_convicted(&view);
    account(judgement, page, &terms);
    judgement.terms = Some(terms);
}

fn judge_key(judgement: &mut Judgement, key: &KeyView<'_>, meeting: Meeting, terms: &Terms) {
    for invariant in all() {
        if let Rule::Key(rule) = &invariant.rule {
            let finding = rule(key, terms);
            if finding != Finding::Silent {
                judgement.find(invariant.name, key.scenario, key.key, finding);
            }
        }
    }
    judgement.keys += 1;
    if meeting.most > 1 {
        judgement.contended += 1;
        *judgement.races.entry(key.scenario.to_owned()).or_default() += 1;
        *judgement.overlaps.entry(meeting.most).or_default() += 1;
    }
}

/// What does not depend on keys: numbers, oracles, troubles.
fn account(judgement: &mut Judgement, page: &Page, terms: &Terms) {
    for attempt in &page.attempts {
        judgement.count(attempt, terms);
    }
    for fault in &page.faults {
        let (tried, landed) = judgement.faults.entry(fault.fault.clone()).or_default();
        *tried += 1;
        *landed += u64::from(fault.landed);
        if fault.attempt.is_none() && judgement.strikes.len() < KEPT {
            judgement.strikes.push((fault.t, fault.fault.clone()));
        }
    }
    for read in &page.reads {
        if let Some(trouble) = &read.trouble {
            judgement.doubt(format!(
                "the oracle {} was not read to its end: {trouble}",
                read.oracle
            ));
        }
    }
    match &page.chapter {
        None => judgement.doubt("the history ends in the middle of the run".to_owned()),
        Some(chapter) => {
            judgement.interrupted |= chapter.interrupted;
            judgement.ended = chapter.t;
            for trouble in &chapter.troubles {
                judgement.doubt(trouble.clone());
            }
            if chapter.interrupted {
                judgement.doubt("the run was interrupted".to_owned());
            } else if !chapter.alive && judgement.doubts.is_empty() {
                judgement.doubt("at the end the target accepted no fresh order".to_owned());
            }
        }
    }
}

impl Judgement {
    fn doubt(&mut self, words: String) {
        if !self.doubts.contains(&words) && self.doubts.len() < KEPT {
            self.doubts.push(words);
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
            Finding::Silent => {}
            Finding::Held => cell.held += 1,
            Finding::Otherwise(seen) if !self.header.strict => {
                cell.otherwise += 1;
                if self.notes.iter().all(|note| note.invariant != invariant) {
                    self.notes.push(found(seen));
                }
            }
            Finding::Broken(seen) | Finding::Otherwise(seen) => {
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

    fn count(&mut self, attempt: &Attempt, terms: &Terms) {
        self.requests += 1;
        let (name, class) = match (attempt.known, attempt.answer()) {
            (Known::Ok, Some(answer)) if terms.is_fresh(answer) => ("fresh".to_owned(), 0),
            (Known::Ok, _) => ("replayed".to_owned(), 1),
            (_, Some(answer)) => (format!("refused {}", answer.status), 2),
            (Known::Fail, None) => ("not sent".to_owned(), 3),
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

    fn count_until_convicted(&mut self, view: &PageView<'_>) {
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

    fn exhibit(&mut self, view: &PageView<'_>) {
        let mut kinds = Vec::new();
        for violation in self.violations.clone() {
            let shown = self.exhibits.iter().any(|one| one.key == violation.key);
            // Two of a kind are enough: the next one may be of another.
            let kind = (violation.invariant, violation.scenario.clone());
            let alike = kinds.iter().filter(|one| **one == kind).count();
            if shown || alike >= 2 || self.exhibits.len() >= EXHIBITS {
                continue;
            }
            kinds.push(kind);
            let Some(key) = view.keys.iter().find(|key| key.key == violation.key) else {
                continue;
            };
            let numbers: Vec<u64> = key.attempts.iter().map(|one| one.invoked.n).collect();
            let is_its = |fault: &&FaultSeen| fault.attempt.is_some_and(|n| numbers.contains(&n));
            self.exhibits.push(Exhibit {
                key: violation.key,
                attempts: key.attempts.iter().map(|one| (*one).clone()).collect(),
                faults: view.page.faults.iter().filter(is_its).cloned().collect(),
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
        let mut page = Page::default();
        for event in events {
            page.add(serde_json::from_value::<Event>(event).unwrap());
        }
        let mut judgement = Judgement::new(serde_json::from_value(header).unwrap());
        judge(&mut judgement, &page);
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
