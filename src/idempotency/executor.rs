//! The queue in front of the lanes.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbBackend;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::batch::{Answer, Request, replayed};
use super::lane::Lane;
use super::operation::{Error, Operation};
use super::replay::Replays;
use super::{Fingerprint, ScopedKey};
use crate::db::Database;

/// Bounds of an executor.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Lanes on PostgreSQL: how many transactions are committed side by side. SQLite has one
    /// writer, so one lane.
    pub lanes: NonZeroUsize,
    /// The most requests one transaction takes.
    pub batch_max: NonZeroUsize,
    /// The most requests that wait in one lane. One more is refused at once.
    pub queue_max: NonZeroUsize,
    /// The size of the replay cache, in bytes; 0 for none.
    pub replay_bytes_max: u64,
    /// How long a request may wait for its answer.
    pub request_timeout: Duration,
    /// How long one transaction may take before its connection is given up. A call to SQLite
    /// cannot be: it is bounded by its lock wait.
    pub transaction_timeout: Duration,
}

/// How often the token of those who wait is held when there is one of them: by it and by the
/// executor. Who comes alone takes the first lane, so that a client that sends one request after
/// another always meets the same connection, whose caches in the database are warm.
const ALONE: usize = 2;

/// Executes operations of one kind, each at most once per key.
#[derive(Debug)]
pub struct Executor<O> {
    lanes: Vec<mpsc::Sender<Request<O>>>,
    replays: Replays,
    request_timeout: Duration,
    /// Every request that waits holds a clone.
    waiting: Arc<()>,
}

/// The running lanes of an executor.
#[derive(Debug)]
pub struct Lanes {
    tasks: JoinSet<()>,
    /// Ends with the lanes.
    _heartbeat: JoinSet<()>,
}

impl Lanes {
    /// Waits until every request that was queued has been answered. Ends after the executor was
    /// dropped.
    pub async fn drained(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

impl<O: Operation> Executor<O> {
    /// Starts the lanes.
    #[must_use]
    pub fn start(database: &Database, settings: &Settings) -> (Self, Lanes) {
        let count = match database.backend() {
            DbBackend::Sqlite => 1,
            _ => settings.lanes.get(),
        };
        let replays = Replays::new(settings.replay_bytes_max);
        let mut tasks = JoinSet::new();
        let mut lanes = Vec::with_capacity(count);
        for _ in 0..count {
            let (sender, queue) = mpsc::channel(settings.queue_max.get());
            let (batch_max, timeout) = (settings.batch_max.get(), settings.transaction_timeout);
            let lane = Lane::new(queue, database.clone(), replays.clone(), batch_max, timeout);
            if database.backend() == DbBackend::Sqlite {
                let runtime = Handle::current();
                tasks.spawn_blocking(move || runtime.block_on(lane.run()));
            } else {
                tasks.spawn(lane.run());
            }
            lanes.push(sender);
        }
        let mut heartbeat_task = JoinSet::new();
        heartbeat_task.spawn(heartbeat());
        let executor = Self {
            lanes,
            replays,
            request_timeout: settings.request_timeout,
            waiting: Arc::new(()),
        };
        let lanes = Lanes {
            tasks,
            _heartbeat: heartbeat_task,
        };
        (executor, lanes)
    }

    /// Executes `operation` under `key`, or replays what was executed under it before.
    ///
    /// Dropping the returned future abandons the answer, never the transaction.
    pub async fn execute(&self, key: ScopedKey, fingerprint: Fingerprint, operation: O) -> Answer {
        if let Some(replay) = self.replays.get(&key) {
            return replayed(&fingerprint, &replay.fingerprint, replay.stored);
        }
        let deadline = Instant::now() + self.request_timeout;
        let (reply, answer) = oneshot::channel();
        let waiting = Arc::clone(&self.waiting);
        let lane = if Arc::strong_count(&waiting) == ALONE {
            &self.lanes[0]
        } else {
            self.lane_of(&key)
        };
        let request = Request {
            key,
            fingerprint,
            operation,
            deadline,
            reply,
        };
        lane.try_send(request).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Error::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Error::ShuttingDown,
        })?;
        match timeout_at(deadline, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_lane_gone)) => Err(Error::ShuttingDown),
            Err(_elapsed) => Err(Error::TimedOut),
        }
    }

    /// Requests of a key go through one lane, so that they do not wait for each other in the
    /// database. (One that came alone may be in the first lane instead: a duplicate that arrives
    /// before it is committed waits for it there, as for another instance's.)
    fn lane_of(&self, key: &ScopedKey) -> &mpsc::Sender<Request<O>> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let lanes = self.lanes.len() as u64;
        let index = usize::try_from(hasher.finish() % lanes).expect("less than a usize");
        &self.lanes[index]
    }
}

/// A timer that is always due before any deadline of a request. Without it almost every deadline
/// would be the next timer of all, and setting one that is costs a system call: tokio wakes the
/// thread that waits for I/O, to make it wait less long.
async fn heartbeat() {
    let mut beat = tokio::time::interval(Duration::from_secs(1));
    loop {
        beat.tick().await;
    }
}
