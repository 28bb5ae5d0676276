//! Stored responses in memory, so that a key that is replayed again and again does not ask the
//! database every time.
//!
//! A key row never changes, so a response that was committed once may be replayed from here. This
//! is an optimisation only: without it every answer is the same.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use super::ScopedKey;
use super::operation::StoredResponse;

/// How long a response is kept. It bounds for how long a row that somebody removed by hand is
/// still honoured.
const AGE_MAX: Duration = Duration::from_mins(5);

/// What an entry takes besides key and response, in bytes, as measured.
const OVERHEAD: usize = 512;

/// What the owner of a key asked for, as the bytes of its fingerprint, and what it got.
#[derive(Debug, Clone)]
pub(super) struct Replay {
    pub(super) fingerprint: Arc<[u8]>,
    pub(super) stored: StoredResponse,
}

/// The cache. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Replays(Cache<ScopedKey, Replay>);

impl Replays {
    /// A cache of so many bytes; 0 for none.
    pub(super) fn new(bytes_max: u64) -> Self {
        let weight = |name: &ScopedKey, replay: &Replay| {
            let bytes = name.key.as_str().len() + replay.stored.body.len() + OVERHEAD;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self(
            Cache::builder()
                .max_capacity(bytes_max)
                .weigher(weight)
                .time_to_live(AGE_MAX)
                .build(),
        )
    }

    pub(super) fn get(&self, key: &ScopedKey) -> Option<Replay> {
        self.0.get(key)
    }

    /// Keeps what was replayed once: it may well be asked for again. A new order is not kept,
    /// because most are never sent twice. Only for what is known to be committed.
    pub(super) fn keep(&self, key: &ScopedKey, fingerprint: &[u8], stored: &StoredResponse) {
        let replay = Replay {
            fingerprint: fingerprint.into(),
            stored: stored.clone(),
        };
        self.0.insert(key.clone(), replay);
    }
}
