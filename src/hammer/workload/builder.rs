//! Builds the attempts of one case.

use super::payload::Payload;
use super::plan::{Gate, PlannedAttempt};
use super::rng::CaseRng;
use super::scenario::Scenario;

/// What all cases of a cycle share.
#[derive(Debug, Clone)]
pub(crate) struct CaseContext {
    pub(crate) seed: u64,
    /// The name of the run and the number of the cycle, part of every key and item.
    pub(crate) run: String,
    /// The number of instances of the service.
    pub(crate) instances: usize,
    /// Whether the body of the contract has a number, which tells payloads apart.
    pub(crate) has_number: bool,
}

/// Builds the attempts of one case from its random choices.
pub(super) struct CaseBuilder<'a> {
    pub(super) context: &'a CaseContext,
    pub(super) scenario: Scenario,
    pub(super) number: u32,
    pub(super) rng: CaseRng,
}

impl CaseBuilder<'_> {
    /// The label of the key with this index in the case.
    pub(super) fn label(&self, index: u32) -> String {
        format!("{}-{}-{index}", self.scenario.name(), self.number)
    }

    /// The header value of the key `label`.
    pub(super) fn key(&self, label: &str) -> String {
        format!("hammer-{}-{label}", self.context.run)
    }

    /// A payload that no other key has.
    pub(super) fn payload(&mut self, label: &str) -> Payload {
        let quantity = 1 + self.rng.below(99);
        Payload::new(format!("hammer-{}-{label}", self.context.run), quantity)
    }

    /// An attempt under the key with this index in the case.
    pub(super) fn attempt(&mut self, index: u32) -> PlannedAttempt {
        let label = self.label(index);
        let payload = self.payload(&label);
        PlannedAttempt::place(&label, &self.key(&label), payload)
    }

    /// A random instance.
    pub(super) fn instance(&mut self) -> usize {
        let count = u32::try_from(self.context.instances).expect("a handful of instances");
        self.rng.below(count) as usize
    }

    /// A random gate, mostly the last byte: each gate finds bugs that the others miss.
    pub(super) fn gate(&mut self) -> Gate {
        match self.rng.below(10) {
            0..=5 => Gate::LastByte,
            6..=7 => Gate::Header,
            _ => Gate::Barrier,
        }
    }
}
