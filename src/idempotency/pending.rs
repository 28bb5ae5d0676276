//! A request that waits for its answer.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;
use uuid::Uuid;

use super::batch::{self, Ending};
use super::commit::KeyRow;
use super::operation::{
    Answer, BatchTimes, Error, Execution, Operation, Outcome, Source, StoredAnswer,
};
use super::{Fingerprint, RequestId, ScopedKey};

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
    /// What logs call it.
    pub(super) id: Option<RequestId>,
    pub(super) deadline: Instant,
    pub(super) queued: Instant,
    /// Requests in its batch, and when a lane took it, once it is in one.
    pub(super) batch: Option<(u32, Instant)>,
    pub(super) reply: oneshot::Sender<Execution>,
}

impl<O: Operation> Pending<O> {
    /// Answers the caller. If it has gone, its retry replays.
    pub(super) fn answer(self, executed: Executed, source: Source, cause: Option<Arc<str>>) {
        let times = |taken: Instant| BatchTimes {
            queued: self.queued.into_std(),
            taken: taken.into_std(),
            answered: Instant::now().into_std(),
        };
        let _ = self.reply.send(Execution {
            key_digest: self.digest,
            result: executed,
            source,
            batch: self.batch.map(|(size, _)| size),
            times: self.batch.map(|(_, taken)| times(taken)),
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
                request_id: self.id.clone(),
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
