//! Evidence of concurrency: which requests for one key really overlapped.
//!
//! Two attempts overlap if the last byte of each was sent before the first byte of the other's
//! answer was received. A run whose requests never overlapped proves nothing about races.

use super::view::KeyView;
use crate::hammer::history::Attempt;

/// How the attempts of one key overlapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Overlap {
    /// The maximum number of attempts that were in flight at the same time.
    pub(super) max: u64,
    /// Whether attempts with different payloads overlapped.
    pub(super) payloads_differ: bool,
    /// Whether attempts on different instances overlapped.
    pub(super) instances_differ: bool,
}

impl Overlap {
    /// Computes how the attempts of a key overlapped.
    pub(super) fn of(view: &KeyView<'_>) -> Self {
        let mut intervals: Vec<(u64, u64, &Attempt)> = view
            .placements()
            .filter_map(|attempt| {
                let (from, to) = in_flight(attempt)?;
                Some((from, to, attempt))
            })
            .collect();
        intervals.sort_by_key(|(from, _, _)| *from);
        let mut overlap = Self::default();
        let mut current: Vec<(u64, &Attempt)> = Vec::new();
        for (from, to, attempt) in intervals {
            current.retain(|(until, _)| *until > from);
            for (_, other) in &current {
                overlap.payloads_differ |= other.invoked.variant != attempt.invoked.variant;
                overlap.instances_differ |= other.invoked.instance != attempt.invoked.instance;
            }
            current.push((to, attempt));
            overlap.max = overlap.max.max(current.len() as u64);
        }
        overlap
    }

    /// Whether any two attempts overlapped.
    pub(super) fn is_contended(self) -> bool {
        self.max > 1
    }
}

/// From the last byte of the request to the first byte of the answer, or to giving up.
fn in_flight(attempt: &Attempt) -> Option<(u64, u64)> {
    let outcome = &attempt.outcome;
    Some((outcome.released?, outcome.first_byte.unwrap_or(outcome.t)))
}
