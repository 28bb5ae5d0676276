//! The form of an invariant: a name, a meaning and a rule.

use super::dialect::Dialect;
use super::view::{CycleView, KeyView};

/// What one invariant finds about one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// The invariant says nothing about this key.
    NotApplicable,
    /// The invariant was tested and holds.
    Held,
    /// The invariant is violated, with what was observed. No correct server does this.
    Violated(String),
    /// The target consistently deviates from the contract in a harmless way, with what was
    /// observed. A violation only if the run is strict.
    Deviation(String),
}

/// Something that must be true of every key, or of the whole cycle.
pub(crate) struct Invariant {
    /// Its name in reports, which never changes.
    pub(crate) name: &'static str,
    /// What it means, in one line.
    pub(crate) meaning: &'static str,
    pub(super) rule: Rule,
}

/// How an invariant is checked.
pub(super) enum Rule {
    /// Key by key.
    Key(fn(&KeyView<'_>, &Dialect) -> Finding),
    /// Once, by the answers at rest; returns the deviations.
    AtRest(fn(&Dialect) -> Vec<String>),
    /// Over the whole cycle; returns the findings by key.
    Cycle(fn(&CycleView<'_>) -> Vec<(String, Finding)>),
}
