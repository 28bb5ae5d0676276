//! A batch as one statement.

use sea_orm::sqlx::{Connection, PgConnection};
use sea_orm::{DbErr, QueryResult};

use super::super::Operation;
use super::super::batch::Batch;
use super::{CLAIM, READ, Won, claims, resources, responses};
use crate::db::{self, Rows};

/// Claims and effects as one statement, which is a transaction in itself: one round trip, and no
/// moment at which an instance that stalls could hold a key.
pub(super) async fn at_once<O: Operation>(
    connection: &mut PgConnection,
    batch: &Batch<O>,
) -> Result<Won, DbErr> {
    let responses = responses(batch);
    let (sql, row_sets) = claim_and_effects(batch, claims(batch, &responses));
    resources(&db::query(connection, sql, row_sets).await?)
}

/// The same with a lock wait of its own, which takes a transaction around it.
pub(super) async fn impatiently<O: Operation>(
    connection: &mut PgConnection,
    batch: &Batch<O>,
) -> Result<Won, DbErr> {
    let mut txn = connection.begin().await.map_err(db::failed)?;
    let setting = "SET LOCAL lock_timeout = '50ms'";
    db::query(&mut txn, setting.to_owned(), []).await?;
    let won = at_once(&mut txn, batch).await?;
    txn.commit().await.map_err(db::failed)?;
    Ok(won)
}

/// Reads the key rows of the losers.
pub(super) async fn read(
    connection: &mut PgConnection,
    losers: Rows<'_>,
) -> Result<Vec<QueryResult>, DbErr> {
    let sql = READ.replace("{rows}", &losers.postgres(1));
    db::query(connection, sql, [losers]).await
}

fn claim_and_effects<'a, O: Operation>(
    batch: &'a Batch<O>,
    claims: Rows<'a>,
) -> (String, Vec<Rows<'a>>) {
    let mut first = 1 + claims.parameters();
    let mut parts = vec![format!(
        "claimed AS ({})",
        CLAIM.replace("{rows}", &claims.postgres(1))
    )];
    let mut row_sets = vec![claims];
    let operations: Vec<&O> = batch.claimants().map(|r| &r.operation).collect();
    for effect in O::effects(&operations) {
        let of_winners = format!(
            "(SELECT rows.* FROM {} WHERE {} IN (SELECT resource FROM claimed)) AS rows",
            effect.rows.postgres(first),
            effect.resource,
        );
        let sql = effect.sql.replace("{rows}", &of_winners);
        parts.push(format!("effect_{} AS ({sql})", parts.len()));
        first += effect.rows.parameters();
        row_sets.push(effect.rows);
    }
    let sql = format!("WITH {} SELECT resource FROM claimed", parts.join(", "));
    (sql, row_sets)
}
