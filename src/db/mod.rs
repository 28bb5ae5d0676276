//! Everything the two databases disagree about: connections and their settings, classes of
//! errors, the schema, the tables as SeaORM entities.
//!
//! Owns no rule of idempotency and no rule of orders, and knows nothing above it.

mod backup;
mod checkpoint;
mod claim;
pub mod clock;
mod connect;
mod connection;
pub mod entity;
mod error;
mod file;
mod lease;
mod schema;
mod session;
mod slices;
mod transactions;
mod unopened;
mod url;
mod watch;

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, Statement};

pub use self::backup::{Backup, BackupError};
pub use self::claim::insert_new_keys;
use self::connect::Purpose;
pub use self::connection::{Connection, LockWait};
pub use self::error::{Cause, ConnectError, ErrorClass, class};
pub use self::lease::Lease;
pub use self::schema::{Migration, Schema, SchemaError};
pub use self::slices::Slices;
pub use self::transactions::Transactions;
pub use self::unopened::FileProblem;
pub use self::url::{DatabaseUrl, InvalidUrl, SettingsScope};
use self::watch::Watched;
pub use self::watch::{Epoch, Generation};
use crate::chain::Chain;

/// How to reach the database and how long to wait for it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address.
    pub url: DatabaseUrl,
    /// Whether a missing SQLite file is created. It is not created again if it is removed later.
    pub create_missing: bool,
    /// Connections for reads. Every lane has its own for writing besides.
    pub read_connections: NonZeroU32,
    /// How long one connection attempt may take.
    pub connect_timeout: Duration,
    /// How long a statement waits for the row of another transaction (PostgreSQL) or for the
    /// write lock (SQLite).
    pub lock_wait: Duration,
    /// How long a statement may run and a transaction may sit idle before the database ends it.
    pub statement_timeout: Duration,
}

impl Settings {
    /// The defaults of `orders serve` for a database.
    #[must_use]
    pub fn new(url: DatabaseUrl) -> Self {
        Self {
            url,
            create_missing: true,
            read_connections: NonZeroU32::new(4).expect("not zero"),
            connect_timeout: Duration::from_secs(5),
            lock_wait: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
        }
    }
}

/// A database that has answered once: a pool for reads, and connections for lanes.
#[derive(Debug, Clone)]
pub struct Database {
    settings: Settings,
    reads: Connection,
    watched: Arc<Watched>,
}

impl Database {
    /// Connects and proves that the database answers.
    pub async fn connect(mut settings: Settings) -> Result<Self, ConnectError> {
        let shared = Purpose::Shared(settings.read_connections);
        let reads = connect::pool(&settings, shared).await?;
        // For the pools of lanes as well: a file that was removed is not created again.
        settings.create_missing = false;
        let database = Self {
            settings,
            reads,
            watched: Arc::default(),
        };
        database.warn_of_weak_durability().await;
        Ok(database)
    }

    /// The pool for reads.
    #[must_use]
    pub fn reads(&self) -> &Connection {
        &self.reads
    }

    /// The address; it displays without its password.
    #[must_use]
    pub fn url(&self) -> &DatabaseUrl {
        &self.settings.url
    }

    /// How many of `wanted` transactions the database commits side by side: SQLite has one writer.
    #[must_use]
    pub fn writers(&self, wanted: NonZeroUsize) -> NonZeroUsize {
        match self.backend() {
            DbBackend::Sqlite => NonZeroUsize::MIN,
            _ => wanted,
        }
    }

    /// Opens a connection for the transactions of one owner.
    pub async fn transactions(&self) -> Result<Transactions, ConnectError> {
        let connection = connect::pool(&self.settings, Purpose::Lane).await?;
        Ok(Transactions::new(connection))
    }

    /// Opens a connection for one task.
    pub async fn connection(&self) -> Result<Connection, ConnectError> {
        connect::pool(&self.settings, Purpose::Shared(NonZeroU32::MIN)).await
    }

    /// Opens a connection for work that may be lost in a crash and done again. Its commits do not
    /// wait for the disk, except through a pooler.
    pub async fn background(&self) -> Result<Connection, ConnectError> {
        connect::pool(&self.settings, Purpose::Background).await
    }

    /// Fails if an SQLite file cannot be written. Opening it and beginning a transaction succeed
    /// even then, so this writes and rolls back.
    pub async fn check_writable(&self) -> Result<(), ConnectError> {
        if self.backend() != DbBackend::Sqlite {
            return Ok(());
        }
        let connection = self.connection().await?;
        let write = "BEGIN IMMEDIATE; PRAGMA user_version = 1; ROLLBACK";
        match connection.execute_unprepared(write).await {
            // Another connection is writing, so it can be done.
            Err(source) if class(&source) != ErrorClass::Retry => Err(ConnectError::ReadOnly {
                url: self.url().clone(),
                source,
            }),
            _ => Ok(()),
        }
    }

    /// Closes the connections, except those of lanes. When the last connection to an SQLite file closes,
    /// SQLite moves the log into the file and deletes it.
    pub async fn close(&self) {
        for closed in [self.watched.close().await, self.reads.close().await] {
            if let Err(error) = closed {
                tracing::debug!(error = %Chain(&error), "not closed");
            }
        }
    }

    /// The schema and its migrations.
    #[must_use]
    pub fn schema(&self) -> Schema<'_> {
        Schema::new(self)
    }

    fn backend(&self) -> DbBackend {
        self.settings.url.backend()
    }

    /// Logs server settings under which a crash can lose a commit. They are the administrator's to
    /// change.
    async fn warn_of_weak_durability(&self) {
        if self.backend() != DbBackend::Postgres {
            return;
        }
        for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
            let show = Statement::from_string(DbBackend::Postgres, format!("SHOW {setting}"));
            let row = self.reads.query_one_raw(show).await.ok().flatten();
            let value = row.and_then(|row| row.try_get_by_index::<String>(0).ok());
            if value.as_deref() == Some("off") {
                tracing::warn!(
                    setting,
                    "off in PostgreSQL: a crash can lose acknowledged orders"
                );
            }
        }
    }
}
