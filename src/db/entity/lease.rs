//! The table `leases`.

use sea_orm::entity::prelude::*;

/// A job that one instance does at a time, until the lease expires.
#[sea_orm::model]
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "leases")]
pub struct Model {
    /// The job.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The instance, by an ID of its own.
    pub holder: Uuid,
    /// When another instance may take over, by the database's clock.
    pub expires_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
