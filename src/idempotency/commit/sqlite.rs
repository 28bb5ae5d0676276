//! A batch as a transaction of steps. SQLite has no statement that does it all, and no round
//! trips to save. These calls block: they run on the lane's own thread.

use rusqlite::{Row, TransactionBehavior};
use uuid::Uuid;

use super::super::Operation;
use super::super::batch::Batch;
use super::super::operation::{Effect, StoredResponse};
use super::{CLAIM, KeyRow, Won, claims, responses};
use crate::db::{File, Rows};
use crate::failpoint::{Point, reach};

const READ: &str = "\
    SELECT rows.ordinal, k.fingerprint, k.resource, k.response FROM {rows} \
    JOIN idempotency_keys AS k ON k.digest = rows.digest";

/// Claims, then the effects of the winners. The transaction has the write lock from the start: one
/// that reads first cannot wait for it later.
pub(super) fn in_steps<O: Operation>(file: &mut File, batch: &Batch<O>) -> rusqlite::Result<Won> {
    let connection = file.connection();
    let txn = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let won = claims(batch, &responses(batch)).query(&txn, CLAIM, resource)?;
    let won: Won = won.into_iter().collect();
    reach(Point::AfterClaim);
    for effect in effects_of_winners(batch, &won) {
        effect.rows.query(&txn, effect.sql, |_| Ok(()))?;
    }
    reach(Point::BeforeCommit);
    txn.commit()?;
    file.committed(won.len());
    Ok(won)
}

/// Reads the key rows of the losers.
pub(super) fn read(file: &mut File, losers: &Rows<'_>) -> rusqlite::Result<Vec<KeyRow>> {
    losers.query(file.connection(), READ, key_row)
}

fn resource(row: &Row<'_>) -> rusqlite::Result<Uuid> {
    row.get(0).map(Uuid::from_bytes)
}

fn key_row(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    let stored = StoredResponse {
        resource: row.get(2).map(Uuid::from_bytes)?,
        body: row.get::<_, Vec<u8>>(3)?.into(),
    };
    Ok((row.get(0)?, (row.get(1)?, stored)))
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
