//! The verdict, for people and for machines.
//!
//! Owns how a judgement is presented. Adds nothing to it and leaves nothing out.

mod html;
mod json;
mod junit;
mod terminal;
mod text;
mod timeline;

use std::collections::BTreeMap;
use std::path::Path;

use super::error::RunError;
use super::judge::{Judgement, Verdict};
use super::workload::Scenario;

/// The result of a run or a check.
#[derive(Debug)]
pub struct Report {
    judgement: Judgement,
}

impl Report {
    pub(crate) fn new(judgement: Judgement) -> Self {
        Self { judgement }
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
        terminal::render(&self.judgement, color)
    }

    /// Writes `report.json`, `report.html` and `junit.xml` into `folder`.
    pub fn write(&self, folder: &Path) -> Result<(), RunError> {
        let files = [
            ("report.json", json::render(&self.judgement)),
            ("report.html", html::render(&self.judgement)),
            ("junit.xml", junit::render(&self.judgement)),
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
