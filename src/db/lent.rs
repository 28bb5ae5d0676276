//! Statements on a session that a pooler lends.
//!
//! A pooler in transaction mode lends sessions for one transaction at a time: what was set or
//! prepared in one is somebody else's the next moment. There every statement gets a transaction
//! that brings the settings along, and is parsed in it without a name. Nothing of it outlives the
//! transaction.

use futures_util::TryStreamExt;
use sea_orm::sqlx::postgres::{PgQueryResult, PgRow};
use sea_orm::sqlx::{
    self, AssertSqlSafe, Connection as _, Either, Execute, Executor, IntoArguments, PgConnection,
    Postgres,
};

use crate::failpoint::{Point, reach};

/// What a session is told in every transaction.
#[derive(Debug, Clone)]
pub(super) struct SetLocal(pub(super) String);

/// Whether a prepared statement may stay in the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prepared {
    Kept,
    Dropped,
}

/// Runs one statement in a transaction of its own that begins with `settings`. Cancelled in the
/// middle it leaves at most an open transaction behind, which the next user of the connection
/// closes with its own.
pub(super) async fn in_transaction<A: IntoArguments<Postgres>>(
    session: &mut PgConnection,
    SetLocal(settings): &SetLocal,
    (sql, arguments): (String, A),
    prepared: Prepared,
) -> Result<(PgQueryResult, Vec<PgRow>), sqlx::Error> {
    // READ COMMITTED meets the fewest serialization failures; it is right under any isolation.
    let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED; {settings}");
    let mut txn = session.begin_with(AssertSqlSafe(begin)).await?;
    let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
    let query = query.persistent(prepared == Prepared::Kept);
    match all(&mut txn, query).await {
        Ok(results) => {
            reach(Point::BeforeCommit);
            txn.commit().await.map(|()| results)
        }
        Err(error) => {
            // Dropped, it would be rolled back with the next statement only, whenever that comes,
            // and the session stay lent. If this fails as well, the connection is gone.
            let _ = txn.rollback().await;
            Err(error)
        }
    }
}

/// Everything that a statement returns.
async fn all<'q>(
    session: &mut PgConnection,
    query: impl Execute<'q, Postgres> + 'q,
) -> Result<(PgQueryResult, Vec<PgRow>), sqlx::Error> {
    let (mut done, mut rows) = (PgQueryResult::default(), Vec::new());
    let mut results = session.fetch_many(query);
    while let Some(result) = results.try_next().await? {
        match result {
            Either::Left(part) => done.extend([part]),
            Either::Right(row) => rows.push(row),
        }
    }
    drop(results);
    Ok((done, rows))
}
