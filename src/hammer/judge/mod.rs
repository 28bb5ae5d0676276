//! What a history means.
//!
//! Owns the invariants, the dialect of the target, the evidence of concurrency and the verdict.
//! Guarantees to be a pure function of the history: `orders hammer check` finds what the run
//! found. It cannot send anything.

mod answer_class;
mod answers;
mod catalogue;
mod checker;
mod coverage;
mod declared;
mod dialect;
mod evidence;
mod invariant;
mod judgement;
mod orders;
mod overlap;
mod payloads;
mod refusals;
mod tally;
mod validation;
mod verdict;
mod view;

pub(crate) use answer_class::{AnswerClass, Latencies};
pub(crate) use catalogue::invariants;
pub(crate) use checker::judge;
pub(crate) use dialect::{shows_fresh_answer, speaks_contract};
pub(crate) use evidence::{Counterexample, KeyCounts, Point, Scope, Violation};
pub(crate) use judgement::Judgement;
pub use verdict::Verdict;
