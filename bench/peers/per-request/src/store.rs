//! Places an order in its own transaction: claims the key, inserts the order, commits.

use sea_orm::{
    ActiveValue::Set, DatabaseConnection, DbErr, EntityTrait, SqliteTransactionMode,
    TransactionOptions, TransactionTrait, TryInsertResult,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::entity::{key, order};

const SCOPE: &str = "place_order";

/// A request to place an order.
pub struct Request {
    pub key: String,
    pub fingerprint: Vec<u8>,
    pub item: String,
    pub quantity: i64,
}

/// The result of a request: the id of the order and the response.
pub enum Outcome {
    Created(Uuid, Vec<u8>),
    Replayed(Uuid, Vec<u8>),
    Reused,
}

pub async fn place(db: &DatabaseConnection, request: Request) -> Result<Outcome, DbErr> {
    let id = Uuid::now_v7();
    let item = serde_json::to_string(&request.item).expect("a string is JSON");
    let quantity = request.quantity;
    let response = format!(r#"{{"id":"{id}","item":{item},"quantity":{quantity}}}"#).into_bytes();

    let txn = db
        .begin_with_options(TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        })
        .await?;
    let digest = digest(&request.key);
    let claim = key::ActiveModel {
        digest: Set(digest),
        scope: Set(SCOPE.to_owned()),
        key: Set(request.key),
        fingerprint: Set(request.fingerprint.clone()),
        resource: Set(id),
        response: Set(response.clone()),
    };
    let claimed = key::Entity::insert(claim)
        .on_conflict_do_nothing()
        .exec_without_returning(&txn)
        .await?;
    if !matches!(claimed, TryInsertResult::Inserted(rows) if rows > 0) {
        let stored = key::Entity::find_by_id(digest).one(&txn).await?;
        txn.commit().await?;
        let stored = stored.ok_or_else(|| DbErr::RecordNotFound("the key".to_owned()))?;
        return Ok(if stored.fingerprint == request.fingerprint {
            Outcome::Replayed(stored.resource, stored.response)
        } else {
            Outcome::Reused
        });
    }
    let order = order::ActiveModel {
        id: Set(id),
        item: Set(request.item),
        quantity: Set(quantity),
    };
    order::Entity::insert(order)
        .exec_without_returning(&txn)
        .await?;
    txn.commit().await?;
    Ok(Outcome::Created(id, response))
}

fn digest(key: &str) -> Uuid {
    let digest = Sha256::new().chain_update(SCOPE).chain_update([0]).chain_update(key).finalize();
    Uuid::from_slice(&digest[..16]).expect("16 bytes")
}
