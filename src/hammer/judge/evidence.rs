//! The evidence that a judgement consists of.

use std::fmt;

use super::answer_class::AnswerClass;
use crate::hammer::history::{Attempt, FaultSeen};
use crate::hammer::workload::Scenario;

/// Where a finding belongs: to the scenario of its key, or to the run as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scope {
    Scenario(Scenario),
    Run,
}

impl Scope {
    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scenario(scenario) => scenario.name(),
            Self::Run => "all",
        }
    }
}

/// A violated invariant, or a deviation from the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Name of the invariant.
    pub(crate) invariant: &'static str,
    pub(crate) scope: Scope,
    pub(crate) key: String,
    /// What was observed, in words.
    pub(crate) seen: String,
}

/// The number of keys for which an invariant held or not, in one scenario.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct KeyCounts {
    pub(crate) held: u64,
    pub(crate) violated: u64,
    pub(crate) deviated: u64,
}

/// Everything that happened to one violating key.
#[derive(Debug, Clone)]
pub(crate) struct Counterexample {
    pub(crate) key: String,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) faults: Vec<FaultSeen>,
    /// The stored orders, as text.
    pub(crate) stored: Vec<String>,
}

/// One answer in the latency plot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    /// When the last byte of the request was sent.
    pub(crate) t: u64,
    /// In microseconds.
    pub(crate) latency: u64,
    pub(crate) class: AnswerClass,
}

/// How often a kind of fault was injected, and how often it landed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct FaultCount {
    pub(crate) injected: u64,
    pub(crate) landed: u64,
}

/// How an attempt ended, as counted in reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    Fresh,
    NotSent,
    /// Refused with this status.
    Refused(u16),
    Replayed,
    Unknown,
}

impl Ending {
    /// The class of its answer.
    pub(super) fn class(self) -> AnswerClass {
        match self {
            Self::Fresh => AnswerClass::Fresh,
            Self::Replayed => AnswerClass::Replayed,
            Self::Refused(_) => AnswerClass::Refused,
            Self::NotSent | Self::Unknown => AnswerClass::Unknown,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fresh => f.write_str("fresh"),
            Self::NotSent => f.write_str("not sent"),
            Self::Refused(status) => write!(f, "refused {status}"),
            Self::Replayed => f.write_str("replayed"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}
