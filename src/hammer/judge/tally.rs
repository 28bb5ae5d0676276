//! Adds findings, attempts and counterexamples to a judgement.

use std::collections::HashMap;

use super::evidence::{Counterexample, Ending, Point, Scope, Violation};
use super::invariant::Finding;
use super::judgement::Judgement;
use super::overlap::Overlap;
use super::view::{CycleView, KeyView};
use crate::hammer::history::{Attempt, Completion, FaultSeen, OracleRead};
use crate::hammer::workload::Scenario;

/// Maximum number of reasons and of process faults that are kept.
const MAX_KEPT: usize = 100;
/// Maximum number of violations of one invariant that are kept; all are counted.
const MAX_VIOLATIONS: usize = 10;
/// Maximum number of keys whose whole timeline is kept.
const MAX_COUNTEREXAMPLES: usize = 8;
/// Maximum number of answers that are kept for the latency plot.
const MAX_POINTS: usize = 2500;

impl Judgement {
    /// Adds a reason why the verdict cannot be *held*, unless it is known already.
    pub(super) fn add_inconclusive_reason(&mut self, reason: String) {
        let reasons = &mut self.inconclusive_reasons;
        if !reasons.contains(&reason) && reasons.len() < MAX_KEPT {
            reasons.push(reason);
        }
    }

    /// Adds what an invariant found about a key.
    pub(super) fn add_finding(
        &mut self,
        invariant: &'static str,
        scope: Scope,
        key: &str,
        finding: Finding,
    ) {
        let counts = self.grid.entry((invariant, scope)).or_default();
        let example = |seen| Violation {
            invariant,
            scope,
            key: key.to_owned(),
            seen,
        };
        let is_same = |known: &&Violation| known.invariant == invariant;
        match finding {
            Finding::NotApplicable => {}
            Finding::Held => counts.held += 1,
            Finding::Deviation(seen) if !self.header.strict => {
                counts.deviated += 1;
                if self.deviations.iter().find(is_same).is_none() {
                    self.deviations.push(example(seen));
                }
            }
            Finding::Violated(seen) | Finding::Deviation(seen) => {
                counts.violated += 1;
                self.violated += 1;
                self.violating.insert(key.to_owned());
                // A flood of one kind must not hide the others.
                if self.violations.iter().filter(is_same).count() < MAX_VIOLATIONS {
                    self.violations.push(example(seen));
                }
            }
        }
    }

    /// Counts a key and how its attempts overlapped.
    pub(super) fn add_key(&mut self, scenario: Scenario, overlap: Overlap) {
        self.keys += 1;
        if overlap.is_contended() {
            self.contended += 1;
            *self.races.entry(scenario).or_default() += 1;
            *self.overlaps.entry(overlap.max).or_default() += 1;
        }
    }

    /// Counts an attempt and samples its latency.
    pub(super) fn add_attempt(&mut self, attempt: &Attempt, is_fresh: bool) {
        self.requests += 1;
        let ending = match (attempt.completion, attempt.answer()) {
            (Completion::Ok, Some(_)) if is_fresh => Ending::Fresh,
            (Completion::Ok, _) => Ending::Replayed,
            (_, Some(answer)) => Ending::Refused(answer.status),
            (Completion::Fail, None) => Ending::NotSent,
            (_, None) => Ending::Unknown,
        };
        *self.endings.entry(ending).or_default() += 1;
        let outcome = &attempt.outcome;
        let (Some(released), Some(first_byte)) = (outcome.released, outcome.first_byte) else {
            return;
        };
        let latency = first_byte.saturating_sub(released) / 1000;
        self.latencies.record(ending.class(), latency.max(1));
        self.sample(
            attempt.invoked.n,
            Point {
                t: released,
                latency,
                class: ending.class(),
            },
        );
    }

    /// Keeps a sample in which every attempt has the same chance, whatever the length of the run.
    fn sample(&mut self, n: u64, point: Point) {
        if self.points.len() < MAX_POINTS {
            self.points.push(point);
        } else {
            let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
            let index = usize::try_from(mixed % self.requests).unwrap_or(MAX_POINTS);
            if let Some(kept) = self.points.get_mut(index) {
                *kept = point;
            }
        }
    }

    /// Counts a fault.
    pub(super) fn add_fault(&mut self, fault: &FaultSeen) {
        let count = self.faults.entry(fault.kind).or_default();
        count.injected += 1;
        count.landed += u64::from(fault.landed);
        if fault.attempt.is_none() && self.process_faults.len() < MAX_KEPT {
            self.process_faults.push((fault.t, fault.kind));
        }
    }

    /// Notes whether an oracle was read completely.
    pub(super) fn add_read(&mut self, read: &OracleRead) {
        if let Some(error) = &read.error {
            self.add_inconclusive_reason(format!(
                "oracle {} could not be read completely: {error}",
                read.oracle.name()
            ));
        }
    }

    /// Counts the keys of each scenario up to its first violating key.
    pub(super) fn count_keys_until_violation(&mut self, view: &CycleView<'_>) {
        let mut keys: Vec<&KeyView<'_>> = view.keys.iter().collect();
        keys.sort_by_key(|key| key.attempts[0].invoked.n);
        let mut counts: HashMap<Scenario, u64> = HashMap::new();
        for key in keys {
            let count = counts.entry(key.scenario).or_default();
            *count += 1;
            if self.violating.contains(key.key) {
                let first = self.keys_until_violation.entry(key.scenario);
                first.or_insert(*count);
            }
        }
        self.violating.clear();
    }

    /// Keeps everything that happened to some of the violating keys.
    pub(super) fn add_counterexamples(&mut self, view: &CycleView<'_>) {
        let mut kinds = Vec::new();
        for violation in self.violations.clone() {
            let known = self
                .counterexamples
                .iter()
                .any(|example| example.key == violation.key);
            // Two of a kind are enough: the next one may be of another kind.
            let kind = (violation.invariant, violation.scope);
            let same_kind = kinds.iter().filter(|one| **one == kind).count();
            if known || same_kind >= 2 || self.counterexamples.len() >= MAX_COUNTEREXAMPLES {
                continue;
            }
            kinds.push(kind);
            if let Some(key) = view.keys.iter().find(|key| key.key == violation.key) {
                self.counterexamples.push(counterexample(key, view));
            }
        }
    }
}

fn counterexample(key: &KeyView<'_>, view: &CycleView<'_>) -> Counterexample {
    let numbers: Vec<u64> = key.attempts.iter().map(|one| one.invoked.n).collect();
    let concerns_key = |fault: &&FaultSeen| fault.attempt.is_some_and(|n| numbers.contains(&n));
    Counterexample {
        key: key.key.to_owned(),
        attempts: key.attempts.iter().copied().cloned().collect(),
        faults: view
            .history
            .faults
            .iter()
            .filter(concerns_key)
            .cloned()
            .collect(),
        stored: key
            .orders
            .iter()
            .flatten()
            .map(|order| format!("{} · {:?} × {}", order.id, order.item, order.quantity))
            .collect(),
    }
}
