//! How long keys are kept.

use std::time::Duration;

/// How long a key is kept, in two steps. Both begin when the key is stored.
///
/// The sweep comes later than that, and until it comes a key is honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long the answer is kept and replayed, at least.
    pub answers: Duration,
    /// How long a tombstone remembers that the key was used, at least. Then the key is new.
    pub tombstones: Duration,
}

impl Default for Retention {
    /// 24 hours and 30 days.
    fn default() -> Self {
        Self {
            answers: Duration::from_hours(24),
            tombstones: Duration::from_hours(24 * 30),
        }
    }
}
