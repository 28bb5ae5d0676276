//! One batch as one SeaORM transaction.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::RequestId;
use super::apply::apply;
use super::batch::Claim;
use super::operation::{Answer, Operation, StoredAnswer};
use super::pending::Pending;
use crate::db::entity::{chunks, idempotency_key as keys, padded};
use crate::db::{Connection, LockWait, Transactions, insert_new_keys};
use crate::failpoint::{Point, reach};

/// A stored key row, as far as requests need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Fingerprint of the payload that inserted the row; empty once the answer has expired.
    pub fingerprint: Bytes,
    /// The answer it got.
    pub stored: StoredAnswer,
}

/// Claims the keys, applies the operations that won theirs, commits, and reads the rows of the
/// others. Returns one claim per claimant, in the order given.
///
/// After an error the outcome is unknown. Running the batch again is always right: a claimant that
/// finds its own row has won it before.
pub(super) async fn commit<O: Operation>(
    transactions: &mut Transactions,
    claimants: &[&Pending<O>],
    lock_wait: LockWait,
) -> Result<Vec<Claim<KeyRow>>, DbErr> {
    reach(Point::BeforeClaim);
    let txn = transactions.begin(lock_wait).await?;
    let written = match claim_and_apply(&txn, claimants).await {
        Ok(written) => written,
        Err(error) => {
            // Frees its locks now. If this fails as well, the connection is lost.
            let _ = txn.rollback().await;
            return Err(error);
        }
    };
    reach(Point::BeforeCommit);
    transactions.commit(txn).await?;
    transactions.connection().check_file()?;
    reach(Point::AfterCommit);
    let claims = read_losers(transactions.connection(), claimants, written).await?;
    reach(Point::BeforeAnswer);
    Ok(claims)
}

/// The rows that this transaction inserted, by digest.
type Written = HashMap<Uuid, KeyRow>;

async fn claim_and_apply<O: Operation>(
    txn: &DatabaseTransaction,
    claimants: &[&Pending<O>],
) -> Result<Written, DbErr> {
    let won = claim(txn, claimants).await?;
    reach(Point::AfterClaim);
    let winners: Vec<&Pending<O>> = claimants
        .iter()
        .filter(|request| won.contains(&request.digest))
        .copied()
        .collect();
    let answers = if winners.is_empty() {
        Vec::new()
    } else {
        let operations: Vec<&O> = winners.iter().map(|request| &request.operation).collect();
        apply(txn, &operations).await?
    };
    reach(Point::AfterApply);
    store_late_answers(txn, &winners, &answers).await?;
    let rows = winners.iter().zip(answers);
    Ok(rows
        .map(|(request, answer)| (request.digest, request.row(answer)))
        .collect())
}

/// Inserts the key rows and returns the digests of those that were not there. Waits for another
/// transaction that has inserted the same key and not ended yet.
async fn claim<O: Operation>(
    txn: &DatabaseTransaction,
    claimants: &[&Pending<O>],
) -> Result<HashSet<Uuid>, DbErr> {
    let mut won = HashSet::with_capacity(claimants.len());
    for chunk in chunks(claimants) {
        let rows = chunk.iter().map(|request| key_row(request, None));
        won.extend(insert_new_keys(txn, rows.collect()).await?);
    }
    Ok(won)
}

/// Completes the rows whose answer was not known when the key was claimed. An upsert, because it
/// takes many rows with one statement: every row is there, inserted by this transaction.
async fn store_late_answers<O: Operation>(
    txn: &DatabaseTransaction,
    winners: &[&Pending<O>],
    answers: &[Answer],
) -> Result<(), DbErr> {
    let late: Vec<keys::ActiveModel> = winners
        .iter()
        .zip(answers)
        .filter(
            |(request, answer)| match (request.operation.response(), answer) {
                (Some(early), Answer::Accepted(body)) => early != *body,
                _ => true,
            },
        )
        .map(|(request, answer)| key_row(request, Some(answer)))
        .collect();
    let complete = OnConflict::column(keys::Column::Digest)
        .update_columns([keys::Column::Refusal, keys::Column::Response])
        .to_owned();
    for chunk in chunks(&late) {
        let upsert = keys::Entity::insert_many(chunk.iter().cloned()).on_conflict(complete.clone());
        upsert.exec_without_returning(txn).await?;
    }
    Ok(())
}

/// Reads the rows of the keys that were not won, in a statement after the commit: its snapshot has
/// what the transactions committed that the claims waited for.
async fn read_losers<O: Operation>(
    connection: &Connection,
    claimants: &[&Pending<O>],
    mut written: Written,
) -> Result<Vec<Claim<KeyRow>>, DbErr> {
    let lost: Vec<Uuid> = claimants
        .iter()
        .map(|request| request.digest)
        .filter(|digest| !written.contains_key(digest))
        .collect();
    let mut stored = read(connection, &lost).await?;
    let claim = |request: &&Pending<O>| match written.remove(&request.digest) {
        Some(row) => Claim::Won(row),
        None => stored
            .remove(&request.digest)
            .map_or(Claim::Vanished, Claim::Lost),
    };
    Ok(claimants.iter().map(claim).collect())
}

async fn read(connection: &Connection, digests: &[Uuid]) -> Result<Written, DbErr> {
    let mut stored = Written::new();
    for chunk in chunks(digests) {
        let rows = keys::Entity::find()
            .filter(keys::Column::Digest.is_in(padded(chunk)))
            .all(connection)
            .await?;
        stored.extend(rows.into_iter().map(|row| (row.digest, row.into())));
    }
    if !digests.is_empty() {
        connection.confirm().await?;
    }
    Ok(stored)
}

/// The row that a request inserts; without an `answer` the one that claims the key.
fn key_row<O: Operation>(request: &Pending<O>, answer: Option<&Answer>) -> keys::ActiveModel {
    let (refusal, response) = match answer {
        None => (ActiveValue::NotSet, request.operation.response()),
        Some(Answer::Accepted(body)) => (ActiveValue::Set(None), Some(body.clone())),
        Some(Answer::Refused { status, body }) => {
            let status = Some(i64::from(*status));
            (ActiveValue::Set(status), Some(body.clone()))
        }
    };
    keys::ActiveModel {
        digest: ActiveValue::Set(request.digest),
        scope: ActiveValue::Set(request.key.scope.as_str().to_owned()),
        key: ActiveValue::Set(request.key.key.as_str().to_owned()),
        fingerprint: ActiveValue::Set(request.fingerprint.as_bytes().to_vec()),
        resource: ActiveValue::Set(request.operation.resource()),
        refusal,
        response: ActiveValue::Set(response.map(Vec::from).unwrap_or_default()),
        request_id: ActiveValue::Set(request.id.as_ref().map(|id| id.as_str().to_owned())),
        created_at: ActiveValue::NotSet,
    }
}

impl From<keys::Model> for KeyRow {
    fn from(row: keys::Model) -> Self {
        let body = Bytes::from(row.response);
        let answer = match row.refusal {
            None => Answer::Accepted(body),
            Some(status) => Answer::Refused {
                // `key_row` has stored it.
                status: u16::try_from(status).unwrap_or(u16::MAX),
                body,
            },
        };
        Self {
            fingerprint: row.fingerprint.into(),
            stored: StoredAnswer {
                resource: row.resource,
                answer,
                request_id: row
                    .request_id
                    .and_then(|id| RequestId::parse(id.as_bytes())),
            },
        }
    }
}
