//! What is made idempotent, and how an execution can end.

use bytes::Bytes;
use uuid::Uuid;

use crate::db::Rows;

/// An effect that must happen at most once per key.
///
/// An operation is data. It makes its ids itself, so it knows its response before anything is
/// written, and key row and response are one insert. It says what it writes, for many operations
/// at once, and the executor writes it: an operation cannot begin a transaction of its own, call
/// the network, or act twice.
pub trait Operation: Send + Sync + 'static {
    /// Names the operation, in the scope of its keys and in fingerprints. Never changes.
    const NAME: &'static str;

    /// The id of what this request would make; no other request has the same.
    fn resource(&self) -> Uuid;

    /// The response to store and to replay, byte for byte.
    fn response(&self) -> Bytes;

    /// What `operations` write. The tables and columns depend on the kind of operation only, the
    /// rows on the operations. Rows of those that turn out to be duplicates are not written.
    fn effects<'a>(operations: &[&'a Self]) -> Vec<Effect<'a>>;
}

/// Rows that are inserted into a table.
#[derive(Debug)]
pub struct Effect<'a> {
    /// The table.
    pub table: &'static str,
    /// The column that says whose row it is, by [`Operation::resource`].
    pub resource: &'static str,
    /// The rows, with the columns of the table that are not left to their defaults.
    pub rows: Rows<'a>,
}

/// The answer that was stored with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// The id of what was made.
    pub resource: Uuid,
    /// The response, byte for byte.
    pub body: Bytes,
}

/// How an execution succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This request had the effect.
    Created(StoredResponse),
    /// An earlier one had it, with the same fingerprint.
    Replayed(StoredResponse),
}

/// Why a request had no answer. After any of these but [`Error::Reused`] the same key may be
/// tried again, and that is always safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The key belongs to a request with another fingerprint.
    #[error("the key was used for a different request")]
    Reused,
    /// Another instance holds the key in a transaction that did not end within the lock wait.
    #[error("the first request with this key is still in flight")]
    InUse,
    /// The queue is full.
    #[error("too many requests are waiting")]
    Overloaded,
    /// The deadline passed. The request may or may not have had its effect.
    #[error("the database did not answer in time")]
    TimedOut,
    /// The service is stopping.
    #[error("the service is shutting down")]
    ShuttingDown,
    /// The database refused this very request: a bug, which has been logged.
    #[error("the request could not be executed")]
    Failed,
}
