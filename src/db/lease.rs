//! Leases: one instance at a time does a job, and none has to give it up properly.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::clock;
use super::entity::lease::{Column, Entity};

/// A job and an instance that wants to do it.
#[derive(Debug, Clone)]
pub struct Lease {
    name: &'static str,
    holder: Uuid,
}

impl Lease {
    /// A lease that nobody holds yet, for a new holder.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            holder: Uuid::now_v7(),
        }
    }

    /// Takes the lease, or extends it, until `duration` from now. Returns `false` if another
    /// instance holds it.
    pub async fn hold(&self, db: &impl ConnectionTrait, duration: Duration) -> Result<bool, DbErr> {
        let now = clock::after(db, Duration::ZERO);
        let free = Expr::col((Entity, Column::ExpiresAt)).lte(now);
        let mine = Expr::col((Entity, Column::Holder)).eq(self.holder);
        let take = OnConflict::column(Column::Name)
            .update_columns([Column::Holder, Column::ExpiresAt])
            .action_and_where(free.or(mine))
            .to_owned();
        let expires_at = clock::after(db, duration);
        let insert = Query::insert()
            .into_table(Entity)
            .columns([Column::Name, Column::Holder, Column::ExpiresAt])
            .values_panic([self.name.into(), self.holder.into(), expires_at])
            .on_conflict(take)
            .to_owned();
        Ok(db.execute(&insert).await?.rows_affected() == 1)
    }
}
