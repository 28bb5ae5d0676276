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
