//! Column `request_id` of `idempotency_keys`: what logs call the request that stored the key, so that
//! a replay can name it.
//!
//! NULL in rows of former releases, whose instances may go on writing them, and in tombstones.
//! Adding a nullable column rewrites no row on either database.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter()
                    .table("idempotency_keys")
                    .add_column(ColumnDef::new("request_id").text())
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .alter_table(
                Table::alter()
                    .table("idempotency_keys")
                    .drop_column("request_id")
                    .to_owned(),
            )
            .await
    }
}
