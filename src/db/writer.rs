//! The connection of a lane.

use std::time::Duration;

use sea_orm::sqlx::postgres::{PgArguments, PgRow};
use sea_orm::sqlx::{self, AssertSqlSafe, Connection as _, PgConnection};
use sea_orm::{DbErr, QueryResult, RuntimeErr};

use super::Rows;
use super::file::File;
use super::lent::{Prepared, SetLocal, in_transaction};

/// One connection for the sole use of its owner.
///
/// Dropping it is always safe, also in the middle of a statement: nothing of it returns to
/// another user.
#[derive(Debug)]
pub enum Writer {
    /// A session of PostgreSQL.
    Postgres(Box<Session>),
    /// A connection to SQLite, below SeaORM too: its calls block, and the lane has a thread for
    /// them.
    Sqlite(Box<File>),
}

/// A connection to PostgreSQL below SeaORM, whose pool asks the server for a sign of life whenever
/// a connection is given back: that would be a second round trip a batch.
#[derive(Debug)]
pub struct Session {
    connection: PgConnection,
    /// Given if the session behind the connection is lent.
    lent: Option<SetLocal>,
    replicated: bool,
}

impl Writer {
    /// Says goodbye. If the database does not hear it, nothing is lost.
    pub async fn close(self) {
        match self {
            Self::Postgres(session) => drop(session.connection.close().await),
            Self::Sqlite(file) => file.close(),
        }
    }
}

impl Session {
    pub(super) fn new(connection: PgConnection, lent: Option<SetLocal>, replicated: bool) -> Self {
        Self {
            connection,
            lent,
            replicated,
        }
    }

    /// Runs one statement, a transaction in itself, over row sets that [`Rows::postgres`] stands
    /// for in its text.
    pub async fn query(
        &mut self,
        sql: String,
        row_sets: impl IntoIterator<Item = Rows<'_>>,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let arguments = bind(row_sets)?;
        let rows = if let Some(settings) = &self.lent {
            let statement = (sql, arguments);
            in_transaction(&mut self.connection, settings, statement, Prepared::Dropped)
                .await
                .map(|(_, rows)| rows)
        } else {
            sqlx::query_with(AssertSqlSafe(sql), arguments)
                .fetch_all(&mut self.connection)
                .await
        };
        results(rows)
    }

    /// The same, but it waits for the locks of others only this long.
    pub async fn query_within(
        &mut self,
        lock_wait: Duration,
        sql: String,
        row_sets: impl IntoIterator<Item = Rows<'_>>,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let shorter = format!("SET LOCAL lock_timeout = '{}ms'", lock_wait.as_millis());
        let (settings, prepared) = match &self.lent {
            Some(SetLocal(settings)) => (format!("{settings}; {shorter}"), Prepared::Dropped),
            None => (shorter, Prepared::Kept),
        };
        let statement = (sql, bind(row_sets)?);
        let settings = SetLocal(settings);
        let ended = in_transaction(&mut self.connection, &settings, statement, prepared).await;
        results(ended.map(|(_, rows)| rows))
    }

    /// Returns when everything that could be read before is safe on the synchronous standby, if
    /// there is one.
    ///
    /// A commit waits for the standby by itself. But a transaction whose session is ended while it
    /// waits, or whose server is restarted, is visible and perhaps on one machine only; and who
    /// reads it waits for nothing. Any write of our own queues up behind it.
    pub async fn confirm(&mut self) -> Result<(), DbErr> {
        const WRITE: &str = "SELECT pg_logical_emit_message(true, 'orders', '')::text";
        if self.replicated {
            self.query(WRITE.to_owned(), []).await?;
        }
        Ok(())
    }
}

fn bind<'a>(row_sets: impl IntoIterator<Item = Rows<'a>>) -> Result<PgArguments, DbErr> {
    let mut arguments = PgArguments::default();
    for rows in row_sets {
        rows.bind(&mut arguments)
            .map_err(|error| failed(sqlx::Error::Encode(error)))?;
    }
    Ok(arguments)
}

fn results(rows: Result<Vec<PgRow>, sqlx::Error>) -> Result<Vec<QueryResult>, DbErr> {
    let rows = rows.map_err(failed)?;
    Ok(rows.into_iter().map(QueryResult::from).collect())
}

/// A driver's error as SeaORM tells it.
fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}
