//! The promise, checked in the tables.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use uuid::Uuid;

use super::{Backend, TestDatabase};

impl TestDatabase {
    /// The number of orders.
    pub(crate) async fn orders(&self) -> i64 {
        self.count("SELECT count(*) FROM orders").await
    }

    /// The stored response of each key.
    pub(crate) async fn responses(&self) -> HashMap<String, Bytes> {
        let rows = self
            .rows("SELECT key, response FROM idempotency_keys")
            .await;
        let pair = |row: &sea_orm::QueryResult| {
            let response: Vec<u8> = row.try_get_by_index(1).unwrap();
            (row.try_get_by_index(0).unwrap(), response.into())
        };
        rows.iter().map(pair).collect()
    }

    /// Makes all keys older.
    pub(crate) async fn age_keys(&self, hours: u32) {
        let older = match self.backend {
            Backend::Sqlite => format!("datetime(created_at, '-{hours} hours')"),
            Backend::Postgres => format!("created_at - interval '{hours} hours'"),
        };
        let update = format!("UPDATE idempotency_keys SET created_at = {older}");
        self.execute(&update).await;
    }

    /// The numbers of stored answers and of tombstones.
    pub(crate) async fn keys(&self) -> (i64, i64) {
        let count = |condition| {
            format!("SELECT count(*) FROM idempotency_keys WHERE length(fingerprint) {condition} 0")
        };
        (self.count(&count(">")).await, self.count(&count("=")).await)
    }

    /// Deletes the orders whose key was forgotten, which no longer concern the promise.
    pub(crate) async fn delete_orders_without_key(&self) {
        let resources = "SELECT resource FROM idempotency_keys";
        for (table, id) in [("orders", "id"), ("outbox", "subject")] {
            let delete = format!("DELETE FROM {table} WHERE {id} NOT IN ({resources})");
            self.execute(&delete).await;
        }
    }

    /// Every order has an event that is not published: events are on, and there is no relay.
    pub(super) async fn assert_events(&self) {
        let missing = "SELECT count(*) FROM orders WHERE id NOT IN (SELECT subject FROM outbox)";
        assert_eq!(self.count(missing).await, 0, "orders without an event");
    }

    /// The number of events that are not published.
    pub(crate) async fn backlog(&self) -> i64 {
        self.count("SELECT count(*) FROM outbox").await
    }

    /// The ids of all orders.
    pub(crate) async fn order_ids(&self) -> BTreeSet<Uuid> {
        let rows = self.rows("SELECT id FROM orders").await;
        rows.iter()
            .map(|row| row.try_get_by_index(0).unwrap())
            .collect()
    }

    /// One order for each key row, one key row for each order, and the stored response is the
    /// order. No event of an order that does not exist, and not two of one.
    pub(crate) async fn assert_promise(&self) {
        for (what, query) in [
            (
                "orders without a key",
                "SELECT count(*) FROM orders \
                 WHERE id NOT IN (SELECT resource FROM idempotency_keys)",
            ),
            (
                "keys without an order",
                "SELECT count(*) FROM idempotency_keys \
                 WHERE resource NOT IN (SELECT id FROM orders)",
            ),
            (
                "keys that share an order",
                "SELECT count(*) - count(DISTINCT resource) FROM idempotency_keys",
            ),
            (
                "events without an order",
                "SELECT count(*) FROM outbox WHERE subject NOT IN (SELECT id FROM orders)",
            ),
            (
                "events that share an order",
                "SELECT count(*) - count(DISTINCT subject) FROM outbox",
            ),
        ] {
            assert_eq!(self.count(query).await, 0, "{what}");
        }
        // A tombstone has no response.
        let query = "SELECT o.id, o.item, o.quantity, k.response FROM orders AS o \
                     JOIN idempotency_keys AS k ON k.resource = o.id \
                     WHERE length(k.fingerprint) > 0";
        for row in self.rows(query).await {
            let id: Uuid = row.try_get_by_index(0).unwrap();
            let item: String = row.try_get_by_index(1).unwrap();
            let quantity: i64 = row.try_get_by_index(2).unwrap();
            let response: Vec<u8> = row.try_get_by_index(3).unwrap();
            let item = serde_json::to_string(&item).unwrap();
            let order = format!(r#"{{"id":"{id}","item":{item},"quantity":{quantity}}}"#);
            assert_eq!(String::from_utf8(response).unwrap(), order);
        }
    }
}
