//! Tenants: column `orders.tenant`, its index, and table `tokens`.
//!
//! The column has a constant default, so no row is rewritten, and instances of former releases go on
//! inserting orders of the shared tenant, whose name is empty. The index leaves the shared tenant
//! out: its orders are found and listed by the primary key.
//!
//! Building the index reads `orders` once while writers wait. Where that takes too long, the
//! operator creates both before (docs/deployment.md), and this migration has nothing to wait for.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

const INDEX: &str = "orders_of_tenants";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !manager.has_column("orders", "tenant").await? {
            manager
                .alter_table(
                    Table::alter()
                        .table("orders")
                        .add_column(ColumnDef::new("tenant").text().not_null().default(""))
                        .to_owned(),
                )
                .await?;
        }
        manager
            .create_index(
                Index::create()
                    .if_not_exists()
                    .name(INDEX)
                    .table("orders")
                    .col("tenant")
                    .col("id")
                    // Text, not a value: the planner must recognize it in queries.
                    .and_where(Expr::cust("tenant <> ''"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("tokens")
                    .col(ColumnDef::new("id").text().not_null().primary_key())
                    .col(ColumnDef::new("tenant").text().not_null())
                    .col(ColumnDef::new("admin").boolean().not_null())
                    // SHA-256 of the token.
                    .col(ColumnDef::new("digest").blob().not_null())
                    .col(
                        ColumnDef::new("created_at")
                            .timestamp_with_time_zone()
                            .not_null()
                            .default(Expr::current_timestamp()),
                    )
                    .col(ColumnDef::new("expires_at").timestamp_with_time_zone())
                    .col(ColumnDef::new("revoked_at").timestamp_with_time_zone())
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("tokens").to_owned())
            .await?;
        manager
            .drop_index(Index::drop().name(INDEX).table("orders").to_owned())
            .await?;
        manager
            .alter_table(
                Table::alter()
                    .table("orders")
                    .drop_column("tenant")
                    .to_owned(),
            )
            .await
    }
}
