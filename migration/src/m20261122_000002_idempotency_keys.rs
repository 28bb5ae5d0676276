//! Table `idempotency_keys`.
//!
//! The promise depends on the primary key, 16 bytes of SHA-256 over scope, NUL and key: only the
//! request that inserts the row has its effect. A digest is short and has the same length for every
//! key, so the index is small. There are no other indexes and no sequences, so the table can be
//! distributed by its primary key.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                // With a rowid on SQLite: rows are appended, and a random key changes a page of the
                // small index only.
                Table::create()
                    .table("idempotency_keys")
                    .col(ColumnDef::new("digest").uuid().not_null().primary_key())
                    .col(ColumnDef::new("scope").text().not_null())
                    .col(ColumnDef::new("key").text().not_null())
                    .col(ColumnDef::new("fingerprint").blob().not_null())
                    // The winner recognizes its own row by it when the outcome of a COMMIT is
                    // unknown.
                    .col(ColumnDef::new("resource").uuid().not_null())
                    // The status of a refusal; NULL if the request was accepted.
                    .col(ColumnDef::new("refusal").big_integer())
                    .col(ColumnDef::new("response").blob().not_null())
                    .col(
                        ColumnDef::new("created_at")
                            .timestamp_with_time_zone()
                            .not_null()
                            .default(Expr::current_timestamp()),
                    )
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("idempotency_keys").to_owned())
            .await
    }
}
