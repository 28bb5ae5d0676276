//! What handlers find out about a request, for its line in the log.

use std::cell::RefCell;
use std::pin::pin;

use uuid::Uuid;

use super::problem::Kind;
use crate::idempotency::{BatchTimes, Execution, Outcome, RequestId};
use crate::telemetry::RequestOutcome;

tokio::task_local! {
    static FACTS: RefCell<Facts>;
}

/// The facts about one request. Never a key, a body or a token.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) outcome: Option<RequestOutcome>,
    /// The order that was created or found.
    pub(super) order: Option<Uuid>,
    /// Digest of scope and key, under which the database stores it.
    pub(super) key_digest: Option<Uuid>,
    /// What logs call the request that this one repeats.
    pub(super) original: Option<RequestId>,
    /// Requests in the batch.
    pub(super) batch: Option<u32>,
    /// What the request waited for.
    pub(super) times: Option<BatchTimes>,
    /// The tenant, if clients are authenticated.
    pub(super) tenant: Option<String>,
    /// The problem that was answered.
    pub(super) problem: Option<Kind>,
    /// Why the request failed: the causes of a 5xx.
    pub(super) cause: Option<String>,
}

/// Runs a request and collects its facts.
pub(super) async fn collect<T>(request: impl Future<Output = T>) -> (T, Facts) {
    let mut request = pin!(FACTS.scope(RefCell::default(), request));
    let output = request.as_mut().await;
    let facts = request.as_mut().take_value();
    (output, facts.map(RefCell::into_inner).unwrap_or_default())
}

/// Adds to the facts about the present request. Outside of one it does nothing.
pub(super) fn note(change: impl FnOnce(&mut Facts)) {
    let _ = FACTS.try_with(|facts| change(&mut facts.borrow_mut()));
}

impl Facts {
    pub(super) fn executed(&mut self, execution: &Execution) {
        self.key_digest = Some(execution.key_digest);
        self.outcome = Some(execution.outcome());
        self.batch = execution.batch;
        self.times = execution.times;
        self.order = execution.resource();
        if let Ok(Outcome::Replayed(stored)) = &execution.result {
            self.original.clone_from(&stored.request_id);
        }
        self.cause = execution.cause.as_deref().map(str::to_owned);
    }
}
