//! The orders that a service has acknowledged, to be checked after a fault.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{Client, Reply, TestDatabase, order};

/// The body of the 2xx of each key. The request of a key is `order(key, 1)`.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Acknowledged(BTreeMap<String, Bytes>);

impl Acknowledged {
    /// Records a 2xx. A second one for the same key must have the same body.
    #[track_caller]
    pub(crate) fn insert(&mut self, key: impl Into<String>, reply: Reply) {
        let (key, body) = (key.into(), reply.expect_order().body);
        let before = self.0.insert(key.clone(), body.clone());
        assert!(before.is_none_or(|before| before == body), "{key}");
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Bytes> {
        self.0.get(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.0.iter().map(|(key, body)| (&**key, body))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Every order is stored under its key, byte for byte.
    pub(crate) async fn assert_stored(&self, database: &TestDatabase) {
        let stored = database.responses().await;
        for (key, body) in self.iter() {
            assert_eq!(stored.get(key), Some(body), "{key} was acknowledged");
        }
    }

    /// Every order is replayed, byte for byte.
    pub(crate) async fn assert_replayed(&self, client: &Client) {
        for (key, body) in self.iter() {
            let replay = client.place(key, order(key, 1)).await.expect(200);
            assert_eq!(replay.body, body, "{key} was acknowledged");
        }
    }
}
