//! A lane: one batch at a time on a connection of its own.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::batch::{Batch, Claim, Ending, Next, Settled};
use super::commit::{KeyRow, commit};
use super::operation::{Error, Operation, Source};
use super::pending::Pending;
use super::replay::Replays;
use super::tier::SharedReplays;
use crate::chain::Chain;
use crate::db::{
    self, ConnectError, Database, Epoch, ErrorClass, Generation, LockWait, Transactions,
};
use crate::telemetry::metrics;

/// The longest pause between two attempts at a batch.
const BACKOFF_MAX: Duration = Duration::from_millis(500);

/// How long a begun transaction waits for requests. No shorter than the executor's heartbeat, for
/// which every deadline is a later timer.
const BEGUN_MAX: Duration = Duration::from_secs(1);

/// Commits everything that waits, answers it, and takes the next.
///
/// It runs in a task of its own, so that no caller that goes away cancels a transaction.
pub(super) struct Lane<O> {
    queue: mpsc::Receiver<Pending<O>>,
    database: Database,
    replays: Replays,
    shared: Option<SharedReplays>,
    batch_max: usize,
    transaction_timeout: Duration,
    /// `None` until first use, and whenever its state is in doubt.
    transactions: Option<Transactions>,
}

/// Why an attempt at a batch failed.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Database(#[from] sea_orm::DbErr),
    #[error("the transaction did not end within {0:?}")]
    TimedOut(Duration),
    #[error("the operation panicked")]
    Panicked,
}

impl AttemptError {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Database(error) => db::class(error),
            Self::Connect(_) | Self::TimedOut(_) => ErrorClass::Unavailable,
            Self::Panicked => ErrorClass::Rejected,
        }
    }

    /// Whether the connection can be used again.
    fn spares_connection(&self) -> bool {
        matches!(self, Self::Database(_)) && self.class() != ErrorClass::Unavailable
    }
}

impl<O: Operation> Lane<O> {
    pub(super) fn new(
        queue: mpsc::Receiver<Pending<O>>,
        database: Database,
        replays: Replays,
        shared: Option<SharedReplays>,
        batch_max: usize,
        transaction_timeout: Duration,
    ) -> Self {
        Self {
            queue,
            database,
            replays,
            shared,
            batch_max,
            transaction_timeout,
            transactions: None,
        }
    }

    /// Runs until the queue is closed and empty.
    pub(super) async fn run(mut self) {
        while let Some(batch) = self.next_batch().await {
            self.execute(batch).await;
        }
        if let Some(transactions) = self.transactions {
            // Nothing is lost if the database does not hear it.
            let _ = transactions.close().await;
        }
    }

    /// Waits for requests and takes all that wait, up to the maximum.
    async fn next_batch(&mut self) -> Option<Batch<Pending<O>>> {
        let mut waiting = Vec::new();
        if let Some(transactions) = self.transactions.as_mut().filter(|t| t.has_begun()) {
            let receiving = self.queue.recv_many(&mut waiting, self.batch_max);
            if tokio::time::timeout(BEGUN_MAX, receiving).await.is_err()
                && transactions.rest().await.is_err()
            {
                self.transactions = None;
            }
        }
        if waiting.is_empty() {
            self.queue.recv_many(&mut waiting, self.batch_max).await;
        }
        if waiting.is_empty() {
            return None;
        }
        metrics().taken(waiting.len());
        let size = u32::try_from(waiting.len()).unwrap_or(u32::MAX);
        let taken = Instant::now();
        for request in &mut waiting {
            request.batch = Some((size, taken));
        }
        Some(Batch::new(waiting))
    }

    /// Answers every request: retries transient failures, bisects the batch on permanent ones.
    async fn execute(&mut self, batch: Batch<Pending<O>>) {
        // Before anything is read, and before the generation: a row is kept under no later epoch than
        // the one that it is of.
        let epoch = self.database.epoch(std::time::Instant::now());
        let generation = self.generation();
        let batch = self.replay_shared(batch, epoch, generation).await;
        let mut backoff = Backoff::default();
        let mut work = vec![(batch, LockWait::Full)];
        while let Some((batch, lock_wait)) = work.pop() {
            let now = Instant::now();
            let (expired, batch) = batch.drop_expired(|request| request.deadline <= now);
            fail(expired, Error::TimedOut, None);
            if batch.is_empty() {
                continue;
            }
            let failure = match self.attempt(&batch, lock_wait).await {
                Ok(claims) => {
                    backoff = Backoff::default();
                    let settled = batch.settle(claims);
                    self.share(&settled, generation);
                    work.push((self.answer(settled, epoch, Source::Database), lock_wait));
                    continue;
                }
                Err(failure) => failure,
            };
            metrics().transaction_failed(failure.class().into());
            match batch.after(failure.class(), lock_wait) {
                Next::Retry(batch) => {
                    backoff.failed(&failure, &self.database);
                    tokio::time::sleep(backoff.pause().min(time_left(&batch))).await;
                    work.push((batch, lock_wait));
                }
                Next::Bisect(first, second, lock_wait) => {
                    work.extend([(second, lock_wait), (first, lock_wait)]);
                }
                Next::InUse(requests) => fail(requests, Error::InUse, None),
                Next::Reject(requests, rest) => {
                    let cause = format!("{}: {}", self.database.url(), Chain(&failure)).into();
                    fail(requests, Error::Failed, Some(&cause));
                    work.push((rest, lock_wait));
                }
            }
        }
    }

    /// Runs one transaction within its time limit. Keeps the connection only if its state is
    /// known.
    async fn attempt(
        &mut self,
        batch: &Batch<Pending<O>>,
        lock_wait: LockWait,
    ) -> Result<Vec<Claim<KeyRow>>, AttemptError> {
        let mut transactions = match self.transactions.take() {
            Some(transactions) => transactions,
            None => self.database.transactions().await?,
        };
        let claimants = batch.claimants();
        let began = Instant::now();
        let transaction = AssertUnwindSafe(commit(&mut transactions, &claimants, lock_wait));
        let result = match tokio::time::timeout(
            self.transaction_timeout,
            transaction.catch_unwind(),
        )
        .await
        {
            Ok(Ok(result)) => result.map_err(AttemptError::from),
            Ok(Err(_panic)) => Err(AttemptError::Panicked),
            Err(_elapsed) => Err(AttemptError::TimedOut(self.transaction_timeout)),
        };
        metrics().transaction(began.elapsed());
        let known = result.as_ref().err();
        if known.is_none_or(AttemptError::spares_connection) {
            self.transactions = Some(transactions);
        }
        result
    }

    /// The generation of what is read and written from now on, or an earlier one.
    fn generation(&self) -> Option<Generation> {
        self.shared.as_ref()?;
        self.database.generation(std::time::Instant::now())
    }

    /// Answers the requests whose row another instance has shared, and returns the others.
    async fn replay_shared(
        &self,
        batch: Batch<Pending<O>>,
        epoch: Option<Epoch>,
        generation: Option<Generation>,
    ) -> Batch<Pending<O>> {
        let Some((shared, generation)) = self.shared.as_ref().zip(generation) else {
            return batch;
        };
        let digests = batch.claimants().iter().map(|one| one.digest).collect();
        let rows = shared.get(generation, digests).await;
        // A key without a row here is claimed in the database.
        let claims = rows.map(|row| row.map_or(Claim::Vanished, Claim::Lost));
        self.answer(batch.settle(claims.collect()), epoch, Source::Tier)
    }

    /// Shares the rows that this batch has inserted.
    fn share(&self, settled: &Settled<Pending<O>>, generation: Option<Generation>) {
        let Some((shared, generation)) = self.shared.as_ref().zip(generation) else {
            return;
        };
        let created = settled
            .endings
            .iter()
            .filter_map(|(request, ending)| match ending {
                Ending::Created(row) => Some((request.digest, row)),
                Ending::Replayed(_) | Ending::Reused | Ending::Expired(_) => None,
            });
        shared.put(generation, created);
    }

    /// Answers what is settled, and returns what has to be claimed again.
    fn answer(
        &self,
        settled: Settled<Pending<O>>,
        epoch: Option<Epoch>,
        source: Source,
    ) -> Batch<Pending<O>> {
        let mut kept = None;
        for (request, ending) in settled.endings {
            if let Ending::Replayed(row) = &ending
                && kept.replace(request.digest) != Some(request.digest)
            {
                self.replays.keep(request.digest, epoch, row);
            }
            request.answer(ending.into(), source, None);
        }
        settled.again
    }
}

fn fail<O: Operation>(requests: Vec<Pending<O>>, error: Error, cause: Option<&Arc<str>>) {
    for request in requests {
        request.answer(Err(error), Source::Database, cause.cloned());
    }
}

/// The time until the last deadline of a batch.
fn time_left<O: Operation>(batch: &Batch<Pending<O>>) -> Duration {
    let last = batch.requests().map(|request| request.deadline).max();
    last.map_or(Duration::ZERO, |deadline| {
        deadline.saturating_duration_since(Instant::now())
    })
}

/// Pauses between attempts: exponential with full jitter, so that instances that collided do not
/// collide again.
#[derive(Debug, Default)]
struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Counts a failure. The database logs an outage when it begins, not at every attempt.
    fn failed(&mut self, failure: &AttemptError, database: &Database) {
        if failure.class() == ErrorClass::Unavailable {
            database.failed(failure);
        }
        self.failures = self.failures.saturating_add(1);
    }

    fn pause(&self) -> Duration {
        let ceiling = Duration::from_millis(4) * 2_u32.saturating_pow(self.failures.min(10));
        ceiling.min(BACKOFF_MAX).mul_f64(fastrand::f64())
    }
}
