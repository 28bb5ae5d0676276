//! What is modelled: how many of everything.

use crate::mutation::Protocol;

/// An idempotency key.
pub type Key = u8;

/// What a client asks for; stands for its fingerprint as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payload {
    /// An order.
    Tea,
    /// Another order.
    Coffee,
    /// An order that the database refuses to store.
    Poison,
}

/// A client: it asks for one thing under one key until it has an answer that is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asks(pub Key, pub Payload);

/// Whose rules transactions follow.
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
    /// What the report calls it.
    pub name: &'static str,
    /// The database.
    pub engine: Engine,
    /// Instances, of one lane each. Two lanes of one instance are like two instances that share
    /// no key.
    pub instances: u8,
    /// The clients.
    pub clients: &'static [Asks],
    /// The most requests that one batch takes.
    pub batch_max: usize,
    /// How many failures may happen, of any kind and at any step.
    pub faults: u8,
    /// How many key rows may be swept.
    pub sweeps: u8,
    /// Whether instances keep what they replayed.
    pub replays: bool,
    /// What is broken on purpose.
    pub protocol: Protocol,
}

impl Case {
    /// How many keys there are.
    #[must_use]
    pub fn keys(&self) -> usize {
        let last = self.clients.iter().map(|Asks(key, _)| *key).max();
        last.map_or(0, |last| usize::from(last) + 1)
    }

    /// The same with something broken.
    #[must_use]
    pub const fn broken(self, protocol: Protocol) -> Self {
        Self { protocol, ..self }
    }
}
