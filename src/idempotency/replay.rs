//! Stored answers in memory, so that a key that is replayed often does not reach the database.
//!
//! A key row never changes, so a committed answer may be replayed from here. Without this cache
//! every answer is the same.

use std::time::Duration;

use moka::sync::Cache;
use uuid::Uuid;

use super::commit::KeyRow;
use super::operation::Answer;

/// How long an answer is kept: for so long a row that was deleted by hand is still honoured.
const AGE_MAX: Duration = Duration::from_mins(5);

/// Memory of an entry besides its response, in bytes, as measured.
const OVERHEAD: usize = 512;

/// The cache, by digest of the key. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Replays(Cache<Uuid, KeyRow>);

impl Replays {
    /// A cache of that many bytes; 0 for none.
    pub(super) fn new(bytes_max: u64) -> Self {
        let weight = |_: &Uuid, row: &KeyRow| {
            let (Answer::Accepted(body) | Answer::Refused { body, .. }) = &row.stored.answer;
            u32::try_from(body.len() + OVERHEAD).unwrap_or(u32::MAX)
        };
        Self(
            Cache::builder()
                .max_capacity(bytes_max)
                .weigher(weight)
                .time_to_live(AGE_MAX)
                .build(),
        )
    }

    pub(super) fn get(&self, digest: &Uuid) -> Option<KeyRow> {
        self.0.get(digest)
    }

    /// Keeps the row of a key that has been replayed, which may well happen again. Most new orders
    /// are never replayed, so their rows are not kept. The row must be committed.
    pub(super) fn keep(&self, digest: Uuid, row: &KeyRow) {
        self.0.insert(digest, row.clone());
    }
}
