//! The measuring loop of one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::tally::{Answered, Tally};
use crate::hammer::contract::Contract;
use crate::hammer::wire::{Connection, Request, Target};
use crate::hammer::workload::Payload;

/// A request without an answer after this time counts as unanswered.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// When the connections send.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) begin: Instant,
    pub(super) measured_from: Instant,
    pub(super) end: Instant,
    /// Planned requests per second. Without it, each request follows the previous answer.
    pub(super) rate: Option<f64>,
    /// Number of the next planned request of all connections.
    pub(super) ticket: AtomicU64,
}

impl Plan {
    /// When the next request is due.
    #[expect(clippy::cast_precision_loss, reason = "2^52 requests are enough")]
    fn next(&self) -> Instant {
        match self.rate {
            None => Instant::now(),
            Some(rate) => {
                let ticket = self.ticket.fetch_add(1, Ordering::Relaxed);
                self.begin + Duration::from_secs_f64(ticket as f64 / rate)
            }
        }
    }
}

/// Sends orders on one connection.
pub(super) struct Worker {
    contract: Arc<Contract>,
    target: Target,
    headers: Vec<(String, String)>,
    /// Percentage of requests that repeat the previous key.
    replays: u64,
    name: String,
    sent: u64,
    key: u64,
}

impl Worker {
    /// A worker that sends to `target`.
    pub(super) fn new(
        contract: &Arc<Contract>,
        target: &Target,
        headers: &[(String, String)],
        replays: u8,
    ) -> Self {
        Self {
            contract: Arc::clone(contract),
            target: target.clone(),
            headers: contract.headers(headers),
            replays: u64::from(replays),
            name: String::new(),
            sent: 0,
            key: 0,
        }
    }

    /// Sets the name, which begins every key.
    pub(super) fn named(mut self, name: String) -> Self {
        self.name = name;
        self
    }

    /// Sends and measures until the plan ends.
    pub(super) async fn run(mut self, plan: Arc<Plan>) -> Tally {
        let mut tally = Tally::default();
        let mut connection = None;
        loop {
            let planned = plan.next();
            if planned >= plan.end {
                return tally;
            }
            tokio::time::sleep_until(planned.max(plan.begin).into()).await;
            let sent = Instant::now();
            if sent >= plan.end {
                return tally;
            }
            let (request, repeated) = self.request();
            let status = exchange(&mut connection, &self.target, &request).await;
            if sent >= plan.measured_from {
                let answered = status.map(|status| self.answered(status, repeated));
                tally.record(planned, sent, answered);
            }
            if status.is_none() {
                // Do not retry a target that is down a million times a second.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// What an answer with this status says.
    fn answered(&self, status: u16, repeated: bool) -> Answered {
        let response = &self.contract.response;
        if !response.settles(status) {
            Answered::Refused
        } else if response.acknowledges(status) && response.is_fresh(status, repeated) {
            Answered::Created
        } else {
            Answered::Replayed
        }
    }

    /// Builds a fresh order, or a repetition of the previous one, and tells which.
    fn request(&mut self) -> (Request, bool) {
        // Replays are spread evenly: of any hundred requests in a row, so many are replays.
        let before = self.sent * self.replays / 100;
        self.sent += 1;
        let replay = self.sent * self.replays / 100 > before && self.key > 0;
        if !replay {
            self.key += 1;
        }
        let key = format!("{}-{}", self.name, self.key);
        let shape = &self.contract.request;
        let body = shape.body.body(&Payload::new(key.clone(), 1));
        let keys = [key.into_bytes()];
        let request = Request::of_contract(shape, &self.target, &self.headers, &keys, &body);
        (request, replay)
    }
}

/// Sends one request and returns the status of its answer. Reconnects if necessary.
async fn exchange(
    connection: &mut Option<Connection>,
    target: &Target,
    request: &Request,
) -> Option<u16> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => Connection::open(target, RESPONSE_TIMEOUT).await.ok()?,
    };
    open.send(&request.bytes).await.ok()?;
    let (answer, _) = open.receive(RESPONSE_TIMEOUT).await.ok()?;
    if answer.keeps_alive {
        *connection = Some(open);
    }
    Some(answer.status)
}
