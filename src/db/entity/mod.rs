//! The tables as SeaORM entities.

pub mod idempotency_key;
pub mod lease;
pub mod order;
pub mod outbox;
pub mod token;

use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel};

/// The most rows in one statement.
const ROWS_MAX: usize = 64;

/// Splits rows into chunks of up to 64. A statement for every number of rows is prepared once per
/// connection, so there are 64 of them at most.
pub fn chunks<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    rows.chunks(ROWS_MAX)
}

/// Repeats the last value until their number is a power of two: few lengths make few statements.
pub fn padded<T: Copy>(values: &[T]) -> impl Iterator<Item = T> {
    let padding = values.len().next_power_of_two() - values.len();
    let last = values.last().copied().into_iter();
    values.iter().copied().chain(last.cycle().take(padding))
}

/// Inserts rows, many with one statement.
pub async fn insert_all<A>(db: &impl ConnectionTrait, rows: Vec<A>) -> Result<(), DbErr>
where
    A: ActiveModelTrait + Send,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    for chunk in chunks(&rows) {
        let insert = A::Entity::insert_many(chunk.iter().cloned());
        insert.exec_without_returning(db).await?;
    }
    Ok(())
}
