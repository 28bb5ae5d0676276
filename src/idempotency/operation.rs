//! What is made idempotent, and how an execution can end.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use sea_orm::{DatabaseTransaction, DbErr};
use uuid::Uuid;

use super::{RequestId, Retention};
use crate::telemetry::RequestOutcome;

/// An effect that happens at most once per key.
///
/// The executor claims the keys of many requests in one transaction, calls [`Operation::apply`]
/// once for all requests that won theirs, and commits effects and answers together. If anything
/// fails, all of it is rolled back and run again, so `apply` may be called several times for one
/// request, of which at most one call takes effect.
///
/// `apply` may read, insert, update and delete whatever it likes through the transaction. It must
/// not:
///
/// - do anything that a rollback does not undo: call the network, write files, send messages;
/// - commit, or open another transaction on another connection (a nested
///   [`begin`](sea_orm::TransactionTrait::begin), a savepoint, is fine);
/// - wait for anything but the database: all requests of the batch wait with it. The whole
///   transaction is bounded by [`Settings::transaction_timeout`](super::Settings).
///
/// An error fails the whole batch. One that is not transient makes the executor bisect the batch
/// until the request that causes it is alone, and fails that one.
pub trait Operation: Send + Sync + 'static {
    /// Names the operation in the scope of its keys and in fingerprints. Never changes.
    const NAME: &'static str;

    /// Whether [`Operation::apply`] can answer [`Answer::Refused`]. If it can, `apply` runs in a
    /// savepoint, so that no effect of a refused request remains.
    const REFUSES: bool = false;

    /// ID of what this request would create. No other request has the same.
    ///
    /// The time in a UUID version 7 tells when the answer expires.
    fn resource(&self) -> Uuid;

    /// The response, if it is known before the transaction. It saves the statement that stores a
    /// response which only [`Operation::apply`] knows.
    fn response(&self) -> Option<Bytes> {
        None
    }

    /// Applies the effects of `winners`, the requests that may have theirs, and returns one answer
    /// for each, in their order.
    ///
    /// After a refusal the effects are rolled back and `apply` is called again for the requests
    /// that it accepted. Should it refuse one of those, because another transaction has come
    /// between, it is called for every request alone.
    fn apply(
        txn: &DatabaseTransaction,
        winners: &[&Self],
    ) -> impl Future<Output = Result<Vec<Answer>, DbErr>> + Send;
}

/// What an operation answers. It is stored with the key and replayed byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The effect has happened.
    Accepted(Bytes),
    /// The effect has not happened and never will under this key: sold out, limit reached.
    Refused {
        /// The status of the refusal in the caller's protocol, such as 422 in HTTP. The executor
        /// stores it and gives it no meaning.
        status: u16,
        /// The response.
        body: Bytes,
    },
}

impl Answer {
    /// Whether it says no.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

/// The answer stored with a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// ID of what the request created, or would have.
    pub resource: Uuid,
    /// What the operation answered.
    pub answer: Answer,
    /// What logs call the request that was executed, if it had a name.
    pub request_id: Option<RequestId>,
}

impl StoredAnswer {
    /// When the request arrived, if its resource tells.
    pub(super) fn arrived(&self) -> Option<SystemTime> {
        let (seconds, nanoseconds) = self.resource.get_timestamp()?.to_unix();
        SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))
    }

    /// The earliest time at which the answer expires, if its resource tells.
    #[must_use]
    pub fn expires(&self, retention: &Retention) -> Option<SystemTime> {
        self.arrived()?.checked_add(retention.answers)
    }
}

/// How an execution succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This request was applied.
    Created(StoredAnswer),
    /// An earlier request with the same payload was.
    Replayed(StoredAnswer),
}

/// What an answer was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The memory of this process, or nothing: the request was not taken from the queue.
    Memory,
    /// The store that instances share.
    Tier,
    /// The database, in a transaction.
    Database,
}

/// How an execution ended, with what logs and metrics tell about it.
#[derive(Debug, Clone)]
pub struct Execution {
    /// Digest of the key in its scope, under which the database stores it.
    pub key_digest: Uuid,
    /// The answer, or why there is none.
    pub result: Result<Outcome, Error>,
    /// What the answer was taken from.
    pub source: Source,
    /// Requests in the batch. `None` if the request was not in one: replayed from memory, or not
    /// taken from the queue.
    pub batch: Option<u32>,
    /// When the batch was taken from the queue, and answered.
    pub times: Option<BatchTimes>,
    /// The causes of a failure.
    pub cause: Option<Arc<str>>,
}

/// What a request waited for.
#[derive(Debug, Clone, Copy)]
pub struct BatchTimes {
    /// The request entered the queue.
    pub queued: Instant,
    /// A lane took it from the queue.
    pub taken: Instant,
    /// Its batch was committed, or given up.
    pub answered: Instant,
}

impl Execution {
    /// How it ended, in one word.
    #[must_use]
    pub fn outcome(&self) -> RequestOutcome {
        match &self.result {
            Ok(Outcome::Created(stored) | Outcome::Replayed(stored))
                if stored.answer.is_refused() =>
            {
                RequestOutcome::Refused
            }
            Ok(Outcome::Created(_)) => RequestOutcome::Created,
            Ok(Outcome::Replayed(_)) => match self.source {
                Source::Memory => RequestOutcome::ReplayedFromMemory,
                Source::Tier => RequestOutcome::ReplayedFromRedis,
                Source::Database => RequestOutcome::ReplayedFromDatabase,
            },
            Err(Error::Reused) => RequestOutcome::Reused,
            Err(Error::Expired { .. }) => RequestOutcome::Expired,
            Err(Error::InUse) => RequestOutcome::InUse,
            Err(Error::Overloaded | Error::TimedOut | Error::ShuttingDown) => {
                RequestOutcome::Unavailable
            }
            Err(Error::Failed) => RequestOutcome::Failed,
        }
    }

    /// ID of what was created.
    #[must_use]
    pub fn resource(&self) -> Option<Uuid> {
        let (Outcome::Created(stored) | Outcome::Replayed(stored)) = self.result.as_ref().ok()?;
        Some(stored.resource)
    }
}

/// Why a request has no answer. Except after [`Error::Reused`] and [`Error::Expired`], retrying with
/// the same key is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The key belongs to a request with another payload.
    #[error("the key was used for a different request")]
    Reused,
    /// The key was used so long ago that its answer is no longer stored.
    #[error("the answer to the first request with this key has expired")]
    Expired {
        /// ID of what the first request created; none if it was refused.
        created: Option<Uuid>,
    },
    /// Another instance held the key for longer than the lock wait.
    #[error("the first request with this key is still in flight")]
    InUse,
    /// The queue is full.
    #[error("too many requests are waiting")]
    Overloaded,
    /// The deadline passed. The effect may or may not have happened.
    #[error("the database did not answer in time")]
    TimedOut,
    /// The service is stopping.
    #[error("the service is shutting down")]
    ShuttingDown,
    /// The database rejected this very request: a bug, which has been logged.
    #[error("the request could not be executed")]
    Failed,
}
