//! One batch, one transaction.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use uuid::Uuid;

use super::batch::{Batch, Claim, Request};
use super::operation::{Operation, StoredResponse};
use crate::db::{Cell, Column, Kind, Rows};

const KEY_ROW: [Column; 5] = [
    ("scope", Kind::Text),
    ("key", Kind::Text),
    ("fingerprint", Kind::Bytes),
    ("resource", Kind::Uuid),
    ("response", Kind::Bytes),
];

const CLAIM: &str = "\
    INSERT INTO idempotency_keys (scope, key, fingerprint, resource, response) \
    SELECT scope, key, fingerprint, resource, response FROM {rows} ORDER BY scope, key \
    ON CONFLICT (scope, key) DO NOTHING RETURNING resource";

const NAME: [Column; 2] = [("scope", Kind::Text), ("key", Kind::Text)];

const READ: &str = "\
    SELECT k.scope, k.key, k.fingerprint, k.resource, k.response FROM {rows} \
    JOIN idempotency_keys AS k ON k.scope = rows.scope AND k.key = rows.key";

/// Claims every key of the batch, writes the effects of the winners, reads the rows of the
/// losers, and commits. One claim per group comes back, in the order of the batch.
///
/// An error means that nothing of it may be assumed: neither that it was committed nor that it
/// was not. Running it again is always right, because a claimant that finds its own row has won.
pub(super) async fn commit<O: Operation>(
    writer: &DatabaseConnection,
    batch: &Batch<O>,
    lock_wait: LockWait,
) -> Result<Vec<Claim>, NotCommitted> {
    let txn = begin(writer, lock_wait).await?;
    let won = claim(&txn, batch).await.map_err(NotCommitted::Claim)?;
    apply(&txn, batch, &won).await?;
    let stored = read_losers(&txn, batch, &won).await?;
    txn.commit().await?;
    Ok(verdicts(batch, &won, stored))
}

/// What failed. Only a claim that could not get its lock means that a key is in use.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotCommitted {
    #[error("cannot claim the keys")]
    Claim(#[source] DbErr),
    #[error("cannot execute the batch")]
    Rest(#[from] DbErr),
}

/// How long a claim waits for another transaction that holds its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockWait {
    /// As long as the connection was told.
    Full,
    /// Just long enough to find the key that is held, after a full wait ran out on the batch.
    Brief,
}

/// Begins at READ COMMITTED, which writers are connected with (see `db`): what a loser reads
/// after its claim is a new snapshot. On SQLite the write lock is taken at once, because a
/// transaction that reads first cannot wait for it later.
async fn begin(
    writer: &DatabaseConnection,
    lock_wait: LockWait,
) -> Result<DatabaseTransaction, DbErr> {
    let txn = writer
        .begin_with_options(TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        })
        .await?;
    if lock_wait == LockWait::Brief && txn.get_database_backend() == DbBackend::Postgres {
        txn.execute_unprepared("SET LOCAL lock_timeout = '50ms'")
            .await?;
    }
    Ok(txn)
}

/// Inserts every key row that is not there yet and returns the resources of the winners. Waits
/// where another transaction has inserted the same key and not ended yet.
async fn claim<O: Operation>(
    txn: &DatabaseTransaction,
    batch: &Batch<O>,
) -> Result<HashSet<Uuid>, DbErr> {
    let statement = claim_statement(txn.get_database_backend(), batch);
    let inserted = txn.query_all_raw(statement).await?;
    inserted.iter().map(|row| row.try_get_by_index(0)).collect()
}

fn claim_statement<O: Operation>(backend: DbBackend, batch: &Batch<O>) -> Statement {
    let rows = batch.claimants().map(|request| {
        [
            Cell::Text(request.scope.as_str().to_owned()),
            Cell::Text(request.key.as_str().to_owned()),
            Cell::Bytes(request.fingerprint.as_bytes().to_vec()),
            Cell::Uuid(request.operation.resource()),
            Cell::Bytes(request.operation.response().to_vec()),
        ]
    });
    Rows::new(backend, &KEY_ROW, rows).statement(CLAIM)
}

/// Writes the effects of the winners.
async fn apply<O: Operation>(
    txn: &DatabaseTransaction,
    batch: &Batch<O>,
    won: &HashSet<Uuid>,
) -> Result<(), DbErr> {
    for statement in effects(txn.get_database_backend(), batch, won) {
        txn.execute_raw(statement).await?;
    }
    Ok(())
}

fn effects<O: Operation>(
    backend: DbBackend,
    batch: &Batch<O>,
    won: &HashSet<Uuid>,
) -> Vec<Statement> {
    let operations = batch.claimants().map(|request| &request.operation);
    let winners: Vec<&O> = operations.filter(|o| won.contains(&o.resource())).collect();
    if winners.is_empty() {
        Vec::new()
    } else {
        O::effects(backend, &winners)
    }
}

/// Whose key it is and the key.
type Name = (String, String);

/// What the owner of a key asked for and what it got.
type Stored = (Vec<u8>, StoredResponse);

/// Reads the rows that stood in the way. A statement of its own, after the claims: it sees what
/// the transactions committed that the claims waited for.
async fn read_losers<O: Operation>(
    txn: &DatabaseTransaction,
    batch: &Batch<O>,
    won: &HashSet<Uuid>,
) -> Result<HashMap<Name, Stored>, DbErr> {
    if won.len() == batch.claimants().count() {
        return Ok(HashMap::new());
    }
    let statement = losers_statement(txn.get_database_backend(), batch, won);
    let rows = txn.query_all_raw(statement).await?;
    rows.iter().map(key_row).collect()
}

fn losers_statement<O: Operation>(
    backend: DbBackend,
    batch: &Batch<O>,
    won: &HashSet<Uuid>,
) -> Statement {
    let losers = batch
        .claimants()
        .filter(|r| !won.contains(&r.operation.resource()));
    let names = losers.map(|r| {
        [
            Cell::Text(r.scope.as_str().to_owned()),
            Cell::Text(r.key.as_str().to_owned()),
        ]
    });
    Rows::new(backend, &NAME, names).statement(READ)
}

fn key_row(row: &QueryResult) -> Result<(Name, Stored), DbErr> {
    let name = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    let body: Vec<u8> = row.try_get_by_index(4)?;
    let stored = StoredResponse {
        resource: row.try_get_by_index(3)?,
        body: body.into(),
    };
    Ok((name, (row.try_get_by_index(2)?, stored)))
}

fn verdicts<O: Operation>(
    batch: &Batch<O>,
    won: &HashSet<Uuid>,
    mut stored: HashMap<Name, Stored>,
) -> Vec<Claim> {
    let verdict = |request: &Request<O>| {
        let own = request.operation.resource();
        if won.contains(&own) {
            return Claim::Won;
        }
        let name = (
            request.scope.as_str().to_owned(),
            request.key.as_str().to_owned(),
        );
        match stored.remove(&name) {
            // Our own row, from an attempt whose COMMIT succeeded unheard.
            Some((_, stored)) if stored.resource == own => Claim::Won,
            Some((fingerprint, stored)) => Claim::Lost {
                fingerprint,
                stored,
            },
            None => Claim::Vanished,
        }
    };
    batch.claimants().map(verdict).collect()
}
