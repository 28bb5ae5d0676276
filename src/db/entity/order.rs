//! Table `orders`.

use sea_orm::entity::prelude::*;

/// One order.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    /// UUID version 7: in order of arrival.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// What was ordered.
    pub item: String,
    /// How many of it.
    pub quantity: i64,
    /// Whose it is; empty for the shared tenant.
    pub tenant: String,
    /// When it was stored, by the database's clock.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
