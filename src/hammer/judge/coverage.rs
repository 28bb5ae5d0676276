//! What was really exercised. A row that stayed empty means that the run proves less than it was
//! meant to, so its verdict is at best unknown.

use std::collections::BTreeMap;

use super::overlap::Overlap;
use super::view::{CycleView, KeyView};
use crate::hammer::history::{Completion, Header};

/// Things that were seen to happen, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Coverage(BTreeMap<&'static str, u64>);

/// What a row counts, and the scenarios that are meant to fill it.
const ROWS: &[(&str, &[&str])] = &[
    (
        "requests for one key met",
        &["pair", "burst", "crowd", "stagger", "mix"],
    ),
    ("replays", &["contract", "pair", "burst"]),
    (
        "other payloads refused",
        &["contract", "mismatch", "mismatch-race"],
    ),
    ("different payloads met", &["mismatch-race"]),
    ("requests on different instances met", &["across"]),
    ("clients vanished before the answer", &["vanish"]),
    ("lost answers", &["lost-answer"]),
    ("lost answers recovered by a retry", &["lost-answer"]),
    ("requests cut on the way", &["cut"]),
    ("answers cut on the way", &["cut"]),
    ("requests delivered twice", &["cut"]),
    ("duplicates after everything was over", &["late"]),
    ("kills with requests in flight", &["kill"]),
    ("stops with requests in flight", &["pause"]),
    ("orders read back", &["contract"]),
];

impl Coverage {
    /// Counts one cycle.
    pub(super) fn count(&mut self, view: &CycleView<'_>, overlaps: &[Overlap]) {
        let met = |test: fn(&Overlap) -> bool| overlaps.iter().filter(|one| test(one)).count();
        self.add("requests for one key met", met(|one| one.most > 1));
        self.add("different payloads met", met(|one| one.mismatched));
        self.add("requests on different instances met", met(|one| one.across));
        let answers = || {
            view.history
                .attempts
                .iter()
                .filter_map(|one| Some((one, one.answer()?)))
        };
        let repeated = |key: &KeyView<'_>| key.accepted().len().saturating_sub(1);
        self.add("replays", view.keys.iter().map(repeated).sum());
        let refused = answers()
            .filter(|(one, answer)| one.invoked.payload != 0 && matches!(answer.status, 409 | 422));
        self.add("other payloads refused", refused.count());
        self.add(
            "orders read back",
            view.stored
                .as_ref()
                .map_or(0, std::collections::HashMap::len),
        );
        for fault in view.history.faults.iter().filter(|fault| fault.landed) {
            let row = match fault.fault.as_str() {
                "vanish" => "clients vanished before the answer",
                "lose_answer" => "lost answers",
                "cut_request" => "requests cut on the way",
                "cut_answer" => "answers cut on the way",
                "duplicate" => "requests delivered twice",
                "late" => "duplicates after everything was over",
                "kill" => "kills with requests in flight",
                _ => "stops with requests in flight",
            };
            self.add(row, 1);
        }
        let recovered = view.keys.iter().filter(|key| {
            key.scenario == "lost-answer"
                && key
                    .attempts
                    .iter()
                    .any(|one| one.completion == Completion::Unknown)
                && !key.accepted().is_empty()
        });
        self.add("lost answers recovered by a retry", recovered.count());
    }

    fn add(&mut self, row: &'static str, count: usize) {
        *self.0.entry(row).or_default() += count as u64;
    }

    /// The rows that the scenarios of a run should fill, with their counts.
    pub(crate) fn rows(&self, header: &Header) -> Vec<(&'static str, u64)> {
        ROWS.iter()
            .filter(|(row, by)| {
                let wanted = |name: &String| by.contains(&name.as_str());
                let unread = *row == "orders read back" && header.oracles.is_empty();
                header.scenarios.iter().any(wanted) && !unread
            })
            .map(|(row, _)| (*row, self.0.get(row).copied().unwrap_or(0)))
            .collect()
    }
}
