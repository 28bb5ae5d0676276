//! A batch as a transaction of steps. SQLite has no statement that does it all, and no round
//! trips to save.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, QueryResult};

use super::super::Operation;
use super::super::batch::Batch;
use super::super::operation::Effect;
use super::{CLAIM, READ, Won, claims, resources, responses};
use crate::db::{self, Rows};
use crate::failpoint::{Point, reach};

/// Claims, then the effects of the winners.
pub(super) async fn in_steps<O: Operation>(
    connection: &DatabaseConnection,
    batch: &Batch<O>,
) -> Result<Won, DbErr> {
    let txn = db::begin_immediate(connection).await?;
    let claim = claims(batch, &responses(batch)).sqlite(CLAIM);
    let won = resources(&txn.query_all_raw(claim).await?)?;
    reach(Point::AfterClaim);
    for effect in effects_of_winners(batch, &won) {
        txn.execute_raw(effect.rows.sqlite(effect.sql)).await?;
    }
    reach(Point::BeforeCommit);
    txn.commit().await?;
    Ok(won)
}

/// Reads the key rows of the losers.
pub(super) async fn read(
    connection: &DatabaseConnection,
    losers: &Rows<'_>,
) -> Result<Vec<QueryResult>, DbErr> {
    connection.query_all_raw(losers.sqlite(READ)).await
}

fn effects_of_winners<'a, O: Operation>(batch: &'a Batch<O>, won: &Won) -> Vec<Effect<'a>> {
    let operations = batch.claimants().map(|request| &request.operation);
    let winners: Vec<&O> = operations.filter(|o| won.contains(&o.resource())).collect();
    if winners.is_empty() {
        Vec::new()
    } else {
        O::effects(&winners)
    }
}
