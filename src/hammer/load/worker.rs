//! The measuring loop of one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::tally::Tally;
use crate::hammer::wire::{Connection, Request, Target};

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
    target: Target,
    headers: Vec<(String, String)>,
    /// Percentage of requests that repeat the previous key.
    replays: u64,
    name: String,
    sent: u64,
    key: u64,
}

impl Worker {
    /// The worker of connection `number` in the measurement `run`.
    pub(super) fn new(
        target: &Target,
        headers: &[(String, String)],
        replays: u8,
        run: u32,
        number: usize,
    ) -> Self {
        Self {
            target: target.clone(),
            headers: headers.to_vec(),
            replays: u64::from(replays),
            name: format!("load-{run:08x}-{number}"),
            sent: 0,
            key: 0,
        }
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
            let request = self.request();
            let status = exchange(&mut connection, &self.target, &request).await;
            if sent >= plan.measured_from {
                tally.record(planned, sent, status);
            }
            if status.is_none() {
                // Do not retry a target that is down a million times a second.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// Builds a fresh order, or a repetition of the previous one.
    fn request(&mut self) -> Request {
        // Replays are spread evenly: of any hundred requests in a row, so many are replays.
        let before = self.sent * self.replays / 100;
        self.sent += 1;
        let replay = self.sent * self.replays / 100 > before && self.key > 0;
        if !replay {
            self.key += 1;
        }
        let key = format!("{}-{}", self.name, self.key);
        let body = format!(r#"{{"item":"{key}","quantity":1}}"#);
        Request::post(&self.target, &self.headers, &[key.into_bytes()], &body)
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
