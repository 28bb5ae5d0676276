//! Watches a database: which one it is, and whether it answers.
//!
//! The database behind a URL can be exchanged while the service runs: `orders migrate fresh`, a
//! backup that is restored, a file that is replaced. What was read before says nothing about the
//! new one. An [`Epoch`] ends when the database is exchanged.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use tokio::time::MissedTickBehavior;

use super::{Connection, Database, ErrorClass, class};
use crate::chain::Chain;
use crate::telemetry::metrics;

/// How often the database is asked which one it is.
const INTERVAL: Duration = Duration::from_millis(250);

/// How long an answer is relied on. The documentation gives this bound.
const RELIED_ON: Duration = Duration::from_secs(1);

/// How long the database must answer everything before an outage counts as over.
const QUIET: Duration = Duration::from_secs(1);

/// What differs after the database was exchanged. PostgreSQL: another database or table of keys
/// (`migrate fresh`, DROP and restore), its truncation, and another or restarted server (restore
/// of a data directory).
const POSTGRES_IDENTITY: &str = "SELECT concat_ws(' ', d.oid, c.oid, pg_relation_filenode(c.oid), \
     pg_postmaster_start_time()) FROM pg_database d, pg_class c \
     WHERE d.datname = current_database() AND c.oid = to_regclass('idempotency_keys')";

/// SQLite: every change of the schema, and a restore into the open file. [`Connection`] notices
/// another file.
const SQLITE_IDENTITY: &str = "SELECT CAST(schema_version AS text) FROM pragma_schema_version";

/// The time during which a database is the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    identities: u64,
    files: u64,
}

/// Names a database for all instances that use it, until it is exchanged. Unlike an [`Epoch`] it can
/// be stored outside of the process: no two databases ever have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation([u8; 16]);

impl Generation {
    fn new(identity: &str, file: &str) -> Self {
        // The first has no NUL, so no two pairs have the same bytes.
        let digest = Sha256::digest(format!("{identity}\0{file}"));
        Self(std::array::from_fn(|index| digest[index]))
    }

    /// The generation with this name.
    #[must_use]
    pub const fn from_bytes(name: [u8; 16]) -> Self {
        Self(name)
    }

    /// The name as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What is known of a database. The clones of a [`Database`] share it.
#[derive(Debug)]
pub(super) struct Watched {
    created: Instant,
    connection: OnceCell<Connection>,
    /// The last answer, to notice another.
    identity: Mutex<Option<String>>,
    /// Counts different answers.
    identities: AtomicU64,
    /// The generation, and the epoch that it is of.
    generation: Mutex<Option<(Epoch, Generation)>>,
    /// When the question of the last answer was sent, in microseconds since `created`; 0: never.
    asked_at: AtomicU64,
    outage: Mutex<Option<Outage>>,
}

#[derive(Debug)]
struct Outage {
    since: Instant,
    last_failure: Instant,
    cause: Arc<str>,
}

impl Default for Watched {
    fn default() -> Self {
        Self {
            created: Instant::now(),
            connection: OnceCell::new(),
            identity: Mutex::default(),
            identities: AtomicU64::default(),
            generation: Mutex::default(),
            asked_at: AtomicU64::default(),
            outage: Mutex::default(),
        }
    }
}

impl Database {
    /// Asks the database which one it is, again and again. Without it there is no [`Epoch`].
    pub async fn watch(self) {
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let asked = Instant::now();
            // Before the answer, so that a file that is replaced meanwhile is noticed.
            let files = self.reads.file_version();
            match tokio::time::timeout(RELIED_ON, self.identity()).await {
                Ok(Ok(identity)) => {
                    let file = self.reads.file_identity();
                    let generation = identity.as_deref().zip(file.as_deref());
                    let generation = generation.map(|(text, file)| Generation::new(text, file));
                    self.watched.identified(asked, identity);
                    self.watched.generated(files, generation);
                    self.answered(asked);
                }
                Ok(Err(error)) => self.unidentified(&error),
                Err(elapsed) => self.failed(&elapsed),
            }
        }
    }

    /// The present epoch, or `None` while it is in doubt: the database was asked within the last
    /// second, and an SQLite file is still the one that was asked.
    #[must_use]
    pub fn epoch(&self, now: Instant) -> Option<Epoch> {
        let asked_at = self.watched.asked_at.load(Ordering::Acquire);
        let now = self.watched.since_created(now);
        if asked_at == 0 || now.saturating_sub(asked_at) > micros(RELIED_ON) {
            return None;
        }
        Some(Epoch {
            identities: self.watched.identities.load(Ordering::Acquire),
            files: self.reads.file_version()?,
        })
    }

    /// The present generation, or `None` while it is in doubt, as for [`Database::epoch`].
    #[must_use]
    pub fn generation(&self, now: Instant) -> Option<Generation> {
        let present = self.epoch(now)?;
        let (epoch, generation) = (*lock(&self.watched.generation))?;
        (epoch == present).then_some(generation)
    }

    /// Reports a failure that says that the database cannot be used. Logs the first of an outage.
    pub fn failed(&self, error: &(dyn Error + 'static)) {
        let now = Instant::now();
        let mut outage = lock(&self.watched.outage);
        if let Some(outage) = outage.as_mut() {
            outage.last_failure = now;
            return;
        }
        let cause: Arc<str> = Chain(error).to_string().into();
        tracing::warn!(error = &*cause, database = %self.url(), "database unavailable");
        metrics().database_is_down();
        *outage = Some(Outage {
            since: now,
            last_failure: now,
            cause,
        });
    }

    /// Why the present outage began.
    #[must_use]
    pub fn last_failure(&self) -> Option<Arc<str>> {
        let outage = lock(&self.watched.outage);
        outage.as_ref().map(|outage| Arc::clone(&outage.cause))
    }

    fn answered(&self, asked: Instant) {
        let mut outage = lock(&self.watched.outage);
        let over = |outage: &&Outage| asked.saturating_duration_since(outage.last_failure) > QUIET;
        if let Some(ended) = outage.as_ref().filter(over) {
            let length = ended.last_failure.duration_since(ended.since);
            tracing::info!(
                outage_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX),
                database = %self.url(),
                "database available again"
            );
            *outage = None;
        }
        if outage.is_none() {
            metrics().database_is_up();
        }
    }

    /// The database may answer and not tell which one it is: a table is missing, or a function.
    fn unidentified(&self, error: &DbErr) {
        if class(error) == ErrorClass::Unavailable {
            self.failed(error);
        } else {
            tracing::debug!(error = %Chain(error), "the database does not tell which one it is");
        }
    }

    async fn identity(&self) -> Result<Option<String>, DbErr> {
        let open = || async {
            let opened = self.connection().await;
            opened.map_err(|error| {
                DbErr::Conn(sea_orm::RuntimeErr::Internal(Chain(&error).to_string()))
            })
        };
        let connection = self.watched.connection.get_or_try_init(open).await?;
        let backend = connection.get_database_backend();
        let query = match backend {
            DbBackend::Sqlite => SQLITE_IDENTITY,
            _ => POSTGRES_IDENTITY,
        };
        let row = connection
            .query_one_raw(Statement::from_string(backend, query))
            .await?;
        row.map(|row| row.try_get_by_index(0)).transpose()
    }
}

impl Watched {
    fn identified(&self, asked: Instant, identity: Option<String>) {
        let known = identity.is_some();
        let mut last = lock(&self.identity);
        if *last != identity {
            if last.is_some() {
                metrics().database_exchanged();
            }
            *last = identity;
            self.identities.fetch_add(1, Ordering::Release);
        }
        // After the epoch, because a reader looks at it first.
        let asked_at = if known { self.since_created(asked) } else { 0 };
        self.asked_at.store(asked_at, Ordering::Release);
    }

    fn generated(&self, files: Option<u64>, generation: Option<Generation>) {
        let identities = self.identities.load(Ordering::Acquire);
        let epoch = files.map(|files| Epoch { identities, files });
        *lock(&self.generation) = epoch.zip(generation);
    }

    /// Closes the connection of the watch.
    pub(super) async fn close(&self) -> Result<(), DbErr> {
        match self.connection.get() {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }

    fn since_created(&self, time: Instant) -> u64 {
        micros(time.saturating_duration_since(self.created))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
