//! Tokens in the database.

use std::time::{Duration, SystemTime};

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::{Token, TokenId};
use crate::db::clock;
use crate::db::entity::token;
use crate::idempotency::Tenant;

/// A token to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Whose requests it authenticates.
    pub tenant: Tenant,
    /// Whether it may also maintain the service: sweep, read metrics.
    pub admin: bool,
    /// When it expires, if it does.
    pub expires: Option<SystemTime>,
}

/// A token as it is stored: everything but its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredToken {
    /// The public part.
    pub id: String,
    /// Whose requests it authenticates.
    pub tenant: String,
    /// Whether it may also maintain the service.
    pub admin: bool,
    /// When it was created, by the database's clock.
    pub created: SystemTime,
    /// When it expires, if it does.
    pub expires: Option<SystemTime>,
    /// When it was revoked, if it was.
    pub revoked: Option<SystemTime>,
}

/// What a revocation found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// The token was valid until now, or has expired.
    Revoked,
    /// It was revoked before.
    AlreadyRevoked,
    /// There is no token with this id.
    Unknown,
}

/// Creates a token. What is returned is stored nowhere.
pub async fn create(db: &impl ConnectionTrait, new: &NewToken) -> Result<Token, DbErr> {
    let token = Token::random();
    let row = token::ActiveModel {
        id: ActiveValue::Set(token.id().as_str().to_owned()),
        tenant: ActiveValue::Set(new.tenant.as_str().to_owned()),
        admin: ActiveValue::Set(new.admin),
        digest: ActiveValue::Set(token.digest().to_vec()),
        created_at: ActiveValue::NotSet,
        expires_at: ActiveValue::Set(new.expires.map(Into::into)),
        revoked_at: ActiveValue::Set(None),
    };
    token::Entity::insert(row)
        .exec_without_returning(db)
        .await?;
    Ok(token)
}

/// Up to `limit` tokens after the one with the id `after`, in order of id.
pub async fn list(
    db: &impl ConnectionTrait,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<StoredToken>, DbErr> {
    let mut query = token::Entity::find()
        .order_by_asc(token::Column::Id)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(token::Column::Id.gt(after));
    }
    let rows = query.all(db).await?;
    Ok(rows.into_iter().map(StoredToken::from).collect())
}

/// Revokes a token: for ever, and on every instance within seconds.
pub async fn revoke(db: &impl ConnectionTrait, id: &TokenId) -> Result<Revocation, DbErr> {
    let revoked = token::Entity::update_many()
        .col_expr(token::Column::RevokedAt, now(db))
        .filter(token::Column::Id.eq(id.as_str()))
        .filter(token::Column::RevokedAt.is_null())
        .exec(db)
        .await?;
    if revoked.rows_affected == 1 {
        return Ok(Revocation::Revoked);
    }
    Ok(match find(db, id).await? {
        Some(_) => Revocation::AlreadyRevoked,
        None => Revocation::Unknown,
    })
}

/// The row of a token.
pub(super) async fn find(
    db: &impl ConnectionTrait,
    id: &TokenId,
) -> Result<Option<token::Model>, DbErr> {
    token::Entity::find_by_id(id.as_str()).one(db).await
}

fn now(db: &impl ConnectionTrait) -> Expr {
    clock::after(db, Duration::ZERO)
}

impl From<token::Model> for StoredToken {
    fn from(row: token::Model) -> Self {
        Self {
            id: row.id,
            tenant: row.tenant,
            admin: row.admin,
            created: row.created_at.into(),
            expires: row.expires_at.map(Into::into),
            revoked: row.revoked_at.map(Into::into),
        }
    }
}
