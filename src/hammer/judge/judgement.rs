//! What the checker has found so far, and the verdict that follows from it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::answer_class::Latencies;
use super::coverage::Coverage;
use super::dialect::Dialect;
use super::evidence::{Counterexample, Ending, FaultCount, KeyCounts, Point, Scope, Violation};
use super::verdict::Verdict;
use crate::hammer::history::{Answer, Header};
use crate::hammer::workload::{FaultKind, Scenario};

/// What the checker found in all cycles so far. Its size is bounded.
#[derive(Debug, Clone)]
pub(crate) struct Judgement {
    pub(crate) header: Header,
    /// The dialect of the target, once it is known.
    pub(crate) dialect: Option<Dialect>,
    /// Examples of violations.
    pub(crate) violations: Vec<Violation>,
    /// The number of all violations.
    pub(crate) violated: u64,
    /// Examples of deviations from the contract that are not violations.
    pub(crate) deviations: Vec<Violation>,
    /// Keys by invariant and scenario.
    pub(crate) grid: BTreeMap<(&'static str, Scope), KeyCounts>,
    pub(crate) coverage: Coverage,
    pub(crate) counterexamples: Vec<Counterexample>,
    /// Reasons found by the checker why the verdict cannot be *held*.
    pub(crate) inconclusive_reasons: Vec<String>,
    pub(crate) requests: u64,
    pub(crate) keys: u64,
    /// The number of keys whose duplicates overlapped.
    pub(crate) contended: u64,
    /// Contended keys by scenario.
    pub(crate) races: BTreeMap<Scenario, u64>,
    /// Contended keys by the maximum number of attempts in flight.
    pub(crate) overlaps: BTreeMap<u64, u64>,
    /// Attempts by how they ended.
    pub(crate) endings: BTreeMap<Ending, u64>,
    pub(crate) faults: BTreeMap<FaultKind, FaultCount>,
    pub(crate) latencies: Latencies,
    /// A sample of all answers.
    pub(crate) points: Vec<Point>,
    /// Times and kinds of process faults.
    pub(crate) process_faults: Vec<(u64, FaultKind)>,
    /// By scenario, the number of keys up to the first violating one.
    pub(crate) keys_until_violation: BTreeMap<Scenario, u64>,
    pub(crate) interrupted: bool,
    /// When the last cycle ended.
    pub(crate) ended: u64,
    /// The violating keys of the current cycle.
    pub(super) violating: HashSet<String>,
}

impl Judgement {
    /// Starts a judgement without findings.
    pub(crate) fn new(header: Header) -> Self {
        Self {
            header,
            dialect: None,
            violations: Vec::new(),
            violated: 0,
            deviations: Vec::new(),
            grid: BTreeMap::new(),
            coverage: Coverage::default(),
            counterexamples: Vec::new(),
            inconclusive_reasons: Vec::new(),
            requests: 0,
            keys: 0,
            contended: 0,
            races: BTreeMap::new(),
            overlaps: BTreeMap::new(),
            endings: BTreeMap::new(),
            faults: BTreeMap::new(),
            latencies: Latencies::default(),
            points: Vec::new(),
            process_faults: Vec::new(),
            keys_until_violation: BTreeMap::new(),
            interrupted: false,
            ended: 0,
            violating: HashSet::new(),
        }
    }

    /// The verdict on everything so far.
    pub(crate) fn verdict(&self) -> Verdict {
        if self.violated > 0 {
            Verdict::Violated
        } else if self.all_inconclusive_reasons().is_empty() {
            Verdict::Held
        } else {
            Verdict::Unknown
        }
    }

    /// All reasons why the verdict cannot be *held*: those of the checker or, if there are none,
    /// what was not observed.
    pub(crate) fn all_inconclusive_reasons(&self) -> Vec<String> {
        let mut reasons = self.inconclusive_reasons.clone();
        if !reasons.is_empty() {
            return reasons;
        }
        let min = self.header.min_contended_keys;
        if self.contended < min {
            reasons.push(format!(
                "duplicates overlapped for only {} keys, at least {min} are needed",
                self.contended
            ));
        }
        if self.header.oracles.is_empty() && !self.header.judges_answers_alone() {
            reasons.push("no oracle was read, and answers alone prove nothing".to_owned());
        }
        for (row, count) in self.coverage.rows(&self.header) {
            if count == 0 {
                reasons.push(format!("never observed: {}", row.label()));
            }
        }
        reasons
    }

    /// The scopes of the grid: the planned scenarios that were played, then the run.
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        let played: BTreeSet<Scope> = self.grid.keys().map(|(_, scope)| *scope).collect();
        let planned = self.header.scenarios.iter();
        planned
            .map(|scenario| Scope::Scenario(*scenario))
            .chain([Scope::Run])
            .filter(|scope| played.contains(scope))
            .collect()
    }

    /// What the verdict does not cover, in words.
    pub(crate) fn limit(&self) -> Option<&'static str> {
        let alone = self.header.judges_answers_alone() && self.header.oracles.is_empty();
        alone.then_some(
            "judged by answers alone: the contract does not say where to count ([stored])",
        )
    }

    /// Whether the answer looks like the first one of its key.
    pub(crate) fn is_fresh(&self, answer: &Answer) -> bool {
        let dialect = self.dialect.as_ref();
        dialect.map_or(!answer.replayed, |dialect| dialect.is_fresh(answer))
    }

    /// The deviations of the dialect from the contract, in words. In a strict run they are
    /// violations.
    pub(crate) fn dialect_deviations(&self) -> Vec<String> {
        let dialect = self.dialect.as_ref().filter(|_| !self.header.strict);
        dialect.map(Dialect::deviations).unwrap_or_default()
    }
}
