//! Inserts key rows, and tells which were not stored before.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, QueryFilter,
    QuerySelect, TryInsertResult,
};
use uuid::Uuid;

use super::entity::idempotency_key::{ActiveModel, Column, Entity};
use super::entity::padded;

/// Inserts the rows whose digest is not stored, with one statement, and returns the digests of
/// those rows. Waits for another transaction that has inserted the same digest and not ended yet.
pub async fn insert_new_keys(
    txn: &DatabaseTransaction,
    rows: Vec<ActiveModel>,
) -> Result<Vec<Uuid>, DbErr> {
    if txn.get_database_backend() != DbBackend::Sqlite {
        let insert = Entity::insert_many(rows).on_conflict_do_nothing();
        return Ok(match insert.exec_with_returning_keys(txn).await? {
            TryInsertResult::Inserted(digests) => digests,
            TryInsertResult::Empty | TryInsertResult::Conflicted => Vec::new(),
        });
    }
    // SQLite builds a table in memory for RETURNING, and sqlx wakes the lane for every row of it.
    // The count of rows tells the same unless a digest was there.
    let digests: Vec<Uuid> = rows
        .iter()
        .filter_map(|row| row.digest.try_as_ref().copied())
        .collect();
    let insert = Entity::insert_many(rows).on_conflict_do_nothing();
    match insert.exec_without_returning(txn).await? {
        TryInsertResult::Inserted(count) if count == digests.len() as u64 => Ok(digests),
        TryInsertResult::Inserted(count) if count > 0 => newest(txn, &digests, count).await,
        _ => Ok(Vec::new()),
    }
}

/// The digests of the `count` rows that were inserted last: their rowids are the highest
/// (<https://sqlite.org/autoinc.html>).
async fn newest(
    txn: &DatabaseTransaction,
    digests: &[Uuid],
    count: u64,
) -> Result<Vec<Uuid>, DbErr> {
    let inserted = Expr::cust_with_values("rowid > last_insert_rowid() - ?", [count]);
    Entity::find()
        .select_only()
        .column(Column::Digest)
        .filter(Column::Digest.is_in(padded(digests)).and(inserted))
        .into_tuple()
        .all(txn)
        .await
}
