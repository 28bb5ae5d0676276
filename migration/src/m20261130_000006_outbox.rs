//! Table `outbox`: events that wait to be published.
//!
//! An event is inserted in the transaction of its effect, leased by a relay, and deleted once it is
//! published. The primary key begins with what the event is about: events of one order lie side by
//! side, oldest first, and a relay finds the first of them without another index. A new event has a
//! large UUID version 7, so it is appended.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// On PostgreSQL: room in each page for the leased version of a row, so that a lease changes no
/// index, and a vacuum after a hundredth of the rows instead of a fifth. The table keeps its size
/// when it is empty: to truncate it takes a lock that writers wait for.
const STORAGE: &str = "ALTER TABLE outbox SET (fillfactor = 50, \
                       autovacuum_vacuum_scale_factor = 0.01, vacuum_truncate = off)";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        manager
            .create_table(
                Table::create()
                    .table("outbox")
                    .col(ColumnDef::new("subject").uuid().not_null())
                    .col(ColumnDef::new("id").uuid().not_null())
                    .col(ColumnDef::new("source").text().not_null())
                    .col(ColumnDef::new("type").text().not_null())
                    .col(ColumnDef::new("tenant").text())
                    .col(ColumnDef::new("data").blob().not_null())
                    .col(
                        ColumnDef::new("created_at")
                            .timestamp_with_time_zone()
                            .not_null()
                            .default(Expr::current_timestamp()),
                    )
                    // NULL until the first lease.
                    .col(ColumnDef::new("owner").uuid())
                    .col(ColumnDef::new("due_at").timestamp_with_time_zone())
                    // bigint, because INTEGER has 64 bits on CockroachDB.
                    .col(
                        ColumnDef::new("attempts")
                            .big_integer()
                            .not_null()
                            .default(0),
                    )
                    .primary_key(Index::create().col("subject").col("id"))
                    .extra(clustered(backend))
                    .to_owned(),
            )
            .await?;
        if backend == sea_orm::DbBackend::Postgres {
            let db = manager.get_connection();
            db.execute_unprepared(STORAGE).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("outbox").to_owned())
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
