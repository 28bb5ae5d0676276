//! The three verdicts.

use serde::Serialize;

/// What a run shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything observed keeps the promise, and enough was observed.
    Held,
    /// Something observed violates the promise.
    Violated,
    /// Nothing observed violates the promise, but not enough was observed.
    Unknown,
}

impl Verdict {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Violated => "violated",
            Self::Unknown => "unknown",
        }
    }
}
