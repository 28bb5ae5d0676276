//! Connections on which every statement is a transaction in itself, whoever owns the session.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use sea_orm::prelude::async_trait::async_trait;
use sea_orm::sqlx::postgres::{PgQueryResult, PgRow};
use sea_orm::sqlx::{self, AssertSqlSafe, Connection as _, Either, Executor};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, RuntimeErr, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait,
};
use sea_query_sqlx::SqlxValues;

/// A way to the database: a pool of connections.
///
/// A session of our own keeps its settings and its prepared statements. A pooler in transaction
/// mode *lends* sessions, for one transaction at a time: what was set or prepared in one is
/// somebody else's the next moment. There every statement gets a transaction that brings the
/// settings along, and is parsed in it without a name. Nothing of it outlives the transaction.
#[derive(Debug, Clone)]
pub struct Connection {
    sessions: DatabaseConnection,
    lent: Option<SetLocal>,
    replicated: bool,
}

/// What a session that is lent is told in every transaction.
#[derive(Debug, Clone)]
pub(super) struct SetLocal(pub(super) String);

impl Connection {
    /// Connections whose sessions are our own.
    pub(super) fn own(sessions: DatabaseConnection) -> Self {
        Self {
            sessions,
            lent: None,
            replicated: false,
        }
    }

    /// The same connections, of which a pooler lends the sessions.
    pub(super) fn lent(self, settings: SetLocal) -> Self {
        Self {
            lent: Some(settings),
            ..self
        }
    }

    /// The same connections, to a server whose commits wait for a synchronous standby.
    pub(super) fn replicated(self, replicated: bool) -> Self {
        Self { replicated, ..self }
    }

    /// The sessions, unless they are lent.
    pub(super) fn sessions(&self) -> Option<&DatabaseConnection> {
        self.lent.is_none().then_some(&self.sessions)
    }

    /// Begins a transaction that has the write lock of SQLite from the start: one that reads first
    /// cannot wait for it later.
    pub async fn begin_immediate(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.sessions.begin_with_options(options).await
    }

    /// Executes a statement that waits for the locks of others only this long. PostgreSQL only.
    pub async fn query_all_within(
        &self,
        lock_wait: Duration,
        statement: Statement,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let shorter = format!("SET LOCAL lock_timeout = '{}ms'", lock_wait.as_millis());
        if let Some(SetLocal(settings)) = &self.lent {
            let (_, rows) = self
                .lend(&format!("{settings}; {shorter}"), statement)
                .await?;
            return Ok(rows.into_iter().map(QueryResult::from).collect());
        }
        let txn = self.sessions.begin().await?;
        txn.execute_unprepared(&shorter).await?;
        let rows = txn.query_all_raw(statement).await?;
        txn.commit().await?;
        Ok(rows)
    }

    /// Returns when everything that could be read before is safe on the synchronous standby, if
    /// there is one.
    ///
    /// A commit waits for the standby by itself. But a transaction whose session is ended while it
    /// waits, or whose server is restarted, is visible and perhaps on one machine only; and who
    /// reads it waits for nothing. Any write of our own queues up behind it.
    pub async fn confirm(&self) -> Result<(), DbErr> {
        const WRITE: &str = "SELECT pg_logical_emit_message(true, 'orders', '')::text";
        if self.replicated {
            let write = Statement::from_string(DbBackend::Postgres, WRITE);
            self.query_all_raw(write).await?;
        }
        Ok(())
    }

    /// One statement on a session that is lent for it. Cancelled in the middle it leaves at most
    /// an open transaction behind, which the next user of the connection closes with its own.
    async fn lend(
        &self,
        settings: &str,
        statement: Statement,
    ) -> Result<(PgQueryResult, Vec<PgRow>), DbErr> {
        let failed = |error| RuntimeErr::SqlxError(Arc::new(error));
        let pool = self.sessions.get_postgres_connection_pool();
        let session = pool.acquire().await;
        let mut session = session.map_err(|error| DbErr::Conn(failed(error)))?;
        let ended = in_transaction(&mut session, settings, statement).await;
        ended.map_err(|error| DbErr::Query(failed(error)))
    }
}

async fn in_transaction(
    session: &mut sqlx::PgConnection,
    settings: &str,
    statement: Statement,
) -> Result<(PgQueryResult, Vec<PgRow>), sqlx::Error> {
    // READ COMMITTED meets the fewest serialization failures; it is right under any isolation.
    let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED; {settings}");
    let mut txn = session.begin_with(AssertSqlSafe(begin)).await?;
    let values = SqlxValues(
        statement
            .values
            .unwrap_or_else(|| sea_orm::Values(Vec::new())),
    );
    let query = sqlx::query_with(AssertSqlSafe(statement.sql), values).persistent(false);
    let (mut done, mut rows) = (PgQueryResult::default(), Vec::new());
    let mut results = (&mut *txn).fetch_many(query);
    while let Some(result) = results.try_next().await? {
        match result {
            Either::Left(part) => done.extend([part]),
            Either::Right(row) => rows.push(row),
        }
    }
    drop(results);
    txn.commit().await?;
    Ok((done, rows))
}

#[async_trait]
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DbBackend {
        self.sessions.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let Some(SetLocal(settings)) = &self.lent else {
            return self.sessions.execute_raw(statement).await;
        };
        let (done, _) = self.lend(settings, statement).await?;
        Ok(done.into())
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        if self.lent.is_none() {
            return self.sessions.execute_unprepared(sql).await;
        }
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        self.execute_raw(statement).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if self.lent.is_none() {
            return self.sessions.query_one_raw(statement).await;
        }
        Ok(self.query_all_raw(statement).await?.into_iter().next())
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let Some(SetLocal(settings)) = &self.lent else {
            return self.sessions.query_all_raw(statement).await;
        };
        let (_, rows) = self.lend(settings, statement).await?;
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }
}
