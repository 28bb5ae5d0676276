//! Table `orders`. The service generates the ids: UUID version 7, in order of arrival.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("orders")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("item").text().not_null())
                    // bigint, because INTEGER has 64 bits on CockroachDB.
                    .col(
                        ColumnDef::new("quantity")
                            .big_integer()
                            .not_null()
                            .check(Expr::col("quantity").between(1, i64::from(i32::MAX))),
                    )
                    .col(
                        ColumnDef::new("created_at")
                            .timestamp_with_time_zone()
                            .not_null()
                            .default(Expr::current_timestamp()),
                    )
                    .extra(clustered(manager.get_database_backend()))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("orders").to_owned())
            .await
    }
}

/// On SQLite, stores the rows in the index of the primary key: one B-tree to write instead of two.
fn clustered(backend: sea_orm::DbBackend) -> &'static str {
    match backend {
        sea_orm::DbBackend::Sqlite => "WITHOUT ROWID",
        _ => "",
    }
}
