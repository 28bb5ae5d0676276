//! Table `tokens`.

use sea_orm::entity::prelude::*;

/// A token that names a tenant. Its secret is not stored.
#[sea_orm::model]
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tokens")]
pub struct Model {
    /// The public part of the token.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Whose requests it authenticates.
    pub tenant: String,
    /// Whether it may also maintain the service.
    pub admin: bool,
    /// SHA-256 of the token.
    pub digest: Vec<u8>,
    /// When it was created, by the database's clock.
    pub created_at: DateTimeUtc,
    /// When it expires; NULL if it never does.
    pub expires_at: Option<DateTimeUtc>,
    /// When it was revoked; NULL if it was not.
    pub revoked_at: Option<DateTimeUtc>,
}

impl ActiveModelBehavior for ActiveModel {}
