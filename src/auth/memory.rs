//! Rows of tokens that were read not long ago, and ids that have none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::sync::Cache;

use super::TokenId;
use crate::db::entity::token;

/// The age at which a row is read again while requests go on with it.
const REFRESH_AGE: Duration = Duration::from_secs(2);

/// The age up to which a row counts: the longest that a revocation can go unnoticed.
pub(super) const AGE_MAX: Duration = Duration::from_secs(4);

/// Tokens that are remembered, about 500 bytes each.
const TOKENS_MAX: u64 = 10_000;

/// Ids without a token that are remembered.
const UNKNOWN_MAX: u64 = 10_000;

/// Reads per second that find no token. Beyond that, unknown ids are not looked up.
const MISSES_MAX: u64 = 100;

/// A row, and when it was read.
#[derive(Debug)]
pub(super) struct Remembered {
    pub(super) row: token::Model,
    read: Instant,
    refreshing: AtomicBool,
}

/// What is known about an id.
pub(super) enum Known {
    /// The row is recent.
    Fresh(Arc<Remembered>),
    /// The row still counts, and the caller must read it again.
    Aging(Arc<Remembered>),
    /// There was a row, too long ago.
    Stale,
    /// There was no row a moment ago.
    NoToken,
    /// Nothing.
    Nothing,
}

/// Rows and ids, bounded in number and age.
#[derive(Debug)]
pub(super) struct Memory {
    rows: Cache<TokenId, Arc<Remembered>>,
    unknown: Cache<TokenId, ()>,
    misses: Misses,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            rows: Cache::new(TOKENS_MAX),
            unknown: Cache::builder()
                .max_capacity(UNKNOWN_MAX)
                .time_to_live(AGE_MAX)
                .build(),
            misses: Misses::new(),
        }
    }

    pub(super) fn get(&self, id: &TokenId) -> Known {
        match self.rows.get(id) {
            Some(row) => match row.read.elapsed() {
                age if age < REFRESH_AGE => Known::Fresh(row),
                age if age >= AGE_MAX => Known::Stale,
                _ if row.refreshing.swap(true, Ordering::Relaxed) => Known::Fresh(row),
                _ => Known::Aging(row),
            },
            None if self.unknown.contains_key(id) => Known::NoToken,
            None => Known::Nothing,
        }
    }

    /// Remembers what a read that began at `read` has found.
    pub(super) fn keep(&self, id: &TokenId, row: Option<token::Model>, read: Instant) {
        if let Some(row) = row {
            let refreshing = AtomicBool::new(false);
            let row = Remembered {
                row,
                read,
                refreshing,
            };
            self.rows.insert(id.clone(), Arc::new(row));
        } else {
            self.misses.count();
            self.rows.invalidate(id);
            self.unknown.insert(id.clone(), ());
        }
    }

    /// Whether an id that nothing is known about may be looked up.
    pub(super) fn may_look_up(&self) -> bool {
        self.misses.are_few()
    }
}

impl Remembered {
    /// Lets the next request read the row again.
    pub(super) fn refresh_failed(&self) {
        self.refreshing.store(false, Ordering::Relaxed);
    }
}

/// Counts misses by the second.
#[derive(Debug)]
struct Misses {
    start: Instant,
    /// The second since `start` in the upper half, its misses in the lower.
    packed: AtomicU64,
}

impl Misses {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            packed: AtomicU64::new(0),
        }
    }

    /// The present second with no misses.
    fn second(&self) -> u64 {
        self.start.elapsed().as_secs() << 32
    }

    fn count(&self) {
        let now = self.second();
        let order = Ordering::Relaxed;
        // A closure that always returns a value never fails.
        let _ = self
            .packed
            .fetch_update(order, order, |then| Some(then.max(now) + 1));
    }

    fn are_few(&self) -> bool {
        let then = self.packed.load(Ordering::Relaxed);
        then.saturating_sub(self.second()) < MISSES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misses_are_counted_by_the_second() {
        let mut misses = Misses::new();
        for _ in 0..MISSES_MAX {
            assert!(misses.are_few());
            misses.count();
        }
        assert!(!misses.are_few());
        // A second later.
        misses.start -= Duration::from_secs(1);
        assert!(misses.are_few());
        misses.count();
        assert!(misses.are_few());
    }
}
