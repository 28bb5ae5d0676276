//! Table `idempotency_keys`.

use sea_orm::entity::prelude::*;

/// One key that was used, and the answer it got.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    /// Whose key: the same key in two scopes is two keys.
    #[sea_orm(primary_key, auto_increment = false)]
    pub scope: String,
    /// The key as the client sent it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// What was asked for, as a digest.
    pub fingerprint: Vec<u8>,
    /// The id of what was made.
    pub resource: Uuid,
    /// The stored response, byte for byte.
    pub response: Vec<u8>,
    /// When it was stored, by the database's clock.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
