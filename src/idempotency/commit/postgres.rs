//! A batch as one statement.

use std::time::Duration;

use sea_orm::{DbErr, QueryResult};

use super::super::Operation;
use super::super::batch::Batch;
use super::super::operation::StoredResponse;
use super::{KEYS, KeyRow, LockWait, UNLESS_CLAIMED, Won, claims, responses};
use crate::db::{Rows, Session};

const BRIEF: Duration = Duration::from_millis(50);

/// Row by row, by the index. The plan is kept, and one for a join that was made while the table was
/// small would read all of it ever after.
const READ: &str = "\
    SELECT rows.ordinal, k.fingerprint, k.resource, k.response FROM {rows} CROSS JOIN LATERAL (\
    SELECT * FROM idempotency_keys WHERE digest = rows.digest LIMIT 1) AS k";

/// Claims and effects as one statement, which is a transaction in itself: one round trip, and no
/// moment at which an instance that stalls could hold a key.
pub(super) async fn at_once<O: Operation>(
    session: &mut Session,
    batch: &Batch<O>,
    lock_wait: LockWait,
) -> Result<Won, DbErr> {
    let responses = responses(batch);
    let (sql, row_sets) = claim_and_effects(batch, claims(batch, &responses));
    let won = match lock_wait {
        LockWait::Full => session.query(sql, row_sets).await?,
        LockWait::Brief => session.query_within(BRIEF, sql, row_sets).await?,
    };
    won.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Reads the key rows of the losers. They were committed by others, or by an attempt of ours that
/// was not heard to the end.
pub(super) async fn read(session: &mut Session, losers: Rows<'_>) -> Result<Vec<KeyRow>, DbErr> {
    let sql = READ.replace("{rows}", &losers.postgres(1));
    let stored = session.query(sql, [losers]).await?;
    session.confirm().await?;
    stored.iter().map(key_row).collect()
}

fn key_row(row: &QueryResult) -> Result<KeyRow, DbErr> {
    let body: Vec<u8> = row.try_get_by_index(3)?;
    let stored = StoredResponse {
        resource: row.try_get_by_index(2)?,
        body: body.into(),
    };
    Ok((row.try_get_by_index(0)?, (row.try_get_by_index(1)?, stored)))
}

fn claim_and_effects<'a, O: Operation>(
    batch: &'a Batch<O>,
    claims: Rows<'a>,
) -> (String, Vec<Rows<'a>>) {
    let mut first = 1 + claims.parameters();
    let mut parts = vec![format!(
        "claimed AS ({} ORDER BY rows.ordinal {UNLESS_CLAIMED} RETURNING resource)",
        claims.insert_into(KEYS, 1),
    )];
    let mut row_sets = vec![claims];
    let operations: Vec<&O> = batch.claimants().map(|r| &r.operation).collect();
    for effect in O::effects(&operations) {
        parts.push(format!(
            "effect_{} AS ({} JOIN claimed ON claimed.resource = rows.{})",
            parts.len(),
            effect.rows.insert_into(effect.table, first),
            effect.resource,
        ));
        first += effect.rows.parameters();
        row_sets.push(effect.rows);
    }
    let sql = format!("WITH {} SELECT resource FROM claimed", parts.join(", "));
    (sql, row_sets)
}
