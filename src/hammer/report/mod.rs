//! The verdict, for people and for machines.
//!
//! Owns how a judgement is presented. Adds nothing to it and leaves nothing out.

mod html;
mod json;
mod junit;
mod rows;
mod summary;
mod terminal;
mod text;
mod timeline;

use std::collections::BTreeMap;
use std::path::Path;

use super::error::RunError;
use super::history::CycleHistory;
use super::judge::{self, Judgement, Verdict};
use super::workload::Scenario;

/// The result of a run or a check.
#[derive(Debug)]
pub struct Report {
    judgement: Judgement,
    /// How many orders of the run the first oracle found, if it was read completely.
    stored_orders: Option<u64>,
    /// How many cycles were judged during the run and are not in the history.
    pub(super) missing_cycles: u32,
}

impl Report {
    pub(crate) fn new(judgement: Judgement) -> Self {
        Self {
            judgement,
            stored_orders: None,
            missing_cycles: 0,
        }
    }

    /// Judges one more cycle.
    pub(crate) fn add(&mut self, history: &CycleHistory) {
        judge::judge(&mut self.judgement, history);
        let read = history.reads.iter().find(|read| read.error.is_none());
        if let Some(read) = read {
            *self.stored_orders.get_or_insert(0) += read.orders;
        }
    }

    /// Whether another cycle can still change the verdict.
    pub(crate) fn may_go_on(&self) -> bool {
        self.judgement.verdict() != Verdict::Violated
            && self.judgement.inconclusive_reasons.is_empty()
    }

    /// The verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.judgement.verdict()
    }

    /// Whether the user interrupted the run.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.judgement.interrupted
    }

    /// The names of the violated invariants, sorted and each once.
    #[must_use]
    pub fn violated_invariants(&self) -> Vec<&'static str> {
        let violations = self.judgement.violations.iter();
        let mut names: Vec<_> = violations.map(|violation| violation.invariant).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// By scenario with a violation, the number of keys up to the first violating one.
    #[must_use]
    pub fn keys_until_violation(&self) -> &BTreeMap<Scenario, u64> {
        &self.judgement.keys_until_violation
    }

    /// The report as text for a terminal.
    #[must_use]
    pub fn text(&self, color: bool) -> String {
        terminal::render(self, color)
    }

    /// Writes `report.json`, `report.html`, `junit.xml` and `summary.md` into `folder`.
    pub fn write(&self, folder: &Path) -> Result<(), RunError> {
        let files = [
            ("report.json", json::render(self)),
            ("report.html", html::render(self)),
            ("junit.xml", junit::render(&self.judgement)),
            ("summary.md", summary::render(self)),
        ];
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::write(&path, text))
                .map_err(|source| RunError::Write { path, source })?;
        }
        Ok(())
    }
}
