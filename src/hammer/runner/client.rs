//! The life of one attempt: connect, send up to the gate, release, receive, record.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::timing::sleep_until;
use crate::hammer::contract::Contract;
use crate::hammer::decode;
use crate::hammer::fault::{self, Intercepted, ProxiedPath};
use crate::hammer::history::{Answer, Event, FaultSeen, Invoked, Outcome, Recorder};
use crate::hammer::wire::{Connection, Pool, Request, WireError};
use crate::hammer::workload::{Fault, FaultKind, PlannedAttempt, Scenario};

/// How long the client of a held-back request waits before it gives up.
const SHORT_TIMEOUT: Duration = Duration::from_millis(50);

/// Sends attempts and records each of them in the history.
pub(crate) struct Client {
    /// One pool per instance of the service.
    pub(crate) pools: Vec<Arc<Pool>>,
    pub(crate) recorder: Recorder,
    pub(crate) contract: Contract,
    /// How long an attempt waits for its answer.
    pub(crate) response_timeout: Duration,
}

/// An attempt that waits at its gate.
pub(super) struct Prepared<'a> {
    n: u64,
    scenario: Scenario,
    planned: &'a PlannedAttempt,
    pool: &'a Pool,
    connection: Result<Connection, WireError>,
    request: Request,
    /// How many bytes of the request were sent before the gate.
    split: usize,
    proxy: Option<Intercepted>,
}

impl Prepared<'_> {
    /// Takes the proxy on the path, which holds the evidence of the fault.
    pub(super) fn take_proxy(&mut self) -> Option<Intercepted> {
        self.proxy.take()
    }
}

/// How an attempt ended on the wire.
enum End {
    /// Its last byte was never sent.
    NotSent(WireError),
    /// The client disconnected on purpose.
    Disconnected { released: Instant },
    /// It was sent in full, and no complete answer came back.
    Lost { released: Instant, error: WireError },
    /// A complete answer came back.
    Answered {
        released: Instant,
        first_byte: Instant,
        answer: Box<Answer>,
    },
}

impl Client {
    /// Connects and sends everything that does not wait for the gate.
    pub(super) async fn prepare<'a>(
        &'a self,
        scenario: Scenario,
        planned: &'a PlannedAttempt,
        during_process_fault: bool,
        drain: bool,
    ) -> Prepared<'a> {
        let instance = planned.instance % self.pools.len();
        let pool = &self.pools[instance];
        let n = self.recorder.number();
        let shape = &self.contract.request;
        let body = shape.body.body(&planned.payload);
        let request = pool.request(shape, &planned.key_headers, &body);
        self.recorder.record(Event::Invoke(Invoked {
            n,
            t: self.recorder.now(),
            instance,
            during_process_fault,
            drain,
            ..invoked(scenario, planned)
        }));
        let mut proxy = None;
        let connection = match planned.fault.proxied() {
            None => pool.take().await,
            Some(kind) => {
                let path = ProxiedPath {
                    attempt: n,
                    scenario,
                    kind,
                    fault: planned.fault,
                    upstream: pool.target().clone(),
                    request_length: request.bytes.len(),
                    timeout: self.response_timeout,
                };
                fault::intercept(path)
                    .await
                    .map(|(connection, intercepted)| {
                        proxy = Some(intercepted);
                        connection
                    })
            }
        };
        let split = planned.gate.split(request.head, request.bytes.len());
        let mut prepared = Prepared {
            n,
            scenario,
            planned,
            pool,
            connection,
            request,
            split,
            proxy,
        };
        if let Ok(connection) = &mut prepared.connection
            && let Err(error) = connection.send(&prepared.request.bytes[..split]).await
        {
            prepared.connection = Err(error);
        }
        prepared
    }

    /// Passes the gate that opened at `open`, waits for the answer and records the outcome.
    /// Returns whether the key needs no retry.
    pub(super) async fn finish(
        &self,
        prepared: Prepared<'_>,
        open: Instant,
        in_flight: &AtomicUsize,
    ) -> bool {
        let n = prepared.n;
        if prepared.planned.delay > Duration::ZERO {
            sleep_until(open + prepared.planned.delay).await;
        }
        let end = self.release(prepared, in_flight).await;
        let settled = match &end {
            End::Answered { answer, .. } => self.contract.response.settles(answer.status),
            End::NotSent(_) | End::Disconnected { .. } | End::Lost { .. } => false,
        };
        self.recorder.record(self.event(n, end));
        settled
    }

    async fn release(&self, prepared: Prepared<'_>, in_flight: &AtomicUsize) -> End {
        let mut connection = match prepared.connection {
            Ok(connection) => connection,
            Err(error) => return End::NotSent(error),
        };
        let tail = &prepared.request.bytes[prepared.split..];
        if let Err(error) = connection.push(tail) {
            return End::NotSent(error);
        }
        let released = Instant::now();
        if let Fault::Vanish { after_us, reset } = prepared.planned.fault {
            sleep_until(released + Duration::from_micros(after_us)).await;
            let landed = connection.is_quiet();
            connection.abandon(reset);
            self.record_disconnect(prepared.n, prepared.scenario, landed, after_us);
            return End::Disconnected { released };
        }
        let timeout = match prepared.planned.fault {
            Fault::Late { .. } => SHORT_TIMEOUT,
            _ => self.response_timeout * prepared.planned.patience,
        };
        in_flight.fetch_add(1, Ordering::Relaxed);
        let received = connection.receive(timeout).await;
        in_flight.fetch_sub(1, Ordering::Relaxed);
        match received {
            Ok((answer, first_byte)) => {
                if answer.keeps_alive && prepared.planned.fault == Fault::None {
                    prepared.pool.put(connection);
                }
                End::Answered {
                    released,
                    first_byte,
                    answer: Box::new(decode::answer(&answer, &self.contract.response)),
                }
            }
            Err(error) => End::Lost { released, error },
        }
    }

    fn record_disconnect(&self, n: u64, scenario: Scenario, landed: bool, after_us: u64) {
        let order = if landed { "before" } else { "after" };
        self.recorder.record(Event::Fault(FaultSeen {
            t: self.recorder.now(),
            kind: FaultKind::Vanish,
            scenario,
            attempt: Some(n),
            landed,
            evidence: format!("disconnected {after_us} µs after the last byte, {order} any answer"),
        }));
    }

    /// The event that records how attempt `n` ended.
    fn event(&self, n: u64, end: End) -> Event {
        let mut outcome = Outcome {
            n,
            t: self.recorder.now(),
            ..Outcome::default()
        };
        match end {
            End::NotSent(error) => {
                outcome.error = Some(error.with_sources());
                Event::Fail(outcome)
            }
            End::Disconnected { released } => {
                outcome.released = Some(self.recorder.at(released));
                outcome.error = Some("the client disconnected".to_owned());
                Event::Unknown(outcome)
            }
            End::Lost { released, error } => {
                outcome.released = Some(self.recorder.at(released));
                outcome.error = Some(error.with_sources());
                Event::Unknown(outcome)
            }
            End::Answered {
                released,
                first_byte,
                answer,
            } => {
                outcome.released = Some(self.recorder.at(released));
                outcome.first_byte = Some(self.recorder.at(first_byte));
                let status = answer.status;
                outcome.answer = Some(*answer);
                match status {
                    _ if self.contract.response.acknowledges(status) => Event::Ok(outcome),
                    // A refusal: the server claims that it changed nothing.
                    300..500 if status != 408 => Event::Fail(outcome),
                    // Also a 2xx that only says that the key is in flight.
                    _ => Event::Unknown(outcome),
                }
            }
        }
    }
}

/// What the history says of a planned attempt, wherever and whenever it is sent.
fn invoked(scenario: Scenario, planned: &PlannedAttempt) -> Invoked {
    let text = |line: &Vec<u8>| String::from_utf8_lossy(line).into_owned();
    Invoked {
        n: 0,
        t: 0,
        scenario,
        key: planned.key.clone(),
        key_headers: planned.key_headers.iter().map(text).collect(),
        kind: planned.kind,
        variant: planned.payload.variant,
        spelling: planned.payload.spelling,
        item: planned.payload.item.clone(),
        quantity: planned.payload.quantity,
        instance: planned.instance,
        gate: planned.gate,
        fault: planned.fault,
        during_process_fault: false,
        drain: false,
    }
}
