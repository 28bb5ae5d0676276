//! Keys by their digest: 16 bytes of SHA-256 over scope, NUL and key. The primary key, which carries
//! the promise, is the digest: its index is less than half as large, and with it what PostgreSQL
//! logs for a random key after a checkpoint, which is the whole page.
//!
//! On SQLite the rows are no longer stored in the index: a random key would change a page of rows,
//! where it now changes a page of digests.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DbBackend, QueryResult, Statement};
use sha2::{Digest, Sha256};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// How many rows are in memory at a time.
const CHUNK: usize = 1000;

const COLUMNS: &str = "scope, key, fingerprint, resource, response, created_at";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        if manager.get_database_backend() == DbBackend::Sqlite {
            db.execute_unprepared(
                "CREATE TABLE keys_by_digest (\
                 digest uuid_text NOT NULL PRIMARY KEY, scope text NOT NULL, key text NOT NULL, \
                 fingerprint blob NOT NULL, resource uuid_text NOT NULL, response blob NOT NULL, \
                 created_at timestamp_with_timezone_text NOT NULL DEFAULT CURRENT_TIMESTAMP)",
            )
            .await?;
            copy(db).await?;
            return replace(db, "keys_by_digest").await;
        }
        db.execute_unprepared(
            "ALTER TABLE idempotency_keys ADD COLUMN digest uuid; \
             UPDATE idempotency_keys SET digest = encode(substring(sha256(\
             convert_to(scope, 'UTF8') || '\\x00'::bytea || convert_to(key, 'UTF8')\
             ) FROM 1 FOR 16), 'hex')::uuid; \
             ALTER TABLE idempotency_keys \
             DROP CONSTRAINT idempotency_keys_pkey, ADD PRIMARY KEY (digest)",
        )
        .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        if manager.get_database_backend() == DbBackend::Sqlite {
            db.execute_unprepared(
                "CREATE TABLE keys_by_key (\
                 scope text NOT NULL, key text NOT NULL, fingerprint blob NOT NULL, \
                 resource uuid_text NOT NULL, response blob NOT NULL, \
                 created_at timestamp_with_timezone_text NOT NULL DEFAULT CURRENT_TIMESTAMP, \
                 PRIMARY KEY (key, scope)) WITHOUT ROWID",
            )
            .await?;
            let copy = format!(
                "INSERT INTO keys_by_key ({COLUMNS}) SELECT {COLUMNS} FROM idempotency_keys"
            );
            db.execute_unprepared(&copy).await?;
            return replace(db, "keys_by_key").await;
        }
        db.execute_unprepared(
            "ALTER TABLE idempotency_keys DROP COLUMN digest; \
             ALTER TABLE idempotency_keys ADD PRIMARY KEY (key, scope)",
        )
        .await?;
        Ok(())
    }
}

/// SQLite changes a primary key by another table.
async fn replace(db: &SchemaManagerConnection<'_>, table: &str) -> Result<(), DbErr> {
    db.execute_unprepared("DROP TABLE idempotency_keys").await?;
    let rename = format!("ALTER TABLE {table} RENAME TO idempotency_keys");
    db.execute_unprepared(&rename).await?;
    Ok(())
}

/// SQLite has no SHA-256.
async fn copy(db: &SchemaManagerConnection<'_>) -> Result<(), DbErr> {
    let (mut key, mut scope) = (String::new(), String::new());
    loop {
        let next = format!(
            "SELECT scope, key FROM idempotency_keys WHERE (key, scope) > (?, ?) \
             ORDER BY key, scope LIMIT {CHUNK}"
        );
        let rows = db
            .query_all_raw(sqlite(next, [key.into(), scope.into()]))
            .await?;
        for row in &rows {
            copy_row(db, row).await?;
        }
        let Some(last) = rows.last() else {
            return Ok(());
        };
        (scope, key) = (last.try_get_by_index(0)?, last.try_get_by_index(1)?);
    }
}

async fn copy_row(db: &SchemaManagerConnection<'_>, row: &QueryResult) -> Result<(), DbErr> {
    let (scope, key): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    let digest = Sha256::new()
        .chain_update(&scope)
        .chain_update([0])
        .chain_update(&key)
        .finalize()[..16]
        .to_vec();
    let copy = format!(
        "INSERT INTO keys_by_digest (digest, {COLUMNS}) \
         SELECT ?, {COLUMNS} FROM idempotency_keys WHERE key = ? AND scope = ?"
    );
    let values = [digest.into(), key.into(), scope.into()];
    db.execute_raw(sqlite(copy, values)).await?;
    Ok(())
}

fn sqlite<const N: usize>(sql: String, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)
}
