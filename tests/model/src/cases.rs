//! The cases that are checked.

use crate::case::{Asks, Case, Engine};
use crate::mutation::Protocol;
use crate::request::Payload;

const TEA: Asks = Asks(0, Payload::Tea);
const COFFEE: Asks = Asks(0, Payload::Coffee);
const NUMBERED: Asks = Asks(0, Payload::Numbered);
const SCARCE: Asks = Asks(0, Payload::Scarce);
const SECOND_KEY: Asks = Asks(1, Payload::Tea);
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
    protocol: Protocol::INTACT,
};

/// Three clients with one key, one of them with a different payload.
pub const RACE: Case = Case {
    name: "race",
    clients: &[TEA, TEA, COFFEE],
    ..BASE
};

/// The same without a replay cache.
pub const NO_CACHE: Case = Case {
    name: "no-cache",
    replays: false,
    ..RACE
};

/// The same on SQLite.
pub const SQLITE: Case = Case {
    name: "sqlite",
    engine: Engine::Sqlite,
    ..RACE
};

/// Batches that overlap in two keys.
pub const OVERLAP: Case = Case {
    name: "overlap",
    clients: &[TEA, TEA, SECOND_KEY, SECOND_KEY],
    batch_max: 2,
    ..BASE
};

/// Two failures, one key, two payloads.
pub const TWO_FAILURES: Case = Case {
    name: "two-failures",
    clients: &[TEA, COFFEE],
    faults: 2,
    ..BASE
};

/// The same on SQLite.
pub const SQLITE_TWO_FAILURES: Case = Case {
    name: "sqlite-two-failures",
    engine: Engine::Sqlite,
    ..TWO_FAILURES
};

/// Two failures, two keys.
pub const TWO_KEYS: Case = Case {
    name: "two-keys",
    clients: &[TEA, SECOND_KEY],
    faults: 2,
    ..BASE
};

/// Three instances.
pub const THREE_INSTANCES: Case = Case {
    name: "three-instances",
    instances: 3,
    clients: &[TEA, COFFEE, SECOND_KEY],
    ..BASE
};

/// The response is known only after the operation is applied.
pub const LATE_RESPONSE: Case = Case {
    name: "late-response",
    clients: &[NUMBERED, NUMBERED, COFFEE],
    ..BASE
};

/// The operation may refuse two requests with one key, and accepts another request.
pub const REFUSAL: Case = Case {
    name: "refusal",
    clients: &[SCARCE, SCARCE, SECOND_KEY],
    ..BASE
};

/// Two failures, and the operation may refuse.
pub const REFUSAL_TWO_FAILURES: Case = Case {
    name: "refusal-two-failures",
    clients: &[SCARCE, SCARCE],
    faults: 2,
    ..BASE
};

/// The same on SQLite.
pub const SQLITE_REFUSAL: Case = Case {
    name: "sqlite-refusal",
    engine: Engine::Sqlite,
    ..REFUSAL
};

/// The database rejects the request of one client.
pub const REJECTED: Case = Case {
    name: "rejected",
    clients: &[TEA, SECOND_KEY, POISON],
    ..BASE
};

/// A key row is swept.
pub const SWEEP: Case = Case {
    name: "sweep",
    clients: &[TEA, TEA],
    sweeps: 1,
    replays: false,
    ..BASE
};

/// An answer expires, and the key may be swept later.
pub const EXPIRY: Case = Case {
    name: "expiry",
    clients: &[TEA, TEA, COFFEE],
    sweeps: 2,
    replays: false,
    ..BASE
};

/// Two failures, three clients with one key.
pub const DEEP_RACE: Case = Case {
    name: "deep-race",
    faults: 2,
    ..RACE
};

/// Two failures, three clients with two keys.
pub const DEEP_OVERLAP: Case = Case {
    name: "deep-overlap",
    clients: &[TEA, COFFEE, SECOND_KEY],
    faults: 2,
    ..BASE
};

/// Two failures, and the operation may refuse one of two keys.
pub const DEEP_REFUSAL: Case = Case {
    name: "deep-refusal",
    faults: 2,
    ..REFUSAL
};
