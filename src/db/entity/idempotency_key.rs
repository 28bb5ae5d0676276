//! The table `idempotency_keys`.

use sea_orm::entity::prelude::*;

/// A key, its payload's fingerprint and the answer, written in the transaction of the effect.
///
/// Once the answer has expired, the row is a tombstone: digest, resource, refusal and time. The
/// other columns are empty.
#[sea_orm::model]
#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    /// 16 bytes of SHA-256 over scope, NUL and key: the uniqueness that carries the promise.
    #[sea_orm(primary_key, auto_increment = false)]
    pub digest: Uuid,
    /// Operation and tenant.
    pub scope: String,
    /// The key as the client sent it.
    pub key: String,
    /// Digest of operation and payload; empty in a tombstone and nowhere else.
    pub fingerprint: Vec<u8>,
    /// ID that the winning request chose. It recognizes its own row by it when the outcome of a
    /// COMMIT is unknown.
    pub resource: Uuid,
    /// Status of a refusal; NULL if the request was accepted.
    pub refusal: Option<i64>,
    /// The response, byte for byte.
    pub response: Vec<u8>,
    /// What logs call the winning request; NULL if it had no name, or is of release 0.1.0.
    pub request_id: Option<String>,
    /// Time of the transaction, by the database's clock.
    pub created_at: DateTimeUtc,
}

impl ActiveModelBehavior for ActiveModel {}
