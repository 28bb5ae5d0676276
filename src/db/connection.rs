//! A pool of connections whose transactions carry their settings.

use std::sync::Arc;

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, RuntimeErr, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait,
};

use super::checkpoint::Checkpointer;
use super::file::FileGuard;

/// How long a statement waits for a row that another transaction has locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockWait {
    /// As long as [`Settings::lock_wait`](super::Settings::lock_wait) says.
    Full,
    /// Just long enough to find the locked row, after a full wait ran out on its batch.
    Brief,
}

/// The statements that open a transaction, by lock wait.
#[derive(Debug, Clone, Default)]
pub(super) struct Preamble {
    /// Absent where the session has these settings already.
    pub(super) full: Option<String>,
    /// Absent where no row is ever locked (SQLite).
    pub(super) brief: Option<String>,
}

/// A pool of connections. Clones share it.
///
/// As a [`ConnectionTrait`] it runs every statement by itself, in a transaction where the settings
/// need one; [`Connection::begin`] runs several in one transaction.
#[derive(Debug, Clone)]
pub struct Connection {
    pool: DatabaseConnection,
    preamble: Preamble,
    /// Whether commits wait for a synchronous standby.
    replicated: bool,
    /// The file of an SQLite database.
    file: Option<FileGuard>,
    /// Works beside a lane on SQLite.
    checkpointer: Option<Arc<Checkpointer>>,
}

impl Connection {
    pub(super) fn sqlite(
        pool: DatabaseConnection,
        file: Option<FileGuard>,
        checkpointer: Option<Checkpointer>,
    ) -> Self {
        Self {
            pool,
            preamble: Preamble::default(),
            replicated: false,
            file,
            checkpointer: checkpointer.map(Arc::new),
        }
    }

    pub(super) fn postgres(pool: DatabaseConnection, preamble: Preamble, replicated: bool) -> Self {
        Self {
            pool,
            preamble,
            replicated,
            file: None,
            checkpointer: None,
        }
    }

    /// Begins a transaction for writing.
    ///
    /// PostgreSQL: READ COMMITTED. SQLite: `BEGIN IMMEDIATE`, because a transaction that reads
    /// first cannot wait for the write lock later.
    ///
    /// A dropped future leaves a pooled session in an unknown state (sqlx#4385): drop the
    /// connection, too.
    pub async fn begin(&self, lock_wait: LockWait) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let txn = self.pool.begin_with_options(options).await?;
        self.open(&txn, lock_wait).await?;
        Ok(txn)
    }

    /// Sends the statements that open a transaction.
    pub(super) async fn open(
        &self,
        txn: &DatabaseTransaction,
        lock_wait: LockWait,
    ) -> Result<(), DbErr> {
        let preamble = match lock_wait {
            LockWait::Full => &self.preamble.full,
            LockWait::Brief => &self.preamble.brief,
        };
        if let Some(sql) = preamble {
            txn.execute_unprepared(sql).await?;
        }
        Ok(())
    }

    /// Waits until everything read so far is safe on the synchronous standby, if there is one.
    ///
    /// A commit waits for the standby, a read does not: a transaction whose session ended during
    /// that wait is visible and possibly stored on one machine only. The commit of the write here
    /// queues behind it.
    pub async fn confirm(&self) -> Result<(), DbErr> {
        const WRITE: &str = "SELECT pg_logical_emit_message(true, 'orders', '')::text";
        if self.replicated {
            self.query_all_raw(Statement::from_string(DbBackend::Postgres, WRITE))
                .await?;
        }
        Ok(())
    }

    /// Fails if the SQLite file was removed or replaced since the last transaction began: what was
    /// committed is lost.
    pub fn check_file(&self) -> Result<(), DbErr> {
        if self.file.as_ref().is_some_and(FileGuard::has_moved) {
            let text = "the database file was removed or replaced".to_owned();
            return Err(DbErr::Conn(RuntimeErr::Internal(text)));
        }
        Ok(())
    }

    /// Counts the files that an SQLite database has had. `None` while there is none.
    pub(super) fn file_version(&self) -> Option<u64> {
        match &self.file {
            Some(file) => file.look().map(|seen| seen.version()),
            None => Some(0),
        }
    }

    /// Open and idle connections of the pool.
    #[must_use]
    pub fn pool_size(&self) -> (usize, usize) {
        let (open, idle) = if self.pool.get_database_backend() == DbBackend::Sqlite {
            let pool = self.pool.get_sqlite_connection_pool();
            (pool.size(), pool.num_idle())
        } else {
            let pool = self.pool.get_postgres_connection_pool();
            (pool.size(), pool.num_idle())
        };
        (usize::try_from(open).unwrap_or(usize::MAX), idle)
    }

    /// What tells the file of an SQLite database from others, if it can be told. PostgreSQL: nothing.
    pub(super) fn file_identity(&self) -> Option<String> {
        match &self.file {
            Some(file) => file.identity(),
            None => Some(String::new()),
        }
    }

    /// Closes idle connections now, and the others when they are returned.
    pub async fn close(&self) -> Result<(), DbErr> {
        if let Some(checkpointer) = &self.checkpointer {
            checkpointer.close().await?;
        }
        self.pool.close_by_ref().await
    }

    /// Whether COMMIT can begin the next transaction: on PostgreSQL, where a session belongs to us.
    pub(super) fn can_chain(&self) -> bool {
        self.get_database_backend() == DbBackend::Postgres && self.preamble.full.is_none()
    }

    /// The pool, if its sessions keep their settings.
    pub(super) fn sessions(&self) -> Option<&DatabaseConnection> {
        self.preamble.full.is_none().then_some(&self.pool)
    }

    /// The transaction that a single statement needs around it, if any.
    async fn around(&self) -> Result<Option<DatabaseTransaction>, DbErr> {
        Ok(match self.preamble.full {
            Some(_) => Some(self.begin(LockWait::Full).await?),
            None => None,
        })
    }
}

#[async_trait]
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DbBackend {
        self.pool.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let Some(txn) = self.around().await? else {
            return self.pool.execute_raw(statement).await;
        };
        let done = txn.execute_raw(statement).await?;
        txn.commit().await?;
        Ok(done)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let Some(txn) = self.around().await? else {
            return self.pool.execute_unprepared(sql).await;
        };
        let done = txn.execute_unprepared(sql).await?;
        txn.commit().await?;
        Ok(done)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let Some(txn) = self.around().await? else {
            return self.pool.query_one_raw(statement).await;
        };
        let row = txn.query_one_raw(statement).await?;
        txn.commit().await?;
        Ok(row)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let Some(txn) = self.around().await? else {
            return self.pool.query_all_raw(statement).await;
        };
        let rows = txn.query_all_raw(statement).await?;
        txn.commit().await?;
        Ok(rows)
    }
}
