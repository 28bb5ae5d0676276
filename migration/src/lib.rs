//! The migrations of the schema of `orders`.
//!
//! A released migration never changes, and it imports nothing of the service, so that changes of
//! the service cannot change it. Every migration runs on PostgreSQL and on SQLite.
#![allow(
    elided_lifetimes_in_paths,
    reason = "the shape of the trait behind async_trait"
)]

use sea_orm_migration::prelude::*;

pub use sea_orm_migration::MigrationStatus;
pub use sea_orm_migration::prelude::MigratorTrait;

mod m20261122_000001_orders;
mod m20261122_000002_idempotency_keys;
mod m20261124_000003_retention;
mod m20261130_000004_tenants;
mod m20261130_000005_request_id;
mod m20261130_000006_outbox;

/// Migrates a database to the current schema, and back.
#[derive(Debug, Clone, Copy)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_orders::Migration),
            Box::new(m20261122_000002_idempotency_keys::Migration),
            Box::new(m20261124_000003_retention::Migration),
            Box::new(m20261130_000004_tenants::Migration),
            Box::new(m20261130_000005_request_id::Migration),
            Box::new(m20261130_000006_outbox::Migration),
        ]
    }
}
