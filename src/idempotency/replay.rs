//! Stored answers in memory, so that a key that is replayed often does not reach the database.
//!
//! A key row never changes before its answer expires, so a committed answer may be replayed from
//! here until then, as long as the database is the one that it was read from. Without this cache
//! every answer is the same.

use std::time::{Duration, Instant, SystemTime};

use moka::Expiry;
use moka::sync::Cache;
use uuid::Uuid;

use super::Retention;
use super::commit::KeyRow;
use super::operation::Answer;
use crate::db::Epoch;

/// How long an answer is kept, unless it expires before: for so long a row that was deleted by hand is
/// still honoured.
const AGE_MAX: Duration = Duration::from_mins(5);

/// Memory of an entry besides its response, in bytes, as measured.
const OVERHEAD: usize = 512;

/// The cache, by digest of the key. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Replays {
    rows: Cache<Uuid, Entry>,
    retention: Retention,
}

#[derive(Debug, Clone)]
struct Entry {
    epoch: Epoch,
    row: KeyRow,
}

/// Drops each row when its answer expires.
struct AtExpiry(Retention);

impl Expiry<Uuid, Entry> for AtExpiry {
    fn expire_after_create(&self, _: &Uuid, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(time_left(&entry.row, &self.0))
    }

    fn expire_after_update(
        &self,
        _: &Uuid,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(time_left(&entry.row, &self.0))
    }
}

/// How long an answer may be kept from now on.
fn time_left(row: &KeyRow, retention: &Retention) -> Duration {
    let left = match row.stored.expires(retention) {
        Some(expires) => expires
            .duration_since(SystemTime::now())
            .unwrap_or_default(),
        None => retention.answers,
    };
    left.min(AGE_MAX)
}

impl Replays {
    /// A cache of that many bytes; 0 for none.
    pub(super) fn new(bytes_max: u64, retention: Retention) -> Self {
        let weight = |_: &Uuid, Entry { row, .. }: &Entry| {
            let (Answer::Accepted(body) | Answer::Refused { body, .. }) = &row.stored.answer;
            let id = row.stored.request_id.as_ref();
            let id = id.map_or(0, |id| id.as_str().len());
            u32::try_from(body.len() + id + OVERHEAD).unwrap_or(u32::MAX)
        };
        let rows = Cache::builder()
            .max_capacity(bytes_max)
            .weigher(weight)
            .expire_after(AtExpiry(retention))
            .build();
        Self { rows, retention }
    }

    /// The row of a key, if it was read in the `present` epoch of the database. Most keys have no
    /// entry, and asking for the epoch of an SQLite database is a system call.
    pub(super) fn get(
        &self,
        digest: &Uuid,
        present: impl FnOnce() -> Option<Epoch>,
    ) -> Option<KeyRow> {
        let entry = self.rows.get(digest)?;
        (Some(entry.epoch) == present()).then_some(entry.row)
    }

    /// Keeps the row of a key that has been replayed, which may well happen again. Most new orders
    /// are never replayed, so their rows are not kept. The row must be committed, and read no
    /// earlier than in `epoch`.
    pub(super) fn keep(&self, digest: Uuid, epoch: Option<Epoch>, row: &KeyRow) {
        if let Some(epoch) = epoch
            && !time_left(row, &self.retention).is_zero()
        {
            let row = row.clone();
            self.rows.insert(digest, Entry { epoch, row });
        }
    }
}
