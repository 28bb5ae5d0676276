//! The schema: up, down, fresh, and what is pending.
//!
//! Changes run in transactions under a lock, so that many processes may start at once on an empty
//! database and one that dies leaves no migration half done.

use std::time::Duration;

use migration::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

use super::{ConnectError, Database, DatabaseUrl, ErrorClass, class};

/// The advisory lock that schema changes hold on PostgreSQL: "orders" in ASCII.
const LOCK: i64 = 0x6f72_6465_7273;

/// How often a migration tries to lock a table that a long transaction uses, such as a backup.
/// Everything that wants the table meanwhile waits behind the migration, so it waits for one second
/// only and then lets the others go first.
const LOCK_ATTEMPTS: u32 = 60;

/// The pause between two attempts.
const LOCK_PAUSE: Duration = Duration::from_secs(1);

/// Why the schema could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// No connection for the change.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A statement failed.
    #[error("cannot {action} the schema of {url}")]
    Database {
        /// What was tried.
        action: &'static str,
        /// Which database.
        url: DatabaseUrl,
        /// Why it failed.
        source: DbErr,
    },
    /// A schema change needs a session of its own.
    #[error(
        "cannot {action} the schema through a pooler: use the URL of the database itself \
         (orders migrate up)"
    )]
    Pooled {
        /// What was tried.
        action: &'static str,
    },
}

impl SchemaError {
    /// Whether another transaction uses a table that was to be changed.
    fn is_locked(&self) -> bool {
        match self {
            Self::Database { url, source, .. } => {
                url.backend() == DbBackend::Postgres && class(source) == ErrorClass::Retry
            }
            Self::Connect(_) | Self::Pooled { .. } => false,
        }
    }
}

/// One migration and whether it has run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its name, which orders it in history.
    pub name: String,
    /// Whether it has run.
    pub applied: bool,
}

/// The schema of one database.
#[derive(Debug)]
pub struct Schema<'a> {
    database: &'a Database,
}

impl<'a> Schema<'a> {
    pub(super) fn new(database: &'a Database) -> Self {
        Self { database }
    }

    /// Every migration this program knows, in order. Changes nothing.
    pub async fn migrations(&self) -> Result<Vec<Migration>, SchemaError> {
        let known = Migrator::get_migration_with_status_read_only(self.database.reads()).await;
        let known = known.map_err(|source| self.failed("read", source))?;
        Ok(known
            .iter()
            .map(|migration| Migration {
                name: migration.name().to_owned(),
                applied: migration.status() == migration::MigrationStatus::Applied,
            })
            .collect())
    }

    /// The names of the migrations that have not run.
    pub async fn pending(&self) -> Result<Vec<String>, SchemaError> {
        let migrations = self.migrations().await?;
        Ok(migrations
            .into_iter()
            .filter(|m| !m.applied)
            .map(|m| m.name)
            .collect())
    }

    /// Runs what is pending and returns its names.
    ///
    /// Each migration of a database in use has a transaction of its own. One for all would hold the
    /// locks of several tables, and deadlock with orders, which take them in another order.
    pub async fn up(&self) -> Result<Vec<String>, SchemaError> {
        // The common case, a current schema, takes no lock.
        if self.pending().await?.is_empty() {
            return Ok(Vec::new());
        }
        let (mut names, mut attempt) = (Vec::new(), 1);
        loop {
            match self.change("bring up", up_next).await {
                Err(error) if error.is_locked() && attempt < LOCK_ATTEMPTS => {
                    if attempt == 1 {
                        tracing::warn!("a long transaction uses a table, the migration waits");
                    }
                    attempt += 1;
                    tokio::time::sleep(LOCK_PAUSE).await;
                }
                Err(error) => return Err(error),
                Ok(next) if next.is_empty() => return Ok(names),
                Ok(next) => names.extend(next),
            }
        }
    }

    /// Takes the last `steps` migrations back and returns their names. Their data is lost.
    pub async fn down(&self, steps: u32) -> Result<Vec<String>, SchemaError> {
        self.change("take down", async |txn| {
            Migrator::down(txn, Some(steps)).await
        })
        .await
    }

    /// Takes everything of this program back and brings it up again: an empty database.
    pub async fn fresh(&self) -> Result<(), SchemaError> {
        self.change("renew", async |txn| {
            Migrator::down(txn, None).await?;
            Migrator::up(txn, None).await
        })
        .await?;
        Ok(())
    }

    fn failed(&self, action: &'static str, source: DbErr) -> SchemaError {
        SchemaError::Database {
            action,
            url: self.database.url().clone(),
            source,
        }
    }

    /// Runs `work` in one transaction that nobody else's change can overlap, and returns the
    /// names of the migrations whose state it changed.
    async fn change(
        &self,
        action: &'static str,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<(), DbErr>,
    ) -> Result<Vec<String>, SchemaError> {
        let failed = |source| self.failed(action, source);
        let connection = self.database.connection().await?;
        let session = connection
            .sessions()
            .ok_or(SchemaError::Pooled { action })?;
        let txn = begin_alone(session).await.map_err(failed)?;
        let before = applied(&txn).await.map_err(failed)?;
        work(&txn).await.map_err(failed)?;
        let after = applied(&txn).await.map_err(failed)?;
        txn.commit().await.map_err(failed)?;
        let mut changed: Vec<String> = after
            .iter()
            .filter(|name| !before.contains(name))
            .cloned()
            .collect();
        changed.extend(
            before
                .into_iter()
                .filter(|name| !after.contains(name))
                .rev(),
        );
        Ok(changed)
    }
}

/// Runs the next pending migration, or all on an empty database.
async fn up_next(txn: &DatabaseTransaction) -> Result<(), DbErr> {
    let is_in_use = !applied(txn).await?.is_empty();
    Migrator::up(txn, is_in_use.then_some(1)).await
}

/// Begins a transaction that waits for other schema changes: on SQLite by its one write lock, on
/// PostgreSQL by an advisory lock, which ends with the transaction and needs no session of its own.
async fn begin_alone(session: &sea_orm::DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let txn = session.begin_with_options(options).await?;
    if txn.get_database_backend() == DbBackend::Postgres {
        // The lock wait of orders is too short for somebody else's migration.
        txn.execute_unprepared("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
            .await?;
        txn.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})"))
            .await?;
        txn.execute_unprepared("SET LOCAL lock_timeout = '1s'")
            .await?;
    }
    Ok(txn)
}

async fn applied(txn: &DatabaseTransaction) -> Result<Vec<String>, DbErr> {
    let applied = Migrator::get_applied_migrations_read_only(txn).await?;
    Ok(applied
        .iter()
        .map(|migration| migration.name().to_owned())
        .collect())
}
