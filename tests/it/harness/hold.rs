//! Transactions of another client that hold locks while a service works.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

use super::{Backend, TestDatabase};

/// An open transaction.
pub(crate) struct Hold {
    txn: DatabaseTransaction,
    connection: DatabaseConnection,
}

impl TestDatabase {
    /// Claims a key as another instance would, and keeps the transaction open. On SQLite it blocks
    /// every writer.
    pub(crate) async fn hold(&self, key: &str) -> Hold {
        self.begin(&claim(self.backend, key)).await
    }

    /// Places an order as another instance would, and keeps the transaction open. PostgreSQL only.
    pub(crate) async fn hold_order(&self, key: &str) -> Hold {
        let (id, digest) = (uuid::Uuid::now_v7(), digest(key));
        let response = format!(r#"{{"id":"{id}","item":"tea","quantity":1}}"#);
        self.begin(&format!(
            "INSERT INTO idempotency_keys (digest, scope, key, fingerprint, resource, response) \
             VALUES ('{digest}', 'place_order', '{key}', '\\x00', '{id}', \
             convert_to('{response}', 'UTF8')); \
             INSERT INTO orders (id, item, quantity) VALUES ('{id}', 'tea', 1)"
        ))
        .await
    }

    /// Executes a statement in a transaction that stays open.
    pub(crate) async fn begin(&self, statement: &str) -> Hold {
        let connection = self.sql().await;
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let txn = connection.begin_with_options(options).await.unwrap();
        txn.execute_unprepared(statement).await.unwrap();
        Hold { txn, connection }
    }
}

impl Hold {
    /// Claims another key in the same transaction. Waits while a service holds it. PostgreSQL only.
    pub(crate) async fn also_claim(&self, key: &str) {
        let claim = claim(Backend::Postgres, key);
        self.txn.execute_unprepared(&claim).await.unwrap();
    }

    /// Commits.
    pub(crate) async fn commit(self) {
        self.txn.commit().await.unwrap();
        self.connection.close().await.unwrap();
    }

    /// Rolls back.
    pub(crate) async fn roll_back(self) {
        self.txn.rollback().await.unwrap();
        self.connection.close().await.unwrap();
    }
}

fn claim(backend: Backend, key: &str) -> String {
    let id = uuid::Uuid::now_v7();
    let (prefix, bytes) = match backend {
        Backend::Sqlite => ("x", "x'00'"),
        Backend::Postgres => ("", "'\\x00'"),
    };
    let (digest, id) = (digest(key), id.simple());
    format!(
        "INSERT INTO idempotency_keys (digest, scope, key, fingerprint, resource, response) \
         VALUES ({prefix}'{digest}', 'place_order', '{key}', {bytes}, {prefix}'{id}', {bytes})"
    )
}

/// The digest under which a key is stored, in hexadecimal.
fn digest(key: &str) -> uuid::fmt::Simple {
    let key = orders::idempotency::ScopedKey {
        scope: orders::idempotency::Scope::shared("place_order"),
        key: orders::idempotency::IdempotencyKey::parse(key.as_bytes()).unwrap(),
    };
    key.digest().simple()
}
