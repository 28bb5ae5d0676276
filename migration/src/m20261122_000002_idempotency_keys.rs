//! Idempotency keys. The primary key (scope, key) is the uniqueness that carries the promise:
//! whoever inserts the row has the right to the effect. There are no other indexes and no
//! sequences, so the table can be distributed by its key.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        manager
            .create_table(
                Table::create()
                    .table("idempotency_keys")
                    .col(ascii("scope", backend))
                    .col(ascii("key", backend))
                    .col(ColumnDef::new("fingerprint").blob().not_null())
                    // The id of what the winner made. It tells the winner its own row from
                    // another's when the outcome of a COMMIT was lost.
                    .col(ColumnDef::new("resource").uuid().not_null())
                    .col(ColumnDef::new("response").blob().not_null())
                    .col(
                        ColumnDef::new("created_at")
                            .timestamp_with_time_zone()
                            .not_null()
                            .default(Expr::current_timestamp()),
                    )
                    // The key comes first: it tells two rows apart sooner than the scope.
                    .primary_key(Index::create().col("key").col("scope"))
                    .extra(crate::clustered(backend))
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

/// Text compared byte by byte, whatever the database's locale.
fn ascii(name: &'static str, backend: DbBackend) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    column.text().not_null();
    if backend == DbBackend::Postgres {
        column.extra("COLLATE \"C\"");
    }
    column
}
