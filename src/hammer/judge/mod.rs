//! What a history means.
//!
//! Owns the invariants, the dialect that a target has chosen where the contract leaves a choice,
//! the overlap of concurrency and the verdict. Promises to be a pure function of the history:
//! `orders hammer check` finds what the run found. It cannot send anything.

mod answers;
mod catalogue;
mod checker;
mod coverage;
mod dialect;
mod invariant;
mod orders;
mod overlap;
mod refusals;
mod verdict;
mod view;

pub(crate) use catalogue::all as invariants;
pub(crate) use checker::judge;
pub(crate) use dialect::{Dialect, speaks_contract};
pub use verdict::Verdict;
pub(crate) use verdict::{Cell, Counterexample, Judgement, Point, Violation};
