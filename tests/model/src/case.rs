//! The size of a model.

use crate::mutation::Protocol;
use crate::request::{Key, Payload};

/// A client: sends one request under one key until it has a final answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asks(pub Key, pub Payload);

/// The database whose rules transactions follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// READ COMMITTED: claims wait for each other key by key.
    Postgres,
    /// One writer at a time, from `BEGIN IMMEDIATE` on.
    Sqlite,
}

/// One model.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Name in the report.
    pub name: &'static str,
    /// The database.
    pub engine: Engine,
    /// Instances, of one lane each.
    pub instances: u8,
    /// The clients.
    pub clients: &'static [Asks],
    /// The most requests in one batch.
    pub batch_max: usize,
    /// How many failures may happen, of any kind and at any step.
    pub faults: u8,
    /// How many key rows may be swept.
    pub sweeps: u8,
    /// Whether instances have a replay cache.
    pub replays: bool,
    /// The mutations.
    pub protocol: Protocol,
}

impl Case {
    /// The number of keys.
    #[must_use]
    pub fn keys(&self) -> usize {
        let last = self.clients.iter().map(|Asks(key, _)| *key).max();
        last.map_or(0, |last| usize::from(last) + 1)
    }

    /// The same case with mutations.
    #[must_use]
    pub const fn broken(self, protocol: Protocol) -> Self {
        Self { protocol, ..self }
    }
}
