//! The form of an invariant, and the list of all of them.

use super::dialect::Dialect;
use super::view::{CycleView, KeyView};

/// What one invariant says about one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// Nothing here that it speaks about.
    NotApplicable,
    /// It was put to the test and holds.
    Held,
    /// It is broken, and this was seen. No server that keeps its promise does this.
    Violated(String),
    /// The target chose otherwise than the letter of the contract, harmlessly and always alike:
    /// a violation only where every letter counts.
    Deviation(String),
}

/// Something that must be true of every key, or of the whole run.
pub(crate) struct Invariant {
    /// Its name in reports, and for ever.
    pub(crate) name: &'static str,
    /// What it means, in one line.
    pub(crate) meaning: &'static str,
    pub(super) rule: Rule,
}

/// How an invariant is checked.
pub(super) enum Rule {
    /// Key by key.
    Key(fn(&KeyView<'_>, &Dialect) -> Finding),
    /// Over everything: the findings with the keys that they are about.
    Cycle(fn(&CycleView<'_>) -> Vec<(String, Finding)>),
}
