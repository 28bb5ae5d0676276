//! Retention: table `leases`, and storage settings of `idempotency_keys`.
//!
//! A lease names the instance that does a job, such as sweeping, until it expires. An instance that
//! crashes leaves a lease that the next one takes over.
//!
//! The keys get no index for their age: every new key would pay for it. The sweep reads the table in
//! the order of its storage.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// On PostgreSQL: room in each page for the short row that replaces an expired one, so that the
/// update changes no index, and a vacuum after a twentieth of the rows instead of a fifth. Takes no
/// lock that a reader or a writer waits for, and rewrites nothing.
const STORAGE: &str = "ALTER TABLE idempotency_keys SET (fillfactor = 90, \
                       autovacuum_vacuum_scale_factor = 0.05)";

const STORAGE_BEFORE: &str = "ALTER TABLE idempotency_keys RESET (fillfactor, \
                              autovacuum_vacuum_scale_factor)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("leases")
                    .col(ColumnDef::new("name").text().not_null().primary_key())
                    .col(ColumnDef::new("holder").uuid().not_null())
                    .col(
                        ColumnDef::new("expires_at")
                            .timestamp_with_time_zone()
                            .not_null(),
                    )
                    .to_owned(),
            )
            .await?;
        on_postgres(manager, STORAGE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        on_postgres(manager, STORAGE_BEFORE).await?;
        manager
            .drop_table(Table::drop().table("leases").to_owned())
            .await
    }
}

async fn on_postgres(manager: &SchemaManager<'_>, statement: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == sea_orm::DbBackend::Postgres {
        let db = manager.get_connection();
        db.execute_unprepared(statement).await?;
    }
    Ok(())
}
