//! Stored answers in memory, so that a key that is replayed often does not reach the database.
//!
//! A key row never changes, so a committed answer may be replayed from here, as long as the database
//! is the one that it was read from. Without this cache every answer is the same.

use std::time::Duration;

use moka::sync::Cache;
use uuid::Uuid;

use super::commit::KeyRow;
use super::operation::Answer;
use crate::db::Epoch;

/// How long an answer is kept. For so long a row that was deleted by hand is still honoured.
const AGE_MAX: Duration = Duration::from_mins(5);

/// Memory of an entry besides its response, in bytes, as measured.
const OVERHEAD: usize = 512;

/// The cache, by digest of the key. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Replays(Cache<Uuid, Entry>);

#[derive(Debug, Clone)]
struct Entry {
    epoch: Epoch,
    row: KeyRow,
}

impl Replays {
    /// A cache of that many bytes; 0 for none.
    pub(super) fn new(bytes_max: u64) -> Self {
        let weight = |_: &Uuid, Entry { row, .. }: &Entry| {
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

    /// The row of a key, if it was read in this epoch of the database.
    pub(super) fn get(&self, digest: &Uuid, epoch: Option<Epoch>) -> Option<KeyRow> {
        let epoch = epoch?;
        let entry = self.0.get(digest)?;
        (entry.epoch == epoch).then_some(entry.row)
    }

    /// Keeps the row of a key that has been replayed, which may well happen again. Most new orders
    /// are never replayed, so their rows are not kept. The row must be committed, and read no
    /// earlier than in `epoch`.
    pub(super) fn keep(&self, digest: Uuid, epoch: Option<Epoch>, row: &KeyRow) {
        if let Some(epoch) = epoch {
            let row = row.clone();
            self.0.insert(digest, Entry { epoch, row });
        }
    }
}
