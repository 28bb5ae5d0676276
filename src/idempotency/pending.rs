//! A request that waits for its answer.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::batch::{self, Ending};
use super::commit::KeyRow;
use super::operation::{Answer, Error, Execution, Operation, Outcome, Source, StoredAnswer};
use super::{Fingerprint, ScopedKey};
use crate::db::Epoch;

/// The result of a request.
pub(super) type Executed = Result<Outcome, Error>;

/// One request in a lane.
#[derive(Debug)]
pub(super) struct Pending<O> {
    pub(super) key: ScopedKey,
    /// Digest of `key`.
    pub(super) digest: Uuid,
    pub(super) fingerprint: Fingerprint,
    pub(super) operation: O,
    pub(super) deadline: Instant,
    /// The epoch of the database in which the request arrived.
    pub(super) epoch: Option<Epoch>,
    /// Requests in its batch, once it is in one.
    pub(super) batch: u32,
    pub(super) reply: oneshot::Sender<Execution>,
}

impl<O: Operation> Pending<O> {
    /// Answers the caller. If it has gone, its retry replays.
    pub(super) fn answer(self, executed: Executed, source: Source, cause: Option<Arc<str>>) {
        let _ = self.reply.send(Execution {
            result: executed,
            source,
            batch: Some(self.batch),
            cause,
        });
    }

    /// The row that the request inserts once it is answered.
    pub(super) fn row(&self, answer: Answer) -> KeyRow {
        KeyRow {
            fingerprint: Bytes::copy_from_slice(self.fingerprint.as_bytes()),
            stored: StoredAnswer {
                resource: self.operation.resource(),
                answer,
            },
        }
    }
}

impl<O: Operation> batch::Request for Pending<O> {
    /// The digest: all instances sort by it, and it is the order of the index.
    type Key = Uuid;
    type Row = KeyRow;

    fn key(&self) -> &Uuid {
        &self.digest
    }

    fn inserted(&self, row: &KeyRow) -> bool {
        row.stored.resource == self.operation.resource()
    }

    fn has_expired(row: &KeyRow) -> bool {
        row.fingerprint.is_empty()
    }

    fn matches(&self, row: &KeyRow) -> bool {
        self.fingerprint.as_bytes() == row.fingerprint
    }

    fn repeats(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl From<Ending<KeyRow>> for Executed {
    fn from(ending: Ending<KeyRow>) -> Self {
        match ending {
            Ending::Created(row) => Ok(Outcome::Created(row.stored)),
            Ending::Replayed(row) => Ok(Outcome::Replayed(row.stored)),
            Ending::Reused => Err(Error::Reused),
            Ending::Expired(row) => Err(Error::Expired {
                created: match row.stored.answer {
                    Answer::Accepted(_) => Some(row.stored.resource),
                    Answer::Refused { .. } => None,
                },
            }),
        }
    }
}
