//! Something else that holds a lock while a service works.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

use super::{Backend, TestDatabase};

/// A transaction beside the service, open until it is ended.
pub(crate) struct Hold {
    txn: DatabaseTransaction,
    connection: DatabaseConnection,
}

impl TestDatabase {
    /// Claims a key as another instance would, without ending the transaction. On SQLite that
    /// holds up every writer.
    pub(crate) async fn hold(&self, key: &str) -> Hold {
        self.begin(&claim(self.backend, key)).await
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
    /// Claims another key in the same transaction: waits for whoever holds it. PostgreSQL only.
    pub(crate) async fn also(&self, key: &str) {
        let claim = claim(Backend::Postgres, key);
        self.txn.execute_unprepared(&claim).await.unwrap();
    }

    /// Ends it so that it counts.
    pub(crate) async fn commit(self) {
        self.txn.commit().await.unwrap();
        self.connection.close().await.unwrap();
    }

    /// Ends it as if it had never been.
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

/// What the database knows a key by, in hexadecimal.
pub(crate) fn digest(key: &str) -> uuid::fmt::Simple {
    let key = orders::idempotency::ScopedKey {
        scope: orders::idempotency::Scope::shared("place_order"),
        key: orders::idempotency::IdempotencyKey::parse(key.as_bytes()).unwrap(),
    };
    key.digest().simple()
}
