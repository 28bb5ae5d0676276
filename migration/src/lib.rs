//! The schema of `orders`, as history: the ordered list of migrations and nothing else.
//!
//! A migration never changes once released and imports nothing of the service, so that it means
//! the same in a year. Every one runs on PostgreSQL and on SQLite.
#![allow(
    elided_lifetimes_in_paths,
    reason = "the shape of the trait behind async_trait"
)]

use sea_orm_migration::prelude::*;

pub use sea_orm_migration::MigrationStatus;
pub use sea_orm_migration::prelude::MigratorTrait;

mod m20261122_000001_orders;
mod m20261122_000002_idempotency_keys;
mod m20261122_000003_key_digests;

/// Brings a database from any earlier schema to the current one, and back.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_orders::Migration),
            Box::new(m20261122_000002_idempotency_keys::Migration),
            Box::new(m20261122_000003_key_digests::Migration),
        ]
    }
}

/// Table options that only one of the databases has.
fn clustered(backend: sea_orm::DbBackend) -> &'static str {
    match backend {
        // The primary key is the table: one B-tree to write instead of two.
        sea_orm::DbBackend::Sqlite => "WITHOUT ROWID",
        _ => "",
    }
}
