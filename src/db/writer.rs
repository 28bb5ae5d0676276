//! The connection of a lane.

use sea_orm::sqlx::postgres::PgArguments;
use sea_orm::sqlx::{self, AssertSqlSafe, PgConnection};
use sea_orm::{DatabaseConnection, DbErr, QueryResult, RuntimeErr};

use super::Rows;

/// One connection for the sole use of its owner.
///
/// Dropping it is always safe, also in the middle of a statement: nothing of it returns to
/// another user.
#[derive(Debug)]
pub enum Writer {
    /// A connection of the driver below SeaORM. A pool asks the server for a sign of life
    /// whenever a connection is given back, which would be a second round trip a batch.
    Postgres(Box<PgConnection>),
    /// A pool of one. (sqlx 0.9 puts a connection back into its pool inside an open transaction
    /// when `begin` is cancelled: sqlx issue 4385. A pool nobody shares cannot pass that on.)
    Sqlite(DatabaseConnection),
}

/// Runs one statement, prepared once, over row sets that [`Rows::postgres`] stands for in its text.
pub async fn query(
    connection: &mut PgConnection,
    sql: String,
    row_sets: impl IntoIterator<Item = Rows<'_>>,
) -> Result<Vec<QueryResult>, DbErr> {
    let mut arguments = PgArguments::default();
    for rows in row_sets {
        rows.bind(&mut arguments)
            .map_err(|error| failed(sqlx::Error::Encode(error)))?;
    }
    let rows = sqlx::query_with(AssertSqlSafe(sql), arguments)
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    Ok(rows.into_iter().map(QueryResult::from).collect())
}

/// A driver's error as SeaORM tells it.
#[must_use]
pub fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}
