//! What all species share: orders, keys, and the steps that the wrong ones take in the wrong order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::journal::Journal;
use super::{Species, Window};

/// A requested order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Payload {
    pub(super) item: String,
    pub(super) quantity: u64,
}

/// An order with an id.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) payload: Payload,
}

/// What is kept under a key.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) order: Order,
    pub(super) fingerprint: String,
    pub(super) since: Instant,
}

/// What all instances store.
#[derive(Debug, Default)]
pub(super) struct Shop {
    pub(super) orders: Mutex<Vec<Order>>,
    pub(super) keys: Mutex<HashMap<String, Kept>>,
    /// The fingerprints of requests in flight, by key.
    pub(super) busy: Mutex<HashMap<String, String>>,
    pub(super) ids: AtomicU64,
    /// The journal, if the species survives kills.
    pub(super) journal: Option<Journal>,
    locks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// One request and its server.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) shop: Arc<Shop>,
    pub(super) species: Species,
    pub(super) instance: usize,
    pub(super) key: String,
    pub(super) fingerprint: String,
    pub(super) payload: Payload,
    /// What was kept for the key when the head of the request arrived.
    pub(super) early: Option<Kept>,
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Reply {
    pub(super) fn new(status: u16, body: &str) -> Self {
        Self {
            status,
            body: body.to_owned(),
            headers: Vec::new(),
        }
    }

    pub(super) fn order(status: u16, kept: &Kept) -> Self {
        let Order { id, payload } = &kept.order;
        let body = format!(
            r#"{{"id":"{id}","item":{},"quantity":{}}}"#,
            serde_json::json!(payload.item),
            payload.quantity
        );
        Self::new(status, &body).with("location", format!("/orders/{id}"))
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn replayed(self) -> Self {
        self.with("idempotent-replayed", "true")
    }

    pub(super) fn reused() -> Self {
        Self::new(
            409,
            r#"{"error":"Idempotency key reused with different request","code":"IDEMPOTENCY_KEY_REUSED"}"#,
        )
    }

    pub(super) fn in_use() -> Self {
        let body =
            r#"{"error":"The first request is still in flight","code":"IDEMPOTENCY_KEY_IN_USE"}"#;
        Self::new(409, body).with("retry-after", "1")
    }

    pub(super) fn busy() -> Self {
        Self::new(503, r#"{"error":"Busy"}"#).with("retry-after", "1")
    }
}

impl Call {
    /// Returns what is kept under the key.
    pub(super) fn kept(&self) -> Option<Kept> {
        self.shop.keys.lock().unwrap().get(&self.key).cloned()
    }

    /// Creates an order with a new id, without storing it.
    pub(super) fn draft(&self) -> Kept {
        let id = 1 + self.shop.ids.fetch_add(1, Ordering::Relaxed);
        Kept {
            order: Order {
                id,
                payload: self.payload.clone(),
            },
            fingerprint: self.fingerprint.clone(),
            since: Instant::now(),
        }
    }

    /// Stores the order without its key.
    pub(super) fn store(&self, kept: &Kept) {
        self.write(Some(kept), None);
    }

    /// Keeps the order under its key, without storing it.
    pub(super) fn keep(&self, kept: &Kept) {
        self.write(None, Some(kept));
    }

    /// Stores the order and keeps the key, atomically.
    pub(super) fn write(&self, order: Option<&Kept>, key: Option<&Kept>) {
        if let Some(journal) = &self.shop.journal {
            journal.append(order, key.map(|kept| (self.key.as_str(), kept)));
        }
        let (mut orders, mut keys) = (
            self.shop.orders.lock().unwrap(),
            self.shop.keys.lock().unwrap(),
        );
        orders.extend(order.map(|kept| kept.order.clone()));
        keys.extend(key.map(|kept| (self.key.clone(), kept.clone())));
    }

    /// Keeps the order under its key, unless another request was faster: then returns that one's.
    pub(super) fn keep_first(&self, kept: &Kept) -> Option<Kept> {
        let mut keys = self.shop.keys.lock().unwrap();
        if let Some(winner) = keys.get(&self.key) {
            return Some(winner.clone());
        }
        keys.insert(self.key.clone(), kept.clone());
        None
    }

    /// Drafts, stores and keeps an order, atomically.
    pub(super) fn fresh(&self) -> Reply {
        let kept = self.draft();
        self.write(Some(&kept), Some(&kept));
        Reply::order(201, &kept)
    }

    /// Answers a known key: with its order, or that the key is reused.
    pub(super) fn known(&self, kept: &Kept) -> Reply {
        if kept.fingerprint == self.fingerprint {
            (self.species.replay)(self, kept)
        } else {
            Reply::reused()
        }
    }

    /// Waits as long as a database query takes.
    pub(super) async fn window(&self) {
        match self.species.window {
            Window::Turn => tokio::task::yield_now().await,
            Window::Millis(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
        }
    }

    /// Takes the lock of this name.
    pub(super) async fn locked(&self, name: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let lock = Arc::clone(
            self.shop
                .locks
                .lock()
                .unwrap()
                .entry(name.to_owned())
                .or_default(),
        );
        lock.lock_owned().await
    }
}
