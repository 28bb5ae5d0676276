//! What the checker has found so far, and the verdict that follows from it.

use std::collections::{BTreeMap, HashSet};

use hdrhistogram::Histogram;

use super::coverage::Coverage;
use super::dialect::Dialect;
use crate::hammer::history::{Attempt, FaultSeen, Header};

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
pub(crate) struct Counterexample {
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

/// What the checker found, over all cycles so far. Its size does not depend on theirs.
#[derive(Debug, Clone)]
pub(crate) struct Judgement {
    pub(crate) header: Header,
    pub(crate) dialect: Option<Dialect>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) violated: u64,
    /// Choices that differ from the letter of the contract.
    pub(crate) notes: Vec<Violation>,
    pub(crate) grid: BTreeMap<(&'static str, String), Cell>,
    pub(crate) coverage: Coverage,
    pub(crate) counterexamples: Vec<Counterexample>,
    /// Why the verdict cannot be *held*.
    pub(crate) inconclusive_reasons: Vec<String>,
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
    /// The keys of this cycle that convict.
    pub(super) convicting: HashSet<String>,
}

impl Judgement {
    /// Nothing judged yet.
    pub(crate) fn new(header: Header) -> Self {
        let histogram =
            || Histogram::new_with_bounds(1, 120_000_000, 3).expect("bounds that make sense");
        Self {
            header,
            dialect: None,
            violations: Vec::new(),
            violated: 0,
            notes: Vec::new(),
            grid: BTreeMap::new(),
            coverage: Coverage::default(),
            counterexamples: Vec::new(),
            inconclusive_reasons: Vec::new(),
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
        } else if self.all_inconclusive_reasons().is_empty() {
            Verdict::Held
        } else {
            Verdict::Unknown
        }
    }

    /// Every reason not to call it held.
    pub(crate) fn all_inconclusive_reasons(&self) -> Vec<String> {
        let mut inconclusive_reasons = self.inconclusive_reasons.clone();
        if !inconclusive_reasons.is_empty() {
            return inconclusive_reasons;
        }
        let least = self.header.least_contended;
        if self.contended < least {
            inconclusive_reasons.push(format!(
                "the requests for only {} keys met; fewer than {least} prove nothing",
                self.contended
            ));
        }
        if self.header.oracles.is_empty() {
            inconclusive_reasons.push(
                "no oracle was asked what is stored: the answers alone prove nothing".to_owned(),
            );
        }
        for (row, count) in self.coverage.rows(&self.header) {
            if count == 0 {
                inconclusive_reasons.push(format!("never seen: {row}"));
            }
        }
        inconclusive_reasons
    }
}
