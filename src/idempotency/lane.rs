//! A lane: one writer, one connection, one batch at a time.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc;

use super::batch::{Batch, Claim, Request};
use super::commit::{LockWait, commit};
use super::operation::{Error, Operation};
use super::replay::Replays;
use crate::db::{Class, ConnectError, Database, WriteError, Writer};

/// The longest pause between two attempts at a batch.
const BACKOFF_MAX: Duration = Duration::from_millis(500);

/// Takes everything that waits, commits it, answers it, and takes the next. Runs in a task of its
/// own: no caller that goes away can cancel a transaction.
pub(super) struct Lane<O> {
    queue: mpsc::Receiver<Request<O>>,
    database: Database,
    replays: Replays,
    batch_max: usize,
    transaction_timeout: Duration,
    /// `None` until first use, and after anything that leaves its state in doubt.
    writer: Option<Writer>,
}

/// Why an attempt at a batch has no result.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Database(#[from] WriteError),
    #[error("the transaction did not end within {0:?}")]
    TimedOut(Duration),
    #[error("the operation panicked")]
    Panicked,
}

impl Failure {
    fn class(&self) -> Class {
        match self {
            Self::Database(error) => error.class(),
            Self::Connect(_) | Self::TimedOut(_) => Class::Unavailable,
            Self::Panicked => Class::Refused,
        }
    }
}

impl<O: Operation> Lane<O> {
    pub(super) fn new(
        queue: mpsc::Receiver<Request<O>>,
        database: Database,
        replays: Replays,
        batch_max: usize,
        transaction_timeout: Duration,
    ) -> Self {
        Self {
            queue,
            database,
            replays,
            batch_max,
            transaction_timeout,
            writer: None,
        }
    }

    /// Runs until the queue is closed and empty. On SQLite it blocks the thread that it is on.
    pub(super) async fn run(mut self) {
        let mut waiting = Vec::new();
        while self.queue.recv_many(&mut waiting, self.batch_max).await > 0 {
            self.execute(Batch::new(std::mem::take(&mut waiting))).await;
        }
        if let Some(writer) = self.writer {
            writer.close().await;
        }
    }

    /// Brings every request of a batch to an answer: again after a failure that passes, in
    /// halves after one that a single request may be the reason of.
    async fn execute(&mut self, batch: Batch<O>) {
        let mut backoff = Backoff::default();
        let mut work = vec![(batch, LockWait::Full)];
        while let Some((batch, lock_wait)) = work.pop() {
            let batch = batch.without_late();
            if batch.is_empty() {
                continue;
            }
            let failure = match self.attempt(&batch, lock_wait).await {
                Ok(claims) => {
                    backoff = Backoff::default();
                    work.push((batch.settle(claims, &self.replays), lock_wait));
                    continue;
                }
                Err(failure) => failure,
            };
            match failure.class() {
                Class::Retry | Class::Unavailable => {
                    backoff.failed(&failure, &self.database);
                    tokio::time::sleep(backoff.pause().min(batch.patience())).await;
                    work.push((batch, lock_wait));
                }
                class @ (Class::Locked | Class::Refused) => match batch.halve() {
                    Ok((first, second)) => {
                        let wait = if class == Class::Locked {
                            LockWait::Brief
                        } else {
                            lock_wait
                        };
                        work.extend([(second, wait), (first, wait)]);
                    }
                    Err(single) if class == Class::Locked => single.refuse(Error::InUse),
                    Err(single) => {
                        tracing::error!(
                            error = &failure as &dyn std::error::Error,
                            database = %self.database.url(),
                            "request refused by the database"
                        );
                        work.push((single.refuse_claimant(Error::Failed), lock_wait));
                    }
                },
            }
        }
    }

    /// One transaction, within its bound. The writer is kept only if its state is known.
    async fn attempt(
        &mut self,
        batch: &Batch<O>,
        lock_wait: LockWait,
    ) -> Result<Vec<Claim>, Failure> {
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.database.writer().await?,
        };
        let transaction = AssertUnwindSafe(commit(&mut writer, batch, lock_wait)).catch_unwind();
        let ended = tokio::time::timeout(self.transaction_timeout, transaction).await;
        let result = match ended {
            Ok(Ok(result)) => result.map_err(Failure::Database),
            Ok(Err(_panic)) => return Err(Failure::Panicked),
            Err(_elapsed) => return Err(Failure::TimedOut(self.transaction_timeout)),
        };
        if result
            .as_ref()
            .err()
            .is_none_or(|failure| failure.class() != Class::Unavailable)
        {
            self.writer = Some(writer);
        }
        result
    }
}

/// Pauses between attempts: doubled each time, with full jitter, so that instances that met do
/// not meet again.
#[derive(Debug, Default)]
struct Backoff {
    failures: u32,
}

impl Backoff {
    /// An outage is logged when it begins, not at every attempt.
    fn failed(&mut self, failure: &Failure, database: &Database) {
        if self.failures == 0 && failure.class() == Class::Unavailable {
            tracing::warn!(
                error = failure as &dyn std::error::Error,
                database = %database.url(),
                "batch not committed, trying again"
            );
        }
        self.failures = self.failures.saturating_add(1);
    }

    fn pause(&self) -> Duration {
        let ceiling = Duration::from_millis(4) * 2_u32.saturating_pow(self.failures.min(10));
        ceiling.min(BACKOFF_MAX).mul_f64(fastrand::f64())
    }
}
