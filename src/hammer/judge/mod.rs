//! What a history means.
//!
//! Owns the invariants, the terms that a target has chosen where the contract leaves a choice,
//! the witness of concurrency and the verdict. Promises to be a pure function of the history:
//! `orders hammer check` finds what the run found. It cannot send anything.

mod answers;
mod checker;
mod coverage;
mod invariant;
mod orders;
mod refusals;
mod terms;
mod verdict;
mod view;
mod witness;

pub(crate) use checker::judge;
pub(crate) use invariant::all as invariants;
pub(crate) use terms::{Terms, speaks};
pub use verdict::Verdict;
pub(crate) use verdict::{Cell, Exhibit, Judgement, Point, Violation};
