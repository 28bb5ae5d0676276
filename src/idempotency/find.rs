//! Looks a key up.

use std::time::SystemTime;

use sea_orm::{ConnectionTrait, DbErr, EntityTrait};
use uuid::Uuid;

use super::ScopedKey;
use crate::db::entity::idempotency_key;

/// What became of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundKey {
    /// ID of what its request created; none if it was refused.
    pub resource: Option<Uuid>,
    /// When it was stored, by the database's clock.
    pub created: SystemTime,
    /// Whether its answer has expired.
    pub expired: bool,
}

/// The key as it is stored, if it is.
pub async fn find(db: &impl ConnectionTrait, key: &ScopedKey) -> Result<Option<FoundKey>, DbErr> {
    let row = idempotency_key::Entity::find_by_id(key.digest()).one(db);
    Ok(row.await?.map(|row| FoundKey {
        resource: row.refusal.is_none().then_some(row.resource),
        created: row.created_at.into(),
        expired: row.fingerprint.is_empty(),
    }))
}
