//! The table `outbox`.

use sea_orm::entity::prelude::*;

/// An event that waits to be published. It is deleted afterwards.
#[sea_orm::model]
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    /// ID of what the event is about, such as an order.
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: Uuid,
    /// UUID version 7: orders the events of a subject.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// URI reference of what the event comes from.
    pub source: String,
    /// What has happened.
    #[sea_orm(column_name = "type")]
    pub event_type: String,
    /// Whose event it is, where there are tenants.
    pub tenant: Option<String>,
    /// The details, as JSON.
    pub data: Vec<u8>,
    /// Time of the transaction, by the database's clock.
    pub created_at: DateTimeUtc,
    /// The last lease; NULL before the first.
    pub owner: Option<Uuid>,
    /// When the event may be leased again, by the database's clock; NULL before the first lease.
    pub due_at: Option<DateTimeUtc>,
    /// How often it was leased.
    pub attempts: i64,
}

impl ActiveModelBehavior for ActiveModel {}
