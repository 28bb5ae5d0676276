//! A batch as a transaction of steps. SQLite has no statement that does it all, and no round
//! trips to save. These calls block: they run on the lane's own thread.

use rusqlite::{Row, TransactionBehavior};
use uuid::Uuid;

use super::super::Operation;
use super::super::batch::Batch;
use super::super::operation::{Effect, StoredResponse};
use super::{KEYS, KeyRow, UNLESS_CLAIMED, Won, claims, responses};
use crate::db::{File, Rows};
use crate::failpoint::{Point, reach};

const READ: &str = "SELECT fingerprint, resource, response FROM idempotency_keys WHERE digest = ?1";

/// Claims, then the effects of the winners. The transaction has the write lock from the start: one
/// that reads first cannot wait for it later.
pub(super) fn in_steps<O: Operation>(file: &mut File, batch: &Batch<O>) -> rusqlite::Result<Won> {
    let responses = responses(batch);
    let claims = claims(batch, &responses);
    let claim = format!("{} {UNLESS_CLAIMED}", claims.insert_one_into(KEYS));
    let connection = file.connection();
    let txn = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let claimed = claims.execute(&txn, &claim)?;
    let won = winners(batch, &claimed);
    reach(Point::AfterClaim);
    for effect in effects_of_winners(batch, &won) {
        let insert = effect.rows.insert_one_into(effect.table);
        effect.rows.execute(&txn, &insert)?;
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

fn winners<O: Operation>(batch: &Batch<O>, claimed: &[bool]) -> Won {
    let resources = batch.claimants().map(|r| r.operation.resource());
    let won = resources.zip(claimed).filter(|(_, claimed)| **claimed);
    won.map(|(resource, _)| resource).collect()
}

fn key_row(ordinal: i64, row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    let stored = StoredResponse {
        resource: row.get(1).map(Uuid::from_bytes)?,
        body: row.get::<_, Vec<u8>>(2)?.into(),
    };
    Ok((ordinal, (row.get(0)?, stored)))
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
