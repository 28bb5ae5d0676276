//! Everything the two databases disagree about: connections and their settings, many rows in one
//! statement, classes of errors, the schema, the tables as SeaORM entities.
//!
//! Owns no rule of idempotency and no rule of orders, and knows nothing above it.

mod connect;
mod connection;
pub mod entity;
mod error;
mod file;
mod lent;
mod rows;
mod schema;
mod url;
mod writer;

use std::num::NonZeroU32;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend};

use self::connect::Check;
pub use self::connection::Connection;
pub use self::error::{Cause, Class, ConnectError, WriteError, class};
pub use self::file::File;
pub use self::rows::{Cells, Rows};
pub use self::schema::{Migration, Schema, SchemaError};
pub use self::url::{DatabaseUrl, InvalidUrl, Pooler};
pub use self::writer::{Session, Writer};

/// How to reach the database and how long to wait for it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it is.
    pub url: DatabaseUrl,
    /// Whether an SQLite file that does not exist is created.
    pub create_missing: bool,
    /// Connections kept for reads. Every lane has one of its own for writing besides.
    pub read_connections: NonZeroU32,
    /// How long one connection attempt may take.
    pub connect_timeout: Duration,
    /// How long a statement waits for another transaction's row (PostgreSQL) or for the writer's
    /// lock (SQLite).
    pub lock_wait: Duration,
    /// How long a transaction may sit idle, and a statement may run, before the database ends it.
    pub statement_timeout: Duration,
}

/// A database that answered once: connections for reads, and a way to open writers.
#[derive(Debug, Clone)]
pub struct Database {
    settings: Settings,
    reads: Connection,
}

impl Database {
    /// Connects, having proved that the database answers.
    pub async fn connect(settings: Settings) -> Result<Self, ConnectError> {
        let reads = connect::pool(&settings, settings.read_connections, Check::BeforeUse).await?;
        let database = Self { settings, reads };
        database.warn_of_weak_durability().await;
        Ok(database)
    }

    /// The pool for reads.
    #[must_use]
    pub fn reads(&self) -> &Connection {
        &self.reads
    }

    /// Which of the databases this is.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.settings.url.backend()
    }

    /// The address, for people: its password is not shown.
    #[must_use]
    pub fn url(&self) -> &DatabaseUrl {
        &self.settings.url
    }

    /// Opens one connection for the sole use of its owner.
    pub async fn connection(&self) -> Result<Connection, ConnectError> {
        connect::pool(&self.settings, NonZeroU32::MIN, Check::Never).await
    }

    /// Opens the connection of a lane.
    pub async fn writer(&self) -> Result<Writer, ConnectError> {
        connect::writer(&self.settings).await
    }

    /// Proves that an SQLite file can be written to. One that may only be read opens all the same,
    /// and even begins a transaction: it takes a write, which is not kept.
    pub async fn prove_writable(&self) -> Result<(), ConnectError> {
        if self.backend() != DbBackend::Sqlite {
            return Ok(());
        }
        let connection = self.connection().await?;
        let write = "BEGIN IMMEDIATE; PRAGMA user_version = 1; ROLLBACK";
        match connection.execute_unprepared(write).await {
            // Another writer is at work, so it can be done.
            Err(source) if class(&source) != Class::Retry => Err(ConnectError::ReadOnly {
                url: self.url().clone(),
                source,
            }),
            _ => Ok(()),
        }
    }

    /// Closes the connections for reads. Whoever closes the last connection to an SQLite file
    /// brings its log into it: after that the file is all there is.
    pub async fn close(&self) {
        if let Err(error) = self.reads.close().await {
            tracing::debug!(error = &error as &dyn std::error::Error, "not closed");
        }
    }

    /// The schema and its migrations.
    #[must_use]
    pub fn schema(&self) -> Schema<'_> {
        Schema::new(self)
    }

    /// The settings of the server that decide whether a commit survives a crash are its
    /// administrator's; where they are off, the log says so.
    async fn warn_of_weak_durability(&self) {
        if self.backend() != DbBackend::Postgres {
            return;
        }
        for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
            let statement =
                sea_orm::Statement::from_string(DbBackend::Postgres, format!("SHOW {setting}"));
            let value = self.reads.query_one_raw(statement).await;
            let value = value
                .ok()
                .flatten()
                .and_then(|row| row.try_get_by_index::<String>(0).ok());
            if value.as_deref() == Some("off") {
                tracing::warn!(
                    setting,
                    "is off in PostgreSQL: a crash can lose acknowledged orders"
                );
            }
        }
    }
}
