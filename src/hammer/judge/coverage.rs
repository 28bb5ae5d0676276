//! What the run really exercised. An empty row means that the run proves less than it was meant
//! to, so its verdict is at best *unknown*.

use std::collections::{BTreeMap, HashMap};

use super::dialect::Dialect;
use super::overlap::Overlap;
use super::view::{CycleView, KeyView};
use crate::hammer::history::{Completion, Header};
use crate::hammer::workload::{FaultKind, Scenario, Variant};

/// Something that a run has to exercise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CoverageRow {
    OverlappingKeys,
    Replays,
    Mismatches,
    OverlappingPayloads,
    OverlappingInstances,
    Vanished,
    LostAnswers,
    RecoveredAnswers,
    CutRequests,
    CutAnswers,
    DuplicatedRequests,
    LateRequests,
    Kills,
    Pauses,
    StoredOrders,
}

impl CoverageRow {
    /// All rows, in the order of reports.
    const ALL: [Self; 15] = [
        Self::OverlappingKeys,
        Self::Replays,
        Self::Mismatches,
        Self::OverlappingPayloads,
        Self::OverlappingInstances,
        Self::Vanished,
        Self::LostAnswers,
        Self::RecoveredAnswers,
        Self::CutRequests,
        Self::CutAnswers,
        Self::DuplicatedRequests,
        Self::LateRequests,
        Self::Kills,
        Self::Pauses,
        Self::StoredOrders,
    ];

    /// What it counts, in reports.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::OverlappingKeys => "keys whose duplicates overlapped",
            Self::Replays => "replays",
            Self::Mismatches => "different payloads refused",
            Self::OverlappingPayloads => "keys whose different payloads overlapped",
            Self::OverlappingInstances => "keys whose requests overlapped on different instances",
            Self::Vanished => "clients disconnected before the answer",
            Self::LostAnswers => "lost answers",
            Self::RecoveredAnswers => "keys recovered by a retry after a lost answer",
            Self::CutRequests => "requests cut off",
            Self::CutAnswers => "answers cut off",
            Self::DuplicatedRequests => "requests delivered twice",
            Self::LateRequests => "requests delivered after their retry",
            Self::Kills => "kills with requests in flight",
            Self::Pauses => "pauses with requests in flight",
            Self::StoredOrders => "orders read from the oracle",
        }
    }

    /// The scenarios that are meant to fill it.
    fn scenarios(self) -> &'static [Scenario] {
        use Scenario::{
            Across, Burst, Contract, Crowd, Cut, Kill, Late, LostAnswer, Mismatch, MismatchRace,
            Mix, Pair, Pause, Stagger, Vanish,
        };
        match self {
            Self::OverlappingKeys => &[Pair, Burst, Crowd, Stagger, Mix],
            Self::Replays => &[Contract, Pair, Burst],
            Self::Mismatches => &[Contract, Mismatch, MismatchRace],
            Self::OverlappingPayloads => &[MismatchRace],
            Self::OverlappingInstances => &[Across],
            Self::Vanished => &[Vanish],
            Self::LostAnswers | Self::RecoveredAnswers => &[LostAnswer],
            Self::CutRequests | Self::CutAnswers | Self::DuplicatedRequests => &[Cut],
            Self::LateRequests => &[Late],
            Self::Kills => &[Kill],
            Self::Pauses => &[Pause],
            Self::StoredOrders => &[Contract],
        }
    }
}

impl From<FaultKind> for CoverageRow {
    fn from(kind: FaultKind) -> Self {
        match kind {
            FaultKind::Vanish => Self::Vanished,
            FaultKind::LoseAnswer => Self::LostAnswers,
            FaultKind::CutRequest => Self::CutRequests,
            FaultKind::CutAnswer => Self::CutAnswers,
            FaultKind::Duplicate => Self::DuplicatedRequests,
            FaultKind::Late => Self::LateRequests,
            FaultKind::Kill => Self::Kills,
            FaultKind::Pause => Self::Pauses,
        }
    }
}

/// How often each row was observed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Coverage(BTreeMap<CoverageRow, u64>);

impl Coverage {
    /// Counts one cycle.
    pub(super) fn count(&mut self, view: &CycleView<'_>, dialect: &Dialect, overlaps: &[Overlap]) {
        let overlapping =
            |test: fn(&Overlap) -> bool| overlaps.iter().filter(|overlap| test(overlap)).count();
        self.add(
            CoverageRow::OverlappingKeys,
            overlapping(|overlap| overlap.is_contended()),
        );
        self.add(
            CoverageRow::OverlappingPayloads,
            overlapping(|overlap| overlap.payloads_differ),
        );
        self.add(
            CoverageRow::OverlappingInstances,
            overlapping(|overlap| overlap.instances_differ),
        );
        let replays = |key: &KeyView<'_>| key.settled(dialect).saturating_sub(1);
        self.add(CoverageRow::Replays, view.keys.iter().map(replays).sum());
        let mismatches = view.history.attempts.iter().filter(|attempt| {
            let refused = |status| dialect.mismatch.contains(&status);
            attempt.invoked.variant != Variant::First
                && attempt
                    .answer()
                    .is_some_and(|answer| refused(answer.status))
        });
        self.add(CoverageRow::Mismatches, mismatches.count());
        self.add(
            CoverageRow::StoredOrders,
            view.stored.as_ref().map_or(0, HashMap::len),
        );
        for fault in view.history.faults.iter().filter(|fault| fault.landed) {
            self.add(fault.kind.into(), 1);
        }
        let recovered = view.keys.iter().filter(|key| {
            let is_unknown = |completion| completion == Completion::Unknown;
            key.scenario == Scenario::LostAnswer
                && key.attempts.iter().any(|one| is_unknown(one.completion))
                && key.settled(dialect) > 0
        });
        self.add(CoverageRow::RecoveredAnswers, recovered.count());
    }

    fn add(&mut self, row: CoverageRow, count: usize) {
        *self.0.entry(row).or_default() += count as u64;
    }

    /// The rows that the scenarios of a run have to fill, with their counts.
    pub(crate) fn rows(&self, header: &Header) -> Vec<(CoverageRow, u64)> {
        let is_expected = |row: &CoverageRow| {
            let unread = *row == CoverageRow::StoredOrders && header.oracles.is_empty();
            // A contract may say that payloads are not compared.
            let mismatch = header.contract().response.mismatch.as_ref();
            let uncompared = *row == CoverageRow::Mismatches && mismatch.is_some_and(Vec::is_empty);
            let planned = |scenario| header.scenarios.contains(scenario);
            !unread && !uncompared && row.scenarios().iter().any(planned)
        };
        CoverageRow::ALL
            .into_iter()
            .filter(is_expected)
            .map(|row| (row, self.0.get(&row).copied().unwrap_or(0)))
            .collect()
    }
}
