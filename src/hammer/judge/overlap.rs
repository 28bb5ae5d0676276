//! The overlap of concurrency: which requests for one key really met.
//!
//! Two attempts met if the last byte of each had left before the client saw the first byte of the
//! other's answer. A run whose requests never met proves nothing.

use super::view::KeyView;
use crate::hammer::history::Attempt;

/// How the attempts of one key met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Overlap {
    /// The most attempts that were open at one instant.
    pub(super) most: u64,
    /// Whether attempts with different payloads met.
    pub(super) mismatched: bool,
    /// Whether attempts on different instances met.
    pub(super) across: bool,
}

/// Finds out how the attempts of `view` met.
pub(super) fn overlap(view: &KeyView<'_>) -> Overlap {
    let mut open: Vec<(u64, u64, &Attempt)> = view
        .places()
        .filter_map(|attempt| Some((attempt, interval(attempt)?)))
        .map(|(attempt, (from, to))| (from, to, attempt))
        .collect();
    open.sort_by_key(|(from, _, _)| *from);
    let mut overlap = Overlap::default();
    let mut current: Vec<(u64, &Attempt)> = Vec::new();
    for (from, to, attempt) in open {
        current.retain(|(until, _)| *until > from);
        for (_, other) in &current {
            overlap.mismatched |= other.invoked.payload != attempt.invoked.payload;
            overlap.across |= other.invoked.instance != attempt.invoked.instance;
        }
        current.push((to, attempt));
        overlap.most = overlap.most.max(current.len() as u64);
    }
    overlap
}

/// From the last byte of the request to the first byte of the answer, or to giving up.
fn interval(attempt: &Attempt) -> Option<(u64, u64)> {
    let from = attempt.outcome.released?;
    Some((
        from,
        attempt.outcome.first_byte.unwrap_or(attempt.outcome.t),
    ))
}
