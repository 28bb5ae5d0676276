//! The verdict, for people and for machines.
//!
//! Owns how a judgement is shown. Adds nothing to it and takes nothing away.

mod html;
mod json;
mod junit;
mod markup;
mod plot;
mod terminal;
mod timeline;
mod timeline_svg;

use std::collections::BTreeMap;
use std::path::Path;

use super::error::RunError;
use super::judge::{Judgement, Verdict};

/// What a run or a check found, ready to be shown.
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

    /// Whether the user stopped the run.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.judgement.interrupted
    }

    /// The names of the broken invariants, each once.
    #[must_use]
    pub fn broken(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self
            .judgement
            .violations
            .iter()
            .map(|one| one.invariant)
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// How many keys of a scenario it took to convict, by scenarios that convict.
    #[must_use]
    pub fn keys_until_convicted(&self) -> &BTreeMap<String, u64> {
        &self.judgement.first
    }

    /// For the terminal.
    #[must_use]
    pub fn text(&self, color: bool) -> String {
        terminal::render(&self.judgement, color)
    }

    /// `report.json`.
    #[must_use]
    pub fn json(&self) -> String {
        json::render(&self.judgement)
    }

    /// Writes `report.json`, `report.html` and `junit.xml` into `folder`.
    pub fn write(&self, folder: &Path) -> Result<(), RunError> {
        let junit = junit::render(&self.judgement);
        let files = [
            ("report.json", self.json()),
            ("report.html", html::render(&self.judgement)),
            ("junit.xml", junit),
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
