//! Connections on which every statement is a transaction in itself, whoever owns the session.

use std::sync::Arc;

use sea_orm::prelude::async_trait::async_trait;
use sea_orm::sqlx::postgres::{PgQueryResult, PgRow};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr,
    Statement,
};
use sea_query_sqlx::SqlxValues;

use super::lent::{Prepared, SetLocal, in_transaction};

/// A way to the database: a pool of connections.
#[derive(Debug, Clone)]
pub struct Connection {
    sessions: DatabaseConnection,
    lent: Option<SetLocal>,
}

impl Connection {
    /// Connections, whose sessions are lent if there are settings for it.
    pub(super) fn new(sessions: DatabaseConnection, lent: Option<SetLocal>) -> Self {
        Self { sessions, lent }
    }

    /// The sessions, unless they are lent.
    pub(super) fn sessions(&self) -> Option<&DatabaseConnection> {
        self.lent.is_none().then_some(&self.sessions)
    }

    /// Closes every session, those in use when they are given back.
    pub(super) async fn close(&self) -> Result<(), DbErr> {
        self.sessions.close_by_ref().await
    }

    /// One statement on a session that is lent for it.
    async fn lend(
        &self,
        settings: &SetLocal,
        statement: Statement,
    ) -> Result<(PgQueryResult, Vec<PgRow>), DbErr> {
        let failed = |error| RuntimeErr::SqlxError(Arc::new(error));
        let pool = self.sessions.get_postgres_connection_pool();
        let session = pool.acquire().await;
        let mut session = session.map_err(|error| DbErr::Conn(failed(error)))?;
        let values = statement.values.unwrap_or(sea_orm::Values(Vec::new()));
        let statement = (statement.sql, SqlxValues(values));
        let ended = in_transaction(&mut session, settings, statement, Prepared::Dropped).await;
        ended.map_err(|error| DbErr::Query(failed(error)))
    }
}

#[async_trait]
impl ConnectionTrait for Connection {
    fn get_database_backend(&self) -> DbBackend {
        self.sessions.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let Some(settings) = &self.lent else {
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
        let Some(settings) = &self.lent else {
            return self.sessions.query_all_raw(statement).await;
        };
        let (_, rows) = self.lend(settings, statement).await?;
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }
}
