//! One batch, one transaction.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use uuid::Uuid;

use super::ScopedKey;
use super::batch::{Batch, Claim, Request};
use super::failpoint::{Point, reach};
use super::operation::{Effect, Operation, StoredResponse};
use crate::db::{Cell, Column, Kind, Rows};

const KEY_ROW: [Column; 5] = [
    ("scope", Kind::Text),
    ("key", Kind::Text),
    ("fingerprint", Kind::Bytes),
    ("resource", Kind::Uuid),
    ("response", Kind::Bytes),
];

/// Waits where another transaction has inserted the same key and not ended yet.
const CLAIM: &str = "\
    INSERT INTO idempotency_keys (scope, key, fingerprint, resource, response) \
    SELECT scope, key, fingerprint, resource, response FROM {rows} ORDER BY ordinal \
    ON CONFLICT (scope, key) DO NOTHING RETURNING resource";

const NAME: [Column; 2] = [("scope", Kind::Text), ("key", Kind::Text)];

const READ: &str = "\
    SELECT rows.ordinal, k.fingerprint, k.resource, k.response FROM {rows} \
    JOIN idempotency_keys AS k ON k.scope = rows.scope AND k.key = rows.key";

/// How long a claim waits for another transaction that holds its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockWait {
    /// As long as the connection was told.
    Full,
    /// Just long enough to find the key that is held, after a full wait ran out on the batch.
    Brief,
}

/// Claims every key of the batch, writes the effects of the winners, commits, and reads the rows
/// of the losers. One claim per group comes back, in the order of the batch.
///
/// An error means that nothing of it may be assumed: neither that it was committed nor that it
/// was not. Running it again is always right, because a claimant that finds its own row has won.
pub(super) async fn commit<O: Operation>(
    writer: &DatabaseConnection,
    batch: &Batch<O>,
    lock_wait: LockWait,
) -> Result<Vec<Claim>, DbErr> {
    reach(Point::BeforeClaim);
    let won = match (writer.get_database_backend(), lock_wait) {
        (DbBackend::Sqlite, _) => in_steps(writer, batch).await?,
        (_, LockWait::Full) => at_once(writer, batch).await?,
        (_, LockWait::Brief) => {
            let txn = writer.begin().await?;
            txn.execute_unprepared("SET LOCAL lock_timeout = '50ms'")
                .await?;
            let won = at_once(&txn, batch).await?;
            reach(Point::BeforeCommit);
            txn.commit().await?;
            won
        }
    };
    reach(Point::AfterCommit);
    let stored = read_losers(writer, batch, &won).await?;
    reach(Point::BeforeAnswer);
    Ok(verdicts(batch, &won, stored))
}

/// Claims and effects as one statement, which is a transaction in itself: one round trip, and no
/// moment at which an instance that stalls could hold a key. PostgreSQL only.
async fn at_once<O: Operation>(
    connection: &impl ConnectionTrait,
    batch: &Batch<O>,
) -> Result<HashSet<Uuid>, DbErr> {
    resources(&connection.query_all_raw(claim_and_effects(batch)).await?)
}

fn claim_and_effects<O: Operation>(batch: &Batch<O>) -> Statement {
    const BACKEND: DbBackend = DbBackend::Postgres;
    let claims = claims(batch);
    let mut parts = vec![format!(
        "claimed AS ({})",
        CLAIM.replace("{rows}", &claims.table(BACKEND, 1))
    )];
    let mut parameters = claims.parameters(BACKEND);
    let operations: Vec<&O> = batch
        .claimants()
        .map(|request| &request.operation)
        .collect();
    for Effect {
        sql,
        resource,
        rows,
    } in O::effects(&operations)
    {
        let of_winners = format!(
            "(SELECT rows.* FROM {} WHERE {resource} IN (SELECT resource FROM claimed)) AS rows",
            rows.table(BACKEND, parameters.len() + 1)
        );
        parts.push(format!(
            "effect_{} AS ({})",
            parts.len(),
            sql.replace("{rows}", &of_winners)
        ));
        parameters.extend(rows.parameters(BACKEND));
    }
    let sql = format!("WITH {} SELECT resource FROM claimed", parts.join(", "));
    Statement::from_sql_and_values(BACKEND, sql, parameters)
}

/// Claims, then effects. SQLite has no statement that does both, and no round trips to save.
async fn in_steps<O: Operation>(
    writer: &DatabaseConnection,
    batch: &Batch<O>,
) -> Result<HashSet<Uuid>, DbErr> {
    let txn = begin_immediate(writer).await?;
    let claim = claims(batch).statement(DbBackend::Sqlite, CLAIM);
    let won = resources(&txn.query_all_raw(claim).await?)?;
    reach(Point::AfterClaim);
    for effect in effects_of_winners(batch, &won) {
        txn.execute_raw(effect.rows.statement(DbBackend::Sqlite, effect.sql))
            .await?;
    }
    reach(Point::BeforeCommit);
    txn.commit().await?;
    Ok(won)
}

/// Takes the write lock at once: a transaction that reads first cannot wait for it later.
async fn begin_immediate(writer: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    writer.begin_with_options(options).await
}

fn claims<O: Operation>(batch: &Batch<O>) -> Rows {
    let rows = batch.claimants().map(|request| {
        let [scope, key] = name(request);
        [
            scope,
            key,
            Cell::Bytes(request.fingerprint.as_bytes().to_vec()),
            Cell::Uuid(request.operation.resource()),
            Cell::Bytes(request.operation.response().to_vec()),
        ]
    });
    Rows::new(&KEY_ROW, rows)
}

fn name<O>(request: &Request<O>) -> [Cell; 2] {
    let ScopedKey { scope, key } = &request.key;
    [
        Cell::Text(scope.as_str().to_owned()),
        Cell::Text(key.as_str().to_owned()),
    ]
}

fn effects_of_winners<O: Operation>(batch: &Batch<O>, won: &HashSet<Uuid>) -> Vec<Effect> {
    let operations = batch.claimants().map(|request| &request.operation);
    let winners: Vec<&O> = operations.filter(|o| won.contains(&o.resource())).collect();
    if winners.is_empty() {
        Vec::new()
    } else {
        O::effects(&winners)
    }
}

fn resources(rows: &[QueryResult]) -> Result<HashSet<Uuid>, DbErr> {
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// What the owner of a key asked for and what it got.
type Stored = (Vec<u8>, StoredResponse);

/// Reads the rows that stood in the way, by the ordinal of the loser. A statement of its own,
/// after the claims: it sees what the transactions committed that the claims waited for.
async fn read_losers<O: Operation>(
    writer: &DatabaseConnection,
    batch: &Batch<O>,
    won: &HashSet<Uuid>,
) -> Result<HashMap<i64, Stored>, DbErr> {
    if won.len() == batch.claimants().count() {
        return Ok(HashMap::new());
    }
    let losers = losers(batch, won).statement(writer.get_database_backend(), READ);
    writer
        .query_all_raw(losers)
        .await?
        .iter()
        .map(key_row)
        .collect()
}

fn losers<O: Operation>(batch: &Batch<O>, won: &HashSet<Uuid>) -> Rows {
    let losers = batch
        .claimants()
        .filter(|r| !won.contains(&r.operation.resource()));
    Rows::new(&NAME, losers.map(name))
}

fn key_row(row: &QueryResult) -> Result<(i64, Stored), DbErr> {
    let body: Vec<u8> = row.try_get_by_index(3)?;
    let stored = StoredResponse {
        resource: row.try_get_by_index(2)?,
        body: body.into(),
    };
    Ok((row.try_get_by_index(0)?, (row.try_get_by_index(1)?, stored)))
}

fn verdicts<O: Operation>(
    batch: &Batch<O>,
    won: &HashSet<Uuid>,
    mut stored: HashMap<i64, Stored>,
) -> Vec<Claim> {
    let mut ordinals = 1..;
    let verdict = |request: &Request<O>| {
        let own = request.operation.resource();
        if won.contains(&own) {
            return Claim::Won;
        }
        match ordinals.next().and_then(|ordinal| stored.remove(&ordinal)) {
            // Our own row, from an attempt whose commit succeeded unheard.
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
