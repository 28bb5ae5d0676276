//! The queue in front of the lanes.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::batch::replay;
use super::lane::Lane;
use super::operation::{Error, Execution, Operation, Outcome, Source};
use super::pending::Pending;
use super::replay::Replays;
use super::tier::{ReplayTier, SharedReplays};
use super::{Fingerprint, RequestId, Retention, ScopedKey};
use crate::db::Database;
use crate::telemetry::metrics;

/// Bounds of an executor.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most lanes: transactions that are committed side by side. SQLite has one writer, so one
    /// lane. Of two or more, the first takes requests that are alone.
    pub lanes: NonZeroUsize,
    /// The most requests in one transaction.
    pub batch_max: NonZeroUsize,
    /// The most requests that wait in one lane. One more is refused at once.
    pub queue_max: NonZeroUsize,
    /// The size of the replay cache, in bytes; 0 for none.
    pub replay_bytes_max: u64,
    /// How long keys are kept. A [`Sweeper`](super::Sweeper) takes them.
    pub retention: Retention,
    /// Stored answers that instances share.
    pub replay_tier: Option<Arc<dyn ReplayTier>>,
    /// How long a request may wait for its answer.
    pub request_timeout: Duration,
    /// How long one transaction may take before its connection is given up.
    pub transaction_timeout: Duration,
}

impl Default for Settings {
    /// The defaults of `orders serve`.
    fn default() -> Self {
        let number = |number| NonZeroUsize::new(number).expect("not zero");
        Self {
            lanes: number(3),
            batch_max: number(256),
            queue_max: number(2048),
            replay_bytes_max: 8 << 20,
            retention: Retention::default(),
            replay_tier: None,
            request_timeout: Duration::from_secs(10),
            transaction_timeout: Duration::from_secs(5),
        }
    }
}

/// How many pending requests make one more lane worth its smaller batches.
const LANE_LOAD: usize = 96;

/// Executes operations of one kind, each at most once per key.
#[derive(Debug)]
pub struct Executor<O> {
    /// For a request that is alone.
    alone: Option<mpsc::Sender<Pending<O>>>,
    lanes: Vec<mpsc::Sender<Pending<O>>>,
    replays: Replays,
    database: Database,
    retention: Retention,
    request_timeout: Duration,
    /// Every pending request holds a clone.
    pending: Arc<()>,
}

/// The running lanes of an executor.
#[derive(Debug)]
pub struct Lanes {
    tasks: JoinSet<()>,
    /// Ends with the lanes.
    _heartbeat: JoinSet<()>,
}

impl Lanes {
    /// Waits until every queued request has been answered. Ends once the executor is dropped.
    pub async fn drained(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

impl<O: Operation> Executor<O> {
    /// Starts the lanes: the one for requests that are alone in the caller's runtime, the others each
    /// with a thread and an I/O driver of its own.
    pub fn start(database: &Database, settings: &Settings) -> io::Result<(Self, Lanes)> {
        let replays = Replays::new(settings.replay_bytes_max, settings.retention);
        let new_lane = || {
            let (sender, queue) = mpsc::channel(settings.queue_max.get());
            let lane = Lane::new(
                queue,
                database.clone(),
                replays.clone(),
                settings.replay_tier.clone().map(SharedReplays::new),
                settings.batch_max.get(),
                settings.transaction_timeout,
            );
            (sender, lane)
        };
        let mut tasks = JoinSet::new();
        let count = database.writers(settings.lanes).get();
        let alone = (count > 1).then(|| {
            let (sender, lane) = new_lane();
            tasks.spawn(lane.run());
            sender
        });
        let mut lanes = Vec::new();
        for _ in usize::from(alone.is_some())..count {
            let (sender, lane) = new_lane();
            let runtime = Builder::new_current_thread().enable_all().build()?;
            tasks.spawn_blocking(move || runtime.block_on(lane.run()));
            lanes.push(sender);
        }
        metrics().lanes_started(count);
        let mut heartbeat_task = JoinSet::new();
        heartbeat_task.spawn(heartbeat());
        heartbeat_task.spawn(database.clone().watch());
        let executor = Self {
            alone,
            lanes,
            replays,
            database: database.clone(),
            retention: settings.retention,
            request_timeout: settings.request_timeout,
            pending: Arc::new(()),
        };
        let lanes = Lanes {
            tasks,
            _heartbeat: heartbeat_task,
        };
        Ok((executor, lanes))
    }

    /// Executes `operation` under `key`, or replays what was executed under it before.
    ///
    /// Dropping the returned future abandons the answer, never the transaction.
    pub async fn execute(
        &self,
        key: ScopedKey,
        fingerprint: Fingerprint,
        operation: O,
    ) -> Result<Outcome, Error> {
        let execution = self.execute_in_detail(key, fingerprint, operation, None);
        execution.await.result
    }

    /// [`Executor::execute`] for a request that logs call `id`, with what they tell about it.
    pub async fn execute_in_detail(
        &self,
        key: ScopedKey,
        fingerprint: Fingerprint,
        operation: O,
        id: Option<RequestId>,
    ) -> Execution {
        let execution = self.run(key, fingerprint, operation, id).await;
        metrics().request(execution.outcome());
        execution
    }

    async fn run(
        &self,
        key: ScopedKey,
        fingerprint: Fingerprint,
        operation: O,
        id: Option<RequestId>,
    ) -> Execution {
        let key_digest = key.digest();
        let without_batch = |result| Execution {
            key_digest,
            result,
            source: Source::Memory,
            batch: None,
            times: None,
            cause: None,
        };
        let now = Instant::now();
        let deadline = now + self.request_timeout;
        let (reply, answer) = oneshot::channel();
        let request = Pending {
            digest: key_digest,
            key,
            fingerprint,
            operation,
            id,
            deadline,
            queued: now,
            batch: None,
            reply,
        };
        let epoch = || self.database.epoch(now.into_std());
        if let Some(row) = self.replays.get(&request.digest, epoch) {
            return without_batch(replay(&request, &row).into());
        }
        let pending = Arc::clone(&self.pending);
        match self.lane_of(&request.digest).try_send(request) {
            Ok(()) => metrics().queued(),
            Err(mpsc::error::TrySendError::Full(_)) => {
                return without_batch(Err(Error::Overloaded));
            }
            Err(mpsc::error::TrySendError::Closed(_)) => {
                return without_batch(Err(Error::ShuttingDown));
            }
        }
        let mut execution = match timeout_at(deadline, answer).await {
            Ok(Ok(execution)) => execution,
            Ok(Err(_lane_gone)) => without_batch(Err(Error::ShuttingDown)),
            Err(_elapsed) => without_batch(Err(Error::TimedOut)),
        };
        if execution.result == Err(Error::TimedOut) {
            execution.cause = self.database.last_failure();
        }
        drop(pending);
        execution
    }

    /// How long the keys are kept.
    #[must_use]
    pub fn retention(&self) -> &Retention {
        &self.retention
    }

    /// Few lanes make large batches, and a second one commits while the first waits for its disk:
    /// their number follows the load. Requests of a key go through one lane, so that they seldom
    /// wait for each other in the database, as they would for another instance.
    ///
    /// A request that is alone takes a lane in the caller's runtime instead, because it would wait
    /// for two threads to wake each other.
    fn lane_of(&self, digest: &Uuid) -> &mpsc::Sender<Pending<O>> {
        let pending = Arc::strong_count(&self.pending) - 1;
        if pending == 1
            && let Some(alone) = &self.alone
        {
            return alone;
        }
        let lanes = (pending / LANE_LOAD).clamp(1, self.lanes.len()) as u128;
        let index = usize::try_from(digest.as_u128() % lanes);
        &self.lanes[index.expect("smaller than a length")]
    }
}

/// Keeps a timer that is due before any deadline of a request. Without it almost every new
/// deadline would be the next timer to fire, and tokio wakes the thread that waits for I/O to
/// shorten its wait: a system call per request. Also counts what the histograms have buffered: every
/// sample with its time, megabytes a second under load.
async fn heartbeat() {
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    loop {
        beat.tick().await;
        metrics().upkeep();
    }
}
