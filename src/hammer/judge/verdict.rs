//! From findings to a verdict.

use std::collections::{BTreeMap, HashMap, HashSet};

use hdrhistogram::Histogram;

use super::coverage::Coverage;
use super::invariant::{Finding, Rule, all};
use super::terms::{Terms, speaks};
use super::view::{self, KeyView, PageView};
use super::witness::{Meeting, meeting};
use crate::hammer::history::{Attempt, FaultSeen, Header, Known, Page};

/// This many violations are kept with their words; all are counted.
const KEPT: usize = 100;
/// Of this many keys the whole timeline is kept.
const EXHIBITS: usize = 8;
/// This many answers are kept as points of a plot.
const POINTS: usize = 2500;

/// What a run shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything that was seen keeps the promise, and enough was seen.
    Held,
    /// Something that was seen breaks it.
    Violated,
    /// Nothing that was seen breaks it, but not enough was seen.
    Unknown,
}

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) invariant: &'static str,
    pub(crate) scenario: String,
    pub(crate) key: String,
    pub(crate) seen: String,
}

/// How one invariant fared in one scenario, in keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) held: u64,
    pub(crate) broken: u64,
    pub(crate) otherwise: u64,
}

/// Everything that happened to a key that convicts.
#[derive(Debug, Clone)]
pub(crate) struct Exhibit {
    pub(crate) key: String,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) faults: Vec<FaultSeen>,
    /// Ids and contents of what is stored.
    pub(crate) stored: Vec<String>,
}

/// One answer on the latency plot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub(crate) t: u64,
    pub(crate) latency: u64,
    /// 0 fresh, 1 replay, 2 refused, 3 unknown.
    pub(crate) class: usize,
}

/// What the checker found, over all chapters so far. Its size does not depend on theirs.
#[derive(Debug, Clone)]
pub(crate) struct Judgement {
    pub(crate) header: Header,
    pub(crate) terms: Option<Terms>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) violated: u64,
    /// Choices that differ from the letter of the contract.
    pub(crate) notes: Vec<Violation>,
    pub(crate) grid: BTreeMap<(&'static str, String), Cell>,
    pub(crate) coverage: Coverage,
    pub(crate) exhibits: Vec<Exhibit>,
    /// Why the verdict cannot be *held*.
    pub(crate) doubts: Vec<String>,
    pub(crate) requests: u64,
    pub(crate) keys: u64,
    pub(crate) contended: u64,
    /// Contended keys by scenario.
    pub(crate) races: BTreeMap<String, u64>,
    /// Keys by the most attempts that met.
    pub(crate) overlaps: BTreeMap<u64, u64>,
    /// Attempts by how they ended.
    pub(crate) outcomes: BTreeMap<String, u64>,
    pub(crate) faults: BTreeMap<String, (u64, u64)>,
    /// Microseconds from the last byte to the first, by class of answer.
    pub(crate) latency: [Histogram<u64>; 4],
    pub(crate) points: Vec<Point>,
    /// When a process was struck, and how.
    pub(crate) strikes: Vec<(u64, String)>,
    /// How many keys of a scenario it took to convict, where one convicts.
    pub(crate) first: BTreeMap<String, u64>,
    pub(crate) interrupted: bool,
    pub(crate) ended: u64,
    /// The keys of this chapter that convict.
    convicting: HashSet<String>,
}

impl Judgement {
    /// Nothing judged yet.
    pub(crate) fn new(header: Header) -> Self {
        let histogram =
            || Histogram::new_with_bounds(1, 120_000_000, 3).expect("bounds that make sense");
        Self {
            header,
            terms: None,
            violations: Vec::new(),
            violated: 0,
            notes: Vec::new(),
            grid: BTreeMap::new(),
            coverage: Coverage::default(),
            exhibits: Vec::new(),
            doubts: Vec::new(),
            requests: 0,
            keys: 0,
            contended: 0,
            races: BTreeMap::new(),
            overlaps: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            faults: BTreeMap::new(),
            latency: [histogram(), histogram(), histogram(), histogram()],
            points: Vec::new(),
            strikes: Vec::new(),
            first: BTreeMap::new(),
            interrupted: false,
            ended: 0,
            convicting: HashSet::new(),
        }
    }

    /// The verdict on everything so far.
    pub(crate) fn verdict(&self) -> Verdict {
        if self.violated > 0 {
            Verdict::Violated
        } else if self.all_doubts().is_empty() {
            Verdict::Held
        } else {
            Verdict::Unknown
        }
    }

    /// Every reason not to call it held.
    pub(crate) fn all_doubts(&self) -> Vec<String> {
        let mut doubts = self.doubts.clone();
        if !doubts.is_empty() {
            return doubts;
        }
        let least = self.header.least_contended;
        if self.contended < least {
            doubts.push(format!(
                "the requests for only {} keys met; fewer than {least} prove nothing",
                self.contended
            ));
        }
        if self.header.oracles.is_empty() {
            doubts.push(
                "no oracle was asked what is stored: the answers alone prove nothing".to_owned(),
            );
        }
        for (row, count) in self.coverage.rows(&self.header) {
            if count == 0 {
                doubts.push(format!("never seen: {row}"));
            }
        }
        doubts
    }

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
        for violation in self.violations.clone() {
            let shown = self.exhibits.iter().any(|one| one.key == violation.key);
            if shown || self.exhibits.len() >= EXHIBITS {
                continue;
            }
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
            judgement.find(invariant.name, "everything", "", Finding::Held);
        }
        let owners: HashMap<&str, &str> = view
            .keys
            .iter()
            .map(|key| (key.key, key.scenario))
            .collect();
        for (key, finding) in findings {
            let scenario = owners.get(key.as_str()).copied().unwrap_or("everything");
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
