//! The cases that are checked.

use crate::case::{Asks, Case, Engine, Payload};
use crate::mutation::Protocol;

const TEA: Asks = Asks(0, Payload::Tea);
const COFFEE: Asks = Asks(0, Payload::Coffee);
const ANOTHER_KEY: Asks = Asks(1, Payload::Tea);
const POISON: Asks = Asks(1, Payload::Poison);

const BASE: Case = Case {
    name: "",
    engine: Engine::Postgres,
    instances: 2,
    clients: &[],
    batch_max: 3,
    faults: 1,
    sweeps: 0,
    replays: true,
    protocol: Protocol::AS_IT_IS,
};

/// Three clients race for one key, one of them with another payload.
pub const RACE: Case = Case {
    name: "race",
    clients: &[TEA, TEA, COFFEE],
    ..BASE
};

/// The same, and nothing is replayed from memory.
pub const NO_REPLAYS: Case = Case {
    name: "no-replays",
    replays: false,
    ..RACE
};

/// The same on one writer.
pub const SQLITE: Case = Case {
    name: "sqlite",
    engine: Engine::Sqlite,
    ..RACE
};

/// Batches that overlap in two keys.
pub const OVERLAP: Case = Case {
    name: "overlap",
    clients: &[TEA, TEA, ANOTHER_KEY, ANOTHER_KEY],
    batch_max: 2,
    ..BASE
};

/// Two failures meet one key and two payloads.
pub const TWO_FAILURES: Case = Case {
    name: "two-failures",
    clients: &[TEA, COFFEE],
    faults: 2,
    ..BASE
};

/// The same on one writer.
pub const SQLITE_TWO_FAILURES: Case = Case {
    name: "sqlite-two-failures",
    engine: Engine::Sqlite,
    ..TWO_FAILURES
};

/// Two failures meet a batch of two keys.
pub const TWO_KEYS: Case = Case {
    name: "two-keys",
    clients: &[TEA, ANOTHER_KEY],
    faults: 2,
    ..BASE
};

/// Three instances.
pub const THREE_INSTANCES: Case = Case {
    name: "three-instances",
    instances: 3,
    clients: &[TEA, COFFEE, ANOTHER_KEY],
    ..BASE
};

/// The database refuses what one client asks for.
pub const BAD_ROW: Case = Case {
    name: "bad-row",
    clients: &[TEA, ANOTHER_KEY, POISON],
    ..BASE
};

/// A key row is swept, at the worst moment.
pub const SWEEP: Case = Case {
    name: "sweep",
    clients: &[TEA, TEA],
    sweeps: 1,
    replays: false,
    ..BASE
};

/// Two failures meet three clients of one key.
pub const DEEP_RACE: Case = Case {
    name: "deep-race",
    faults: 2,
    ..RACE
};

/// Two failures meet three clients of two keys.
pub const DEEP_OVERLAP: Case = Case {
    name: "deep-overlap",
    clients: &[TEA, COFFEE, ANOTHER_KEY],
    faults: 2,
    ..BASE
};
